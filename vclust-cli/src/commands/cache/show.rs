//! `vclust cache show`

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use vclust_grid::{Manifest, StoredImage};

use super::answer::{ImageAnswer, minute};
use super::image;
use crate::arguments::{Format, ShowImage};
use crate::failure::Failure;
use crate::output::{bytes, counted};

/// The JSON answer, a contract.
#[derive(Serialize)]
struct Answer<'a> {
    image: ImageAnswer<'a>,
    directory: &'a Path,
    manifest: &'a Manifest,
}

pub(super) fn run(arguments: &ShowImage, format: Format) -> Result<(), Failure> {
    let (repository, image) = image(&arguments.image)?;
    let manifest = repository.manifest(&image)?;
    let directory = repository.path_of(&image);
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match format {
        Format::Json => {
            let (answer, manifest) = (ImageAnswer::of(&image), &manifest);
            let answer = Answer { image: answer, directory: &directory, manifest };
            serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => text(&mut out, &image, &manifest, &directory, arguments.packages)?,
    }
    out.flush()?;
    Ok(())
}

fn text(
    out: &mut impl Write,
    image: &StoredImage,
    manifest: &Manifest,
    directory: &Path,
    packages: bool,
) -> std::io::Result<()> {
    let new = &manifest.image;
    let bold = anstyle::Style::new().bold();
    let mut line = |name: &str, text: &str| writeln!(out, "{bold}{name:<12}{bold:#} {text}");
    line("image", &image.id)?;
    let kind = match &new.base {
        Some(base) => format!("layer on {base}"),
        None => format!("image, variant {}", new.variant),
    };
    line("what", &format!("{kind}, for {}", new.architecture))?;
    if !new.request.is_empty() {
        line("asked for", &new.request.join(" "))?;
    }
    line("content", &format!("sha256:{}", new.content))?;
    let held = counted(new.files as usize, "entry").replace("entrys", "entries");
    line("holds", &format!("{held}, {} in files", bytes(new.bytes)))?;
    line("packages", &new.packages.len().to_string())?;
    let built =
        format!("{} UTC by {} in {:.1} s", minute(new.created), new.builder, new.build_seconds);
    line("built", &built)?;
    if !new.phases.is_empty() {
        let phases: Vec<String> =
            new.phases.iter().map(|part| format!("{} {:.1} s", part.phase, part.seconds)).collect();
        line("phases", &phases.join(", "))?;
    }
    line("key", &manifest.key.to_string())?;
    for input in &new.inputs {
        line("from", &format!("{} sha256:{}", input.name, input.sha256))?;
    }
    line("uses", &format!("{}, last {} UTC", image.uses, minute(image.last_used)))?;
    line("directory", &directory.display().to_string())?;
    for product in &new.products {
        line(
            "file",
            &format!("{:<14} {:>9}  sha256:{}", product.name, bytes(product.bytes), product.sha256),
        )?;
    }
    if packages {
        for package in &new.packages {
            writeln!(out, "  {} {} {}", package.package, package.version, package.architecture)?;
        }
    }
    Ok(())
}

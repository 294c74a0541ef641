//! `vclust cache list`

use std::io::Write;

use serde::Serialize;
use vclust_grid::{ImageKind, StoredImage};

use super::answer::{ImageAnswer, minute};
use super::repository;
use crate::arguments::Format;
use crate::failure::Failure;
use crate::output::{bytes, counted};

/// The JSON answer, a contract.
#[derive(Serialize)]
struct Answer<'a> {
    images: Vec<ImageAnswer<'a>>,
    layers: Vec<ImageAnswer<'a>>,
    stored_bytes: u64,
}

pub(super) fn run(format: Format) -> Result<(), Failure> {
    let images = match repository()? {
        Some(repository) => repository.list()?,
        None => Vec::new(),
    };
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match format {
        Format::Json => {
            let of = |kind| -> Vec<ImageAnswer<'_>> {
                let wanted = images.iter().filter(|image| image.kind == kind);
                wanted.map(ImageAnswer::of).collect()
            };
            let answer = Answer {
                images: of(ImageKind::Image),
                layers: of(ImageKind::Layer),
                stored_bytes: images.iter().map(StoredImage::stored_bytes).sum(),
            };
            serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => text(&mut out, &images)?,
    }
    out.flush()?;
    Ok(())
}

/// How much of what was asked for is shown.
const NAMED: usize = 4;

fn text(out: &mut impl Write, images: &[StoredImage]) -> std::io::Result<()> {
    if images.is_empty() {
        return writeln!(out, "no images yet");
    }
    let bold = anstyle::Style::new().bold();
    writeln!(
        out,
        "{bold}{:<16} {:<25} {:>8} {:>9} {:>9} {:>5}  {:<16} {:>8}  asked for{bold:#}",
        "image", "what", "packages", "size", "stored", "uses", "last used (UTC)", "building"
    )?;
    for image in images {
        let what = match &image.base {
            Some(base) => format!("layer on {base}"),
            None => format!("{}, {}", image.variant, image.architecture),
        };
        let request = match image.request.len() {
            0 => String::new(),
            count if count > NAMED => {
                format!("  {} and {} more", image.request[..NAMED].join(" "), count - NAMED)
            }
            _ => format!("  {}", image.request.join(" ")),
        };
        writeln!(
            out,
            "{:<16} {what:<25} {:>8} {:>9} {:>9} {:>5}  {:<16} {:>6.1} s{request}",
            image.id,
            image.packages.len(),
            bytes(image.transfer_bytes()),
            bytes(image.stored_bytes()),
            image.uses,
            minute(image.last_used),
            image.build_seconds
        )?;
    }
    let total = images.iter().map(StoredImage::stored_bytes).sum();
    writeln!(out, "{}, {} on disk", counted(images.len(), "image"), bytes(total))
}

//! `vclust cache verify`

use std::io::Write;

use serde::Serialize;
use vclust_grid::{StoredImage, Verified};

use super::repository;
use crate::arguments::{Format, VerifyImages};
use crate::failure::Failure;
use crate::output::{bytes, counted};
use crate::progress;

/// The JSON answer, a contract.
#[derive(Serialize)]
struct Answer {
    sound: bool,
    images: Vec<ImageAnswer>,
}

#[derive(Serialize)]
struct ImageAnswer {
    id: String,
    sound: bool,
    bytes: u64,
    damages: Vec<String>,
}

pub(super) fn run(arguments: &VerifyImages, format: Format) -> Result<(), Failure> {
    let mut images: Vec<StoredImage> = Vec::new();
    let repository = repository()?;
    if let Some(repository) = &repository {
        if arguments.images.is_empty() {
            images = repository.list()?;
        }
        for name in &arguments.images {
            let image = repository.get(name)?;
            if !images.contains(&image) {
                images.push(image);
            }
        }
    } else if let Some(name) = arguments.images.first() {
        super::image(name)?;
    }
    let total = images.iter().map(StoredImage::stored_bytes).sum();
    let bar = progress::reading(Some(total));
    let mut verified = Vec::with_capacity(images.len());
    for (image, repository) in images.iter().zip(std::iter::repeat(&repository)) {
        let Some(repository) = repository else { continue };
        bar.set_message(image.id.clone());
        verified.push(repository.verify(image, &|read| bar.inc(read))?);
    }
    bar.finish_and_clear();
    let damaged = verified.iter().filter(|image| !image.damages.is_empty()).count();
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match format {
        Format::Json => {
            let images = verified.iter().map(answer).collect();
            let answer = Answer { sound: damaged == 0, images };
            serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => text(&mut out, &verified)?,
    }
    out.flush()?;
    match (damaged, format) {
        (0, _) => Ok(()),
        (_, Format::Json) => Err(Failure::Told),
        (_, Format::Text) => Err(Failure::Damaged { damaged, of: verified.len() }),
    }
}

fn answer(verified: &Verified) -> ImageAnswer {
    ImageAnswer {
        id: verified.id.clone(),
        sound: verified.damages.is_empty(),
        bytes: verified.bytes,
        damages: verified.damages.iter().map(ToString::to_string).collect(),
    }
}

fn text(out: &mut impl Write, verified: &[Verified]) -> std::io::Result<()> {
    for image in verified {
        if image.damages.is_empty() {
            writeln!(out, "{} sound, {} read", image.id, bytes(image.bytes))?;
            continue;
        }
        writeln!(out, "{} damaged:", image.id)?;
        for damage in &image.damages {
            writeln!(out, "  {damage}")?;
        }
    }
    if verified.is_empty() {
        writeln!(out, "{} to verify", counted(0, "image"))?;
    }
    Ok(())
}

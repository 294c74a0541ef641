//! `vclust cache export`

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use vclust_core::ByteSize;
use vclust_grid::{ExportForm, ExportOptions, remove_unfinished_export};

use super::image;
use crate::arguments::{ExportImage, Format};
use crate::failure::Failure;
use crate::interrupt;
use crate::output::bytes;
use crate::progress;
use crate::root;

/// The JSON answer, a contract.
#[derive(Serialize)]
struct Answer<'a> {
    id: &'a str,
    target: &'a Path,
    form: &'static str,
    bytes: u64,
    seconds: f64,
}

pub(super) fn run(arguments: &ExportImage, format: Format) -> Result<(), Failure> {
    let form = ExportForm::of(&arguments.target);
    let is_disk = matches!(form, ExportForm::Raw | ExportForm::Qcow2);
    if arguments.disk_size.is_some() && !is_disk {
        return Err(Failure::DiskSizeOfNoDisk { target: arguments.target.clone() });
    }
    if is_disk || form == ExportForm::Directory {
        root::ensure()?;
    }
    interrupt::supervised(|worker| {
        let target = &arguments.target;
        remove_unfinished_export(target, worker)
            .map_err(|source| Failure::WriteFile { path: target.clone(), source })
    })?;
    let (repository, image) = image(&arguments.image)?;
    let options = ExportOptions {
        form,
        replace: arguments.force,
        disk_size: arguments.disk_size.map(ByteSize::bytes),
    };
    let product = |suffix: &str| {
        let found = image.products.iter().find(|(name, _)| name.ends_with(suffix));
        found.map(|(_, bytes)| *bytes)
    };
    let total = match form {
        ExportForm::Directory => Some(image.content_bytes),
        ExportForm::TarZst => product(".tar.zst"),
        ExportForm::Erofs => product(".erofs"),
        ExportForm::Tar | ExportForm::Raw | ExportForm::Qcow2 => None,
    };
    let start = Instant::now();
    let bar = progress::reading(total);
    bar.set_message(image.id.clone());
    if is_disk {
        // the programs that make disks do not tell how far they are
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
    }
    let written =
        repository.export(&image, &arguments.target, &options, &|worked| bar.inc(worked))?;
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    let target = arguments.target.as_path();
    let mut out = anstream::stdout().lock();
    match format {
        Format::Json => {
            let answer =
                Answer { id: &image.id, target, form: form.name(), bytes: written, seconds };
            serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => {
            let (size, name) = (bytes(written), target.display());
            writeln!(out, "{name}: {size} of image {} in {seconds:.1} s", image.id)?;
        }
    }
    Ok(())
}

//! `vclust cache kernel`

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use vclust_debian::StateDirectory;
use vclust_grid::{BootPackages, RootState};

use super::build;
use crate::arguments::{Format, Source};
use crate::failure::Failure;
use crate::load;
use crate::progress;
use crate::root;

/// The JSON answer, a contract.
#[derive(Serialize)]
struct Answer<'a> {
    release: &'a str,
    kernel: &'a Path,
    initramfs: &'a Path,
    modules: &'a Path,
}

pub(super) fn run(source: &Source, format: Format) -> Result<(), Failure> {
    root::ensure()?;
    let state = StateDirectory::locate()?;
    let loaded = load::load(source, &RootState::Empty)?;
    let packages = BootPackages::of(&loaded.index, &loaded.policy, &loaded.archives)?;
    let pool = build::pool(&state, packages.plan())?;
    let bar = progress::reading(Some(packages.plan().download_bytes()));
    let files = packages.make(&state, &pool, &|progress| bar.set_position(progress.bytes));
    bar.finish_and_clear();
    let files = files?;
    let answer = Answer {
        release: files.kernel.release(),
        kernel: files.kernel.image(),
        initramfs: &files.initramfs,
        modules: files.kernel.modules_directory(),
    };
    let mut out = anstream::stdout().lock();
    match format {
        Format::Json => {
            serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => {
            let bold = anstyle::Style::new().bold();
            writeln!(out, "{bold}{}{bold:#}", answer.release)?;
            writeln!(out, "  kernel     {}", answer.kernel.display())?;
            writeln!(out, "  initramfs  {}", answer.initramfs.display())?;
            writeln!(out, "  modules    {}", answer.modules.display())?;
        }
    }
    Ok(())
}

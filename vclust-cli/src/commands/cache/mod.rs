//! `vclust cache`: the images of this site.

mod answer;
pub(crate) mod build;
mod collect;
mod export;
mod generate;
mod kernel;
mod list;
mod show;
mod verify;

use std::path::Path;

use vclust_core::{ImageListings, Index};
use vclust_debian::StateDirectory;
use vclust_grid::{ImageRepository, RepositoryError, StoredImage};

use crate::arguments::{CacheCommand, Format};
use crate::failure::Failure;

pub(crate) fn run(command: &CacheCommand, format: Format) -> Result<(), Failure> {
    match command {
        CacheCommand::List => list::run(format),
        CacheCommand::Show(arguments) => show::run(arguments, format),
        CacheCommand::Verify(arguments) => verify::run(arguments, format),
        CacheCommand::Gc(arguments) => collect::run(arguments, format),
        CacheCommand::Export(arguments) => export::run(arguments, format),
        CacheCommand::Generate(arguments) => generate::run(arguments, format),
        CacheCommand::Build(arguments) => build::run(arguments, format),
        CacheCommand::Kernel(source) => kernel::run(source, format),
    }
}

/// The images of a file, or else those of this site's repository.
pub(crate) fn known_images(file: Option<&Path>, index: &Index) -> Result<ImageListings, Failure> {
    let Some(path) = file else {
        return Ok(match repository()? {
            Some(repository) => repository.listings(index.native_architecture())?,
            None => ImageListings::default(),
        });
    };
    let text =
        std::fs::read(path).map_err(|source| Failure::Read { path: path.to_owned(), source })?;
    ImageListings::parse(&text).map_err(|source| Failure::Images { path: path.to_owned(), source })
}

/// Removes what builders left that are dead.
pub(crate) fn clean_up(_worker: u32) -> Result<(), Failure> {
    let Some(repository) = repository()? else { return Ok(()) };
    repository.recover()?;
    Ok(())
}

/// This site's repository, if it has one.
fn repository() -> Result<Option<ImageRepository>, Failure> {
    Ok(ImageRepository::open_existing(&StateDirectory::locate()?)?)
}

/// An image by the beginning of its name.
fn image(name: &str) -> Result<(ImageRepository, StoredImage), Failure> {
    let unknown = || RepositoryError::Unknown { name: name.to_owned(), near: Vec::new() };
    let repository = repository()?.ok_or_else(unknown)?;
    let image = repository.get(name)?;
    Ok((repository, image))
}

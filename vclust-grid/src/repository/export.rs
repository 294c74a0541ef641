//! Images as other programs take them: directories, archives, file systems, disks.
//!
//! What is exported is made under a temporary name beside its target and renamed when it is whole, so
//! that nobody ever sees a part of it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;
use vclust_debian::{
    Archive, Compression, DiskContent, DiskFormat, DiskOptions, OnBytes, ProductError, Tree,
    UserNamespace, copy_tar, unpack_archive, write_disk, write_erofs,
};

use super::catalogue::StoredImage;
use super::error::RepositoryError;
use super::manifest::{Manifest, Product, root_archive, root_erofs};
use super::{ImageRepository, Lease};

/// What an image is exported as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// A directory with the root in it.
    Directory,
    /// A tar archive.
    Tar,
    /// A tar archive compressed by zstd.
    TarZst,
    /// An erofs image.
    Erofs,
    /// A raw disk with one ext4 file system.
    Raw,
    /// The same as QEMU's qcow2.
    Qcow2,
}

impl ExportForm {
    /// `directory`, `tar`, `tar.zst`, `erofs`, `raw` or `qcow2`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Tar => "tar",
            Self::TarZst => "tar.zst",
            Self::Erofs => "erofs",
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }

    /// The form that a target's suffix asks for; without a suffix that is known, a directory.
    #[must_use]
    pub fn of(target: &Path) -> Self {
        let name = target.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let known = [
            (".tar", Self::Tar),
            (".tar.zst", Self::TarZst),
            (".tzst", Self::TarZst),
            (".erofs", Self::Erofs),
            (".raw", Self::Raw),
            (".img", Self::Raw),
            (".qcow2", Self::Qcow2),
        ];
        let found = known.iter().find(|(suffix, _)| name.ends_with(suffix));
        found.map_or(Self::Directory, |(_, form)| *form)
    }
}

/// How an image is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportOptions {
    /// As what.
    pub form: ExportForm,
    /// Whether a file of that name is replaced, or a directory that is empty.
    pub replace: bool,
    /// The size of a disk, if not the least that holds the image.
    pub disk_size: Option<u64>,
}

/// Why an image is not exported. The target is as before.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The repository does not answer.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// What is to be exported cannot be made.
    #[error("cannot export to {}", target.display())]
    Product {
        /// The target.
        target: PathBuf,
        /// Why not.
        source: ProductError,
    },
    /// There is something of that name.
    #[error("{} exists already; --force replaces it", .0.display())]
    Exists(PathBuf),
    /// There is a directory with something in it.
    #[error("{} is a directory that is not empty; remove it yourself if nobody needs it", .0.display())]
    NotEmpty(PathBuf),
    /// The target is no name of a file.
    #[error("{} is no name that a file can have", .0.display())]
    NoName(PathBuf),
    /// The image has no file that the form could be made of.
    #[error("image {id} has no {product}, which this is made of")]
    NoProduct {
        /// The image.
        id: String,
        /// The file.
        product: &'static str,
    },
    /// The target, or what is beside it, cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// What it is.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl ImageRepository {
    /// Writes an image to a target and says how many bytes that has; for a directory, those in its
    /// files. Directories and disks take root, that of a user namespace at least.
    pub fn export(
        &self,
        image: &StoredImage,
        target: &Path,
        options: &ExportOptions,
        on_bytes: OnBytes<'_>,
    ) -> Result<u64, ExportError> {
        let there = check_target(target, options)?;
        let name = target.file_name().ok_or_else(|| ExportError::NoName(target.to_owned()))?;
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let failed = |source| ExportError::Write { path: target.to_owned(), source };
        let scratch = tempfile::Builder::new()
            .prefix(&scratch_prefix(name, std::process::id()))
            .tempdir_in(parent.unwrap_or(Path::new(".")))
            .map_err(failed)?;
        let export = Export {
            manifest: self.manifest(image)?,
            lease: self.lease(image)?,
            target,
            scratch: scratch.path(),
            on_bytes,
        };
        let new = scratch.path().join("new");
        match options.form {
            ExportForm::Directory => export.directory(&new)?,
            ExportForm::Tar => export.tar(&new)?,
            ExportForm::TarZst if export.has(root_archive()) => {
                export.copy(root_archive(), &new)?;
            }
            ExportForm::TarZst => export.make_archive(&new, Compression::default())?,
            ExportForm::Erofs if export.has(root_erofs()) => export.copy(root_erofs(), &new)?,
            ExportForm::Erofs => export.make_erofs(&new)?,
            ExportForm::Raw => export.disk(&new, DiskFormat::Raw, options)?,
            ExportForm::Qcow2 => export.disk(&new, DiskFormat::Qcow2, options)?,
        }
        let bytes = if options.form == ExportForm::Directory {
            image.content_bytes
        } else {
            let file = File::open(&new).map_err(failed)?;
            file.sync_all().map_err(failed)?;
            file.metadata().map_err(failed)?.len()
        };
        let flags = if there {
            rustix::fs::RenameFlags::empty()
        } else {
            rustix::fs::RenameFlags::NOREPLACE
        };
        let cwd = rustix::fs::CWD;
        match rustix::fs::renameat_with(cwd, &new, cwd, target, flags) {
            Ok(()) => Ok(bytes),
            Err(rustix::io::Errno::EXIST) => Err(ExportError::Exists(target.to_owned())),
            Err(error) => Err(failed(error.into())),
        }
    }
}

/// How the names begin of directories that a process makes exports to a target in.
fn scratch_prefix(target: &OsStr, process: u32) -> String {
    format!(".{}-{process}-", target.to_string_lossy())
}

/// Removes what a process that is dead left beside a target that it was exporting to.
pub fn remove_unfinished_export(target: &Path, process: u32) -> io::Result<()> {
    let Some(name) = target.file_name() else { return Ok(()) };
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    let prefix = scratch_prefix(name, process);
    for entry in fs::read_dir(parent.unwrap_or(Path::new(".")))? {
        let entry = entry?;
        let is_left = entry.file_name().to_string_lossy().starts_with(&prefix);
        if is_left && entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Whether there is something to replace, if that is allowed.
fn check_target(target: &Path, options: &ExportOptions) -> Result<bool, ExportError> {
    let data = match target.symlink_metadata() {
        Ok(data) => data,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(ExportError::Write { path: target.to_owned(), source }),
    };
    if data.is_dir() {
        let mut entries = fs::read_dir(target)
            .map_err(|source| ExportError::Write { path: target.to_owned(), source })?;
        if entries.next().is_some() {
            return Err(ExportError::NotEmpty(target.to_owned()));
        }
    }
    let is_directory = options.form == ExportForm::Directory;
    // an empty directory is as good as none
    if (options.replace || data.is_dir()) && data.is_dir() == is_directory {
        return Ok(true);
    }
    Err(ExportError::Exists(target.to_owned()))
}

struct Export<'a> {
    manifest: Manifest,
    lease: Lease,
    target: &'a Path,
    scratch: &'a Path,
    on_bytes: OnBytes<'a>,
}

impl Export<'_> {
    fn product(&self, name: &'static str) -> Result<(PathBuf, &Product), ExportError> {
        let found = self.manifest.image.product(name);
        let id = || self.manifest.id.clone();
        let product = found.ok_or_else(|| ExportError::NoProduct { id: id(), product: name })?;
        Ok((self.lease.product(name), product))
    }

    fn failed(&self) -> impl FnOnce(ProductError) -> ExportError {
        |source| ExportError::Product { target: self.target.to_owned(), source }
    }

    fn has(&self, product: &str) -> bool {
        self.manifest.image.product(product).is_some()
    }

    /// The tree in the erofs image, for an image that was built without an archive.
    fn tree(&self) -> Result<Tree, ExportError> {
        let (image, _) = self.product(root_erofs())?;
        Tree::read_erofs(&image).map_err(self.failed())
    }

    /// What was made of the erofs image must be the content.
    fn check(&self, made: &Archive) -> Result<(), ExportError> {
        let (expected, found) = (self.manifest.image.content, made.content);
        if found == expected {
            return Ok(());
        }
        let path = self.lease.product(root_erofs());
        Err(self.failed()(ProductError::Digest { path, expected, found }))
    }

    fn tar(&self, new: &Path) -> Result<(), ExportError> {
        if self.has(root_archive()) {
            let (archive, _) = self.product(root_archive())?;
            let content = self.manifest.image.content;
            return copy_tar(&archive, content, new, self.on_bytes).map_err(self.failed());
        }
        let made = self.tree()?.write_tar(new, self.on_bytes).map_err(self.failed())?;
        self.check(&made)
    }

    fn make_archive(&self, new: &Path, compression: Compression) -> Result<(), ExportError> {
        let tree = self.tree()?;
        let made = tree.write_tar_zst(new, compression, self.on_bytes).map_err(self.failed())?;
        self.check(&made)
    }

    fn directory(&self, new: &Path) -> Result<(), ExportError> {
        let archive = if self.has(root_archive()) {
            self.product(root_archive())?.0
        } else {
            let made = self.scratch.join("archive");
            self.make_archive(&made, Compression { level: 1, ..Compression::default() })?;
            made
        };
        fs::create_dir(new)
            .map_err(|source| ExportError::Write { path: new.to_owned(), source })?;
        let content = self.manifest.image.content;
        unpack_archive(&archive, content, new, self.on_bytes).map_err(self.failed())?;
        Ok(())
    }

    fn copy(&self, name: &'static str, new: &Path) -> Result<(), ExportError> {
        let (path, _) = self.product(name)?;
        let read = |source| RepositoryError::Read { path: path.clone(), source };
        let failed = |source| ExportError::Write { path: new.to_owned(), source };
        let mut from = File::open(&path).map_err(read)?;
        let mut to = File::create_new(new).map_err(failed)?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let filled = from.read(&mut buffer).map_err(read)?;
            if filled == 0 {
                return Ok(());
            }
            to.write_all(&buffer[..filled]).map_err(failed)?;
            (self.on_bytes)(filled as u64);
        }
    }

    /// An erofs image from the archive, for an image that was built without one.
    fn make_erofs(&self, new: &Path) -> Result<(), ExportError> {
        let root = self.scratch.join("root");
        self.directory(&root)?;
        let image = &self.manifest.image;
        let tree = Tree::read(&root, image.source_date_epoch).map_err(self.failed())?;
        write_erofs(&tree, new, image.content, self.on_bytes).map_err(self.failed())?;
        Ok(())
    }

    fn disk(
        &self,
        new: &Path,
        format: DiskFormat,
        options: &ExportOptions,
    ) -> Result<(), ExportError> {
        let image = &self.manifest.image;
        let disk = DiskOptions {
            format,
            size: options.disk_size,
            digest: image.content,
            entries: image.files,
            content_bytes: image.bytes,
            source_date_epoch: image.source_date_epoch,
        };
        // only the machine's root can mount an image
        if UserNamespace::is_inside() {
            let tree = self.scratch.join("tree");
            self.directory(&tree)?;
            return write_disk(DiskContent::Directory(&tree), new, &disk).map_err(self.failed());
        }
        let erofs = if self.has(root_erofs()) {
            self.product(root_erofs())?.0
        } else {
            let made = self.scratch.join("erofs");
            self.make_erofs(&made)?;
            made
        };
        write_disk(DiskContent::Image(&erofs), new, &disk).map_err(self.failed())
    }
}

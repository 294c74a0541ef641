//! Disks with one ext4 file system, without a partition table: `root=/dev/vda` of a machine that is
//! started with a kernel of its own.

use std::fs::{self, File};
use std::path::Path;

use vclust_core::Sha256;

use super::erofs::uuid_text;
use super::error::ProductError;
use super::from_image::run_with_mounted;
use crate::command::{ExternalCommand, time_for};

/// What a disk's file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFormat {
    /// The disk's bytes, with holes where there is nothing.
    Raw,
    /// QEMU's, which needs no holes.
    Qcow2,
}

/// A disk to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskOptions {
    /// What its file is.
    pub format: DiskFormat,
    /// Its size in bytes, rounded up to a mebibyte; `None` for the least that holds the content.
    pub size: Option<u64>,
    /// The digest of the content, from which the file system's UUID comes.
    pub digest: Sha256,
    /// Files, directories and links in it.
    pub entries: u64,
    /// Bytes in its files.
    pub content_bytes: u64,
    /// The time that the file system was made, in seconds since the start of 1970.
    pub source_date_epoch: u64,
}

const MIB: u64 = 1 << 20;
/// Bytes of the journal.
const JOURNAL: u64 = 16 * MIB;
/// `mke2fs`'s configuration: Debian's ext4, so that the machine's own does not count.
const CONFIGURATION: &str = "\
[defaults]
    base_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr
    default_mntopts = acl,user_xattr
    enable_periodic_fsck = 0
    blocksize = 4096
    inode_size = 256
    inode_ratio = 16384
[fs_types]
    ext4 = {
        features = has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize
    }
";

impl DiskOptions {
    /// Inodes of the file system: one for each 16 KiB, and room for more files.
    fn inodes(&self, size: u64) -> u64 {
        (size >> 14).max(self.entries + self.entries / 4 + 1024)
    }

    /// A size that holds the content whatever the sizes of its files: each may waste a block.
    fn needed(&self) -> u64 {
        let content = self.content_bytes + self.entries * 4096;
        let inodes = self.inodes(content) * 256;
        // maps of blocks and inodes, copies of the superblock, room to grow the file system
        let rest = content / 64 + 8 * MIB;
        // and a journal takes no more than half of a file system
        (content + inodes + JOURNAL + rest).next_multiple_of(MIB).max(4 * JOURNAL)
    }
}

/// Where a disk's content comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskContent<'a> {
    /// An erofs image. It is mounted, which takes root, and not just of a user namespace.
    Image(&'a Path),
    /// A directory, whose owners are those of this process's user namespace.
    Directory(&'a Path),
}

/// Writes a disk, through `mke2fs`, and `qemu-img` for qcow2. The file must not be there; a temporary one
/// lies beside it meanwhile.
///
/// The bytes depend on the versions of these programs, and on the order of a directory, too.
pub fn write_disk(
    content: DiskContent<'_>,
    path: &Path,
    options: &DiskOptions,
) -> Result<(), ProductError> {
    let needed = options.needed();
    let size = match options.size {
        Some(asked) if asked < needed => return Err(ProductError::TooSmall { asked, needed }),
        asked => asked.unwrap_or(needed + needed / 20).next_multiple_of(MIB),
    };
    match options.format {
        DiskFormat::Raw => write_raw(content, path, size, options),
        DiskFormat::Qcow2 => {
            let scratch = scratch_beside(path)?;
            let raw = scratch.path().join("raw");
            write_raw(content, &raw, size, options)?;
            let convert = ExternalCommand::new("qemu-img", "qemu-utils")
                .arg("convert")
                .args(["-q", "-f", "raw", "-O", "qcow2", "-m", "1"])
                .arg(&raw)
                .arg(path)
                .timeout(time_for(size));
            let failed = |source| ProductError::Command { path: path.to_owned(), source };
            convert.succeed().map_err(failed)?;
            Ok(())
        }
    }
}

/// Writes a file with an empty ext4 file system, which takes no more room than what describes it. The
/// file must not be there.
///
/// What would only have to be zeros is left out, as it is zeros already in a file with holes; that
/// makes no difference but in time.
pub fn write_empty_ext4(path: &Path, size: u64) -> Result<(), ProductError> {
    let least = 4 * JOURNAL;
    if size < least {
        return Err(ProductError::TooSmall { asked: size, needed: least });
    }
    let file = File::create_new(path).map_err(ProductError::write(path))?;
    file.set_len(size / MIB * MIB).map_err(ProductError::write(path))?;
    let scratch = scratch_beside(path)?;
    let configuration = scratch.path().join("mke2fs.conf");
    fs::write(&configuration, CONFIGURATION).map_err(ProductError::write(&configuration))?;
    ExternalCommand::new("mke2fs", "e2fsprogs")
        .args(["-q", "-F", "-t", "ext4", "-T", "default", "-m", "0"])
        .args(["-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0"])
        .arg("-J")
        .arg(format!("size={}", JOURNAL / MIB))
        .arg(path)
        .env("MKE2FS_CONFIG", &configuration)
        .timeout(time_for(size))
        .succeed()
        .map_err(|source| ProductError::Command { path: path.to_owned(), source })?;
    Ok(())
}

/// A directory for what is only needed meanwhile, where the disk can be written, too.
fn scratch_beside(path: &Path) -> Result<tempfile::TempDir, ProductError> {
    let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    tempfile::Builder::new()
        .prefix(".disk-")
        .tempdir_in(beside.unwrap_or(Path::new(".")))
        .map_err(ProductError::write(path))
}

fn write_raw(
    content: DiskContent<'_>,
    path: &Path,
    size: u64,
    options: &DiskOptions,
) -> Result<(), ProductError> {
    let file = File::create_new(path).map_err(ProductError::write(path))?;
    file.set_len(size).map_err(ProductError::write(path))?;
    let scratch = scratch_beside(path)?;
    let configuration = scratch.path().join("mke2fs.conf");
    fs::write(&configuration, CONFIGURATION).map_err(ProductError::write(&configuration))?;
    let uuid = uuid_text(options.digest);
    let mke2fs = |command: ExternalCommand, tree: &Path| {
        command
            .args(["-q", "-t", "ext4", "-T", "default", "-m", "1", "-U", &uuid])
            .arg("-E")
            .arg(format!("hash_seed={uuid},root_owner=0:0,lazy_itable_init=0"))
            .arg("-J")
            .arg(format!("size={}", JOURNAL / MIB))
            .arg("-N")
            .arg(options.inodes(size).to_string())
            .arg("-d")
            .arg(tree)
            .arg(path)
            .env("MKE2FS_CONFIG", &configuration)
            .env("E2FSPROGS_FAKE_TIME", options.source_date_epoch.max(1).to_string())
    };
    match content {
        DiskContent::Image(image) => {
            let mount = scratch.path().join("mount");
            fs::create_dir(&mount).map_err(ProductError::write(&mount))?;
            let mke2fs = |unshare: ExternalCommand| mke2fs(unshare.arg("mke2fs"), &mount);
            run_with_mounted(image, &mount, mke2fs, "a disk", path)
        }
        DiskContent::Directory(tree) => {
            let command = ExternalCommand::new("mke2fs", "e2fsprogs").timeout(time_for(size));
            let failed = |source| ProductError::Command { path: path.to_owned(), source };
            mke2fs(command, tree).succeed().map_err(failed)?;
            Ok(())
        }
    }
}

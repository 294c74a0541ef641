//! Making one file, link, device or pipe, with its attributes in an order that leaves no gap.
//!
//! A file is made anew under its final name, readable by its owner alone; then it gets its content,
//! its owner, and only then its mode, so that nothing is setuid before it belongs to the right user.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_NOW, Uid, XattrFlags,
};
use rustix::io::Errno;

use super::accounts::Accounts;
use super::md5::{Md5, Summing};
use super::overrides::Overrides;
use super::root::Directory;
use crate::deb::{DataArchive, DataEntry, DebError};

/// Owner, mode, time and extended attributes that something gets.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes {
    user: u32,
    group: u32,
    mode: u32,
    modified: i64,
    extended: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Why something could not be made.
#[derive(Debug)]
pub(super) enum MakeError {
    /// There is something with this name.
    Exists,
    /// What was tried, and what the system says.
    Failed(&'static str, io::Error),
    /// The content cannot be read.
    Package(DebError),
}

impl From<DebError> for MakeError {
    fn from(error: DebError) -> Self {
        Self::Package(error)
    }
}

impl Attributes {
    /// What an entry says, with its names looked up and overrides applied.
    pub(super) fn of(entry: &mut DataEntry, accounts: &Accounts, overrides: &Overrides) -> Self {
        let mut attributes = Self {
            user: accounts.user(&entry.user_name).unwrap_or(entry.user),
            group: accounts.group(&entry.group_name).unwrap_or(entry.group),
            mode: entry.mode,
            modified: entry.modified,
            extended: std::mem::take(&mut entry.attributes),
        };
        if let Some(stat) = overrides.stat(&entry.path) {
            (attributes.user, attributes.group) = (stat.user, stat.group);
            attributes.mode = stat.mode & 0o7777;
        }
        attributes
    }

    pub(super) fn has_extended(&self) -> bool {
        !self.extended.is_empty()
    }

    fn times(&self) -> Timestamps {
        Timestamps {
            last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
            last_modification: Timespec { tv_sec: self.modified, tv_nsec: 0 },
        }
    }

    fn mode(&self) -> Mode {
        Mode::from_raw_mode(self.mode)
    }

    fn owner(&self) -> (Option<Uid>, Option<Gid>) {
        (Some(Uid::from_raw(self.user)), Some(Gid::from_raw(self.group)))
    }

    /// Gives a file or directory that is open its attributes.
    pub(super) fn apply(&self, file: impl AsFd) -> Result<(), MakeError> {
        let (user, group) = self.owner();
        rustix::fs::fchown(&file, user, group).map_err(failed("change the owner of"))?;
        rustix::fs::fchmod(&file, self.mode()).map_err(failed("change the mode of"))?;
        for (name, value) in &self.extended {
            rustix::fs::fsetxattr(&file, &name[..], value, XattrFlags::empty())
                .map_err(failed("set an extended attribute of"))?;
        }
        rustix::fs::futimens(&file, &self.times()).map_err(failed("set the time of"))
    }

    /// The same for what cannot be opened, without extended attributes.
    fn apply_at(&self, directory: &Directory, name: &[u8], is_link: bool) -> Result<(), MakeError> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let (user, group) = self.owner();
        rustix::fs::chownat(directory, name, user, group, flags)
            .map_err(failed("change the owner of"))?;
        if !is_link {
            rustix::fs::chmodat(directory, name, self.mode(), AtFlags::empty())
                .map_err(failed("change the mode of"))?;
        }
        rustix::fs::utimensat(directory, name, &self.times(), flags)
            .map_err(failed("set the time of"))
    }
}

/// What to do with the content of a file while it passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sum {
    Needed,
    NotNeeded,
}

/// Makes a file from the content that comes next in the archive.
pub(super) fn file(
    directory: &Directory,
    name: &[u8],
    attributes: &Attributes,
    data: &mut DataArchive,
    sum: Sum,
) -> Result<Option<Md5>, MakeError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = rustix::fs::openat(directory, name, flags, Mode::RUSR | Mode::WUSR);
    let mut file: File = made.map_err(making("make"))?.into();
    let mut summing = (sum == Sum::Needed).then(Summing::default);
    while let chunk @ [_, ..] = data.chunk()? {
        file.write_all(chunk).map_err(|error| MakeError::Failed("write", error))?;
        if let Some(summing) = &mut summing {
            summing.add(chunk);
        }
    }
    attributes.apply(&file)?;
    Ok(summing.map(Summing::end))
}

/// The sum of the content that comes next in the archive, which is not written.
pub(super) fn sum(data: &mut DataArchive) -> Result<Md5, DebError> {
    let mut summing = Summing::default();
    while let chunk @ [_, ..] = data.chunk()? {
        summing.add(chunk);
    }
    Ok(summing.end())
}

/// Makes a device or a pipe.
pub(super) fn node(
    directory: &Directory,
    name: &[u8],
    kind: FileType,
    (major, minor): (u32, u32),
    attributes: &Attributes,
) -> Result<(), MakeError> {
    let device = rustix::fs::makedev(major, minor);
    rustix::fs::mknodat(directory, name, kind, Mode::RUSR | Mode::WUSR, device)
        .map_err(making("make the device or pipe"))?;
    attributes.apply_at(directory, name, false)
}

/// Makes another name of a file. As in dpkg, the file then gets what this entry says, too.
pub(super) fn hard_link(
    (from, target): (&Directory, &[u8]),
    (to, name): (&Directory, &[u8]),
    attributes: &Attributes,
) -> Result<(), MakeError> {
    rustix::fs::linkat(from, target, to, name, AtFlags::empty())
        .map_err(making("make the hard link"))?;
    attributes.apply_at(to, name, false)
}

/// Makes a symbolic link.
pub(super) fn symlink(
    directory: &Directory,
    name: &[u8],
    target: &[u8],
    attributes: &Attributes,
) -> Result<(), MakeError> {
    rustix::fs::symlinkat(target, directory, name).map_err(making("make the link"))?;
    finish_symlink(directory, name, attributes)
}

/// Gives a link that was made its attributes.
pub(super) fn finish_symlink(
    directory: &Directory,
    name: &[u8],
    attributes: &Attributes,
) -> Result<(), MakeError> {
    attributes.apply_at(directory, name, true)
}

fn failed(action: &'static str) -> impl Fn(Errno) -> MakeError {
    move |error| MakeError::Failed(action, error.into())
}

fn making(action: &'static str) -> impl Fn(Errno) -> MakeError {
    move |error| match error {
        Errno::EXIST => MakeError::Exists,
        error => MakeError::Failed(action, error.into()),
    }
}

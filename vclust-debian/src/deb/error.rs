//! What can be wrong with a package.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a package cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DebError {
    /// The file cannot be opened.
    #[error("cannot open the package {}", package.display())]
    Open {
        /// The package file.
        package: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file can be opened and not read.
    #[error("cannot read the package {}", package.display())]
    Read {
        /// The package file.
        package: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no Debian package, or not one that dpkg would take.
    #[error("{} is no usable Debian package: {problem}; fetch it anew", package.display())]
    Container {
        /// The package file.
        package: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The file ends before a member does.
    #[error(
        "{} is truncated: its member `{member}` reaches to byte {end} of {size}; fetch it anew",
        package.display()
    )]
    Truncated {
        /// The package file.
        package: PathBuf,
        /// The member.
        member: String,
        /// Where the member should end, in bytes from the start of the file.
        end: u64,
        /// Bytes of the file.
        size: u64,
    },
    /// A member is compressed in a way that Debian's packages must not use, or not any more.
    #[error(
        "member `{member}` of {} is compressed in a way that is not supported; rebuild the package \
         with `dpkg-deb -Zxz`, `-Zzstd` or `-Zgzip`",
        package.display()
    )]
    UnknownCompression {
        /// The package file.
        package: PathBuf,
        /// The member.
        member: String,
    },
    /// The compressed data are damaged or end too early.
    #[error(
        "member `{member}` of {} is damaged and cannot be unpacked; fetch the package anew",
        package.display()
    )]
    Damaged {
        /// The package file.
        package: PathBuf,
        /// The member.
        member: String,
        /// What the decompressor says.
        source: io::Error,
    },
    /// The archive inside a member breaks the rules of tar.
    #[error(
        "member `{member}` of {} is no proper tar archive: {problem} at byte {offset}; fetch the \
         package anew, or have its maker rebuild it",
        package.display()
    )]
    Archive {
        /// The package file.
        package: PathBuf,
        /// The member.
        member: String,
        /// What is wrong.
        problem: String,
        /// Where, in unpacked bytes from the start of the member.
        offset: u64,
    },
    /// An entry that is refused for its name or its kind.
    #[error(
        "member `{member}` of {} has the entry `{entry}`, which {problem}; do not install this \
         package",
        package.display()
    )]
    Entry {
        /// The package file.
        package: PathBuf,
        /// The member.
        member: String,
        /// The entry's name; what is not UTF-8 is replaced.
        entry: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A limit was passed.
    #[error(
        "member `{member}` of {} unpacks to more than is allowed: {what} more than {limit}{}; if \
         the package is trusted, raise this limit",
        package.display(),
        at.as_ref().map(|entry| format!(" (at the entry `{entry}`)")).unwrap_or_default()
    )]
    Limit {
        /// The package file.
        package: PathBuf,
        /// The member.
        member: String,
        /// The entry where it happened, if it is known.
        at: Option<String>,
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The control archive lacks something, or says it wrongly.
    #[error("the control archive of {} is unusable: {problem}; fetch the package anew, or have its \
             maker rebuild it", package.display())]
    Control {
        /// The package file.
        package: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// The package and the member that is being read, for errors.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) package: PathBuf,
    pub(super) member: String,
}

impl Origin {
    /// An error of the decompressor or, below it, of the file.
    pub(super) fn damaged(&self, source: io::Error, dictionary_bytes: u64) -> DebError {
        if super::compression::wants_memory(&source) {
            return self.limit(None, "a dictionary of", dictionary_bytes);
        }
        if source.raw_os_error().is_some() {
            return DebError::Read { package: self.package.clone(), source };
        }
        DebError::Damaged { package: self.package.clone(), member: self.member.clone(), source }
    }

    pub(super) fn archive(&self, offset: u64, problem: impl Into<String>) -> DebError {
        DebError::Archive {
            package: self.package.clone(),
            member: self.member.clone(),
            problem: problem.into(),
            offset,
        }
    }

    pub(super) fn entry(&self, entry: &[u8], problem: impl Into<String>) -> DebError {
        DebError::Entry {
            package: self.package.clone(),
            member: self.member.clone(),
            entry: display(entry),
            problem: problem.into(),
        }
    }

    pub(super) fn limit(&self, at: Option<&[u8]>, what: &'static str, limit: u64) -> DebError {
        DebError::Limit {
            package: self.package.clone(),
            member: self.member.clone(),
            at: at.map(display),
            what,
            limit,
        }
    }

    pub(super) fn control(&self, problem: impl Into<String>) -> DebError {
        DebError::Control { package: self.package.clone(), problem: problem.into() }
    }
}

/// Bytes of a package as an error message can show them: in one line, escaped, and not endless.
fn display(bytes: &[u8]) -> String {
    let mut text: String =
        String::from_utf8_lossy(bytes).chars().take(200).flat_map(char::escape_debug).collect();
    if bytes.len() > 200 {
        text.push_str("...");
    }
    text
}

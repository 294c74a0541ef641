//! What an archive says about one file.

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file; its content follows.
    File {
        /// Bytes of content.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// What it points to, as written.
        target: Vec<u8>,
    },
    /// Another name of a file.
    HardLink {
        /// Path of the file, as [`DataEntry::path`].
        target: Vec<u8>,
    },
    /// A character device.
    CharacterDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

/// One entry of a package's data archive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DataEntry {
    /// Path below the root, without `./` before and `/` after it; empty for the root itself. It has
    /// no component that is empty, `.` or `..`, no newline and no zero byte. It need not be UTF-8.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits, with setuid, setgid and sticky: at most `0o7777`.
    pub mode: u32,
    /// User id, for a root that does not know `user_name`.
    pub user: u32,
    /// Group id, for a root that does not know `group_name`.
    pub group: u32,
    /// User name; empty if the archive has none.
    pub user_name: Vec<u8>,
    /// Group name; empty if the archive has none.
    pub group_name: Vec<u8>,
    /// Seconds since 1970. Fractions, which only PAX headers can have, are dropped, as by dpkg.
    pub modified: i64,
    /// Extended attributes, from PAX records `SCHILY.xattr.NAME`, with their values.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

impl DataEntry {
    /// Bytes of all that is as long as the archive wants it to be.
    pub(super) fn names_bytes(&self) -> u64 {
        let target = match &self.kind {
            EntryKind::Symlink { target } | EntryKind::HardLink { target } => target.len(),
            _ => 0,
        };
        let names = self.path.len() + target + self.user_name.len() + self.group_name.len();
        let attributes = self.attributes.iter().map(|(name, value)| name.len() + value.len());
        (names + attributes.sum::<usize>()) as u64
    }
}

/// The path below the root that a name stands for, or why there is none.
pub(super) fn normalize(name: &[u8]) -> Result<Vec<u8>, &'static str> {
    if name.is_empty() {
        return Err("has no name");
    }
    if name.contains(&b'\n') {
        return Err("has a newline in its name, which dpkg's lists cannot hold");
    }
    if name.contains(&0) {
        return Err("has a zero byte in its name");
    }
    if name[0] == b'/' {
        return Err("has an absolute name");
    }
    let mut rest = name;
    while let Some(after) = rest.strip_prefix(b"./") {
        rest = after;
    }
    while let Some(before) = rest.strip_suffix(b"/") {
        rest = before;
    }
    if rest.is_empty() || rest == b"." {
        return Ok(Vec::new());
    }
    for component in rest.split(|byte| *byte == b'/') {
        match component {
            b".." => return Err("leads out of the root with `..`"),
            b"" | b"." => return Err("has an empty component or `.` within its name"),
            _ => {}
        }
    }
    Ok(rest.to_vec())
}

#[cfg(test)]
mod tests {
    use super::normalize;

    #[test]
    fn names_become_paths_below_the_root() {
        for (name, path) in [
            ("./", ""),
            (".", ""),
            ("././usr/", "usr"),
            ("usr/bin/env", "usr/bin/env"),
            ("./a..b/..c/d..", "a..b/..c/d.."),
            ("./ ", " "),
        ] {
            assert_eq!(normalize(name.as_bytes()), Ok(path.as_bytes().to_vec()), "{name}");
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "./../a",
            "a/..",
            "a/../b",
            "a//b",
            "a/./b",
            "a\nb",
            "a\0b",
            ".//etc",
        ] {
            assert!(normalize(name.as_bytes()).is_err(), "{name:?}");
        }
    }
}

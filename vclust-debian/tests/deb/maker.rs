//! Packages for tests: made byte by byte where they are to be wrong, and by dpkg-deb where they are
//! to be right.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use tempfile::{NamedTempFile, TempDir};
use vclust_debian::{DataEntry, DebError, DebLimits, PackageFile};

/// A tar archive under construction.
#[derive(Default, Clone)]
pub(crate) struct Tar {
    pub(crate) bytes: Vec<u8>,
}

impl Tar {
    /// The control archive of a package with these further fields.
    pub(crate) fn control(name: &str, fields: &str) -> Self {
        let text = format!(
            "Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@localhost>\n\
             {fields}Description: made for a test\n"
        );
        Self::default().entry("./control", b'0', text.as_bytes(), "")
    }

    /// Adds an entry of mode 0644, or 0755 for directories, that belongs to root.
    pub(crate) fn entry(
        self,
        name: impl AsRef<[u8]>,
        kind: u8,
        content: &[u8],
        link: impl AsRef<[u8]>,
    ) -> Self {
        let mode = if kind == b'5' { "0000755" } else { "0000644" };
        self.header(name.as_ref(), kind, content.len(), link.as_ref(), mode).content(content)
    }

    /// Adds directories of mode 0755; each name ends in a slash.
    pub(crate) fn directories(mut self, names: &[&str]) -> Self {
        for name in names {
            self = self.entry(name, b'5', b"", "");
        }
        self
    }

    /// Adds a device.
    pub(crate) fn device(self, name: &str, kind: u8, major: u32, minor: u32) -> Self {
        let mut tar = self.entry(name, kind, b"", "");
        let start = tar.bytes.len() - 512;
        let block = &mut tar.bytes[start..];
        block[329..336].copy_from_slice(format!("{major:07o}").as_bytes());
        block[337..344].copy_from_slice(format!("{minor:07o}").as_bytes());
        seal(block);
        tar
    }

    /// Adds only a header, for a content of so many bytes.
    pub(crate) fn header(
        mut self,
        name: &[u8],
        kind: u8,
        size: usize,
        link: &[u8],
        mode: &str,
    ) -> Self {
        let mut block = [0; 512];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, name);
        put(100, mode.as_bytes());
        put(108, b"0000000");
        put(116, b"0000000");
        put(124, format!("{size:011o}").as_bytes());
        put(136, format!("{:011o}", 1_600_000_000).as_bytes());
        put(148, b"        ");
        put(156, &[kind]);
        put(157, link);
        put(257, b"ustar  \0");
        put(265, b"root");
        put(297, b"root");
        seal(&mut block);
        self.bytes.extend_from_slice(&block);
        self
    }

    /// Adds content and what fills its last block.
    pub(crate) fn content(mut self, content: &[u8]) -> Self {
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self
    }

    /// Adds an extended header with these records.
    pub(crate) fn extended(self, records: &[(&str, &[u8])]) -> Self {
        let mut content = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let mut length = rest + 1;
            while length != rest + length.to_string().len() {
                length += 1;
            }
            content.extend_from_slice(format!("{length} {key}=").as_bytes());
            content.extend_from_slice(value);
            content.push(b'\n');
        }
        self.entry("./PaxHeaders/x", b'x', &content, "")
    }

    /// The archive with its end.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 1024, 0);
        self.bytes
    }
}

/// Puts the checksum into a header.
pub(crate) fn seal(block: &mut [u8]) {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block[..512].iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// An `ar` container with these members.
pub(crate) fn container(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in members {
        let size = content.len();
        bytes.extend_from_slice(
            format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 100_644).as_bytes(),
        );
        bytes.extend_from_slice(content);
        if size % 2 == 1 {
            bytes.push(b'\n');
        }
    }
    bytes
}

/// A package that is not compressed.
pub(crate) fn package(control: Tar, data: Tar) -> Vec<u8> {
    let members: [(&str, &[u8]); 3] =
        [("debian-binary", b"2.0\n"), ("control.tar", &control.end()), ("data.tar", &data.end())];
    container(&members)
}

/// A package called `a` with these files.
pub(crate) fn with_data(data: Tar) -> Vec<u8> {
    package(Tar::control("a", ""), data)
}

pub(crate) fn written(package: &[u8]) -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".deb").tempfile().unwrap();
    file.write_all(package).unwrap();
    file
}

/// Opens a package, reads both archives whole, and returns the data archive with its contents.
pub(crate) fn read_with(
    path: &Path,
    limits: DebLimits,
) -> Result<Vec<(DataEntry, Vec<u8>)>, DebError> {
    let package = PackageFile::open(path, limits)?;
    let control = package.control()?;
    control.description()?;
    control.conffiles()?;
    let mut data = package.data()?;
    let mut entries = Vec::new();
    while let Some(entry) = data.next_entry()? {
        let mut content = Vec::new();
        while let chunk @ [_, ..] = data.chunk()? {
            content.extend_from_slice(chunk);
        }
        entries.push((entry, content));
    }
    assert!(data.next_entry()?.is_none(), "the end stays the end");
    Ok(entries)
}

pub(crate) fn read(package: &[u8]) -> Result<Vec<(DataEntry, Vec<u8>)>, DebError> {
    read_with(written(package).path(), DebLimits::default())
}

/// What is wrong with a package, with its changing name left out.
pub(crate) fn refusal(package: &[u8]) -> String {
    let file = written(package);
    let error = read_with(file.path(), DebLimits::default()).unwrap_err();
    let mut text = error.to_string();
    assert!(text.contains(&file.path().display().to_string()), "no package in: {text}");
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        assert!(!text.contains(&inner.to_string()), "the cause is repeated in: {text}");
        cause = inner.source();
    }
    text = text.replace(&file.path().display().to_string(), "PACKAGE");
    text
}

/// A package tree with the least control file, for dpkg-deb.
pub(crate) fn tree(name: &str, fields: &str) -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir(tree.path().join("DEBIAN")).unwrap();
    std::fs::write(
        tree.path().join("DEBIAN/control"),
        format!(
            "Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@localhost>\n\
             {fields}Description: made for a test\n"
        ),
    )
    .unwrap();
    set_mode(tree.path(), 0o755);
    set_mode(&tree.path().join("DEBIAN"), 0o755);
    tree
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Has dpkg-deb build a package.
pub(crate) fn build(tree: &Path, options: &[&str]) -> NamedTempFile {
    let file = tempfile::Builder::new().suffix(".deb").tempfile().unwrap();
    let output = Command::new("dpkg-deb")
        .args(["--root-owner-group", "--nocheck"])
        .args(options)
        .arg("--build")
        .args([tree, file.path()])
        .output()
        .expect("dpkg-deb runs; scripts/setup test installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    file
}

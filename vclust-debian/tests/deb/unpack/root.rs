//! Roots for tests: filled by dpkg and by this crate, and compared.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::{NamedTempFile, TempDir};
use vclust_debian::{Overrides, UnpackError, Unpacked, Unpacker};

/// A root with what dpkg needs to start: the links of a merged `/usr`, and an empty database.
pub(crate) fn root() -> TempDir {
    assert!(
        rustix::process::geteuid().is_root(),
        "this test needs root: run it as root, or in a container where you are root"
    );
    let root = tempfile::tempdir().unwrap();
    for directory in
        ["usr/bin", "usr/lib", "usr/lib64", "var/lib/dpkg/info", "var/lib/dpkg/updates"]
    {
        fs::create_dir_all(root.path().join(directory)).unwrap();
    }
    fs::write(root.path().join("var/lib/dpkg/status"), "").unwrap();
    symlink("usr/bin", root.path().join("bin")).unwrap();
    symlink("usr/lib", root.path().join("lib")).unwrap();
    // absolute: it must stay inside the root
    symlink("/usr/lib64", root.path().join("lib64")).unwrap();
    for name in ["bin", "lib", "lib64"] {
        settle(&root.path().join(name));
    }
    root
}

/// Gives a file or link a time that is the same in all roots.
fn settle(path: &Path) {
    let time = rustix::fs::Timespec { tv_sec: 1_500_000_000, tv_nsec: 0 };
    let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, flags).unwrap();
}

/// Makes a link whose time is the same in all roots.
pub(crate) fn link(target: impl AsRef<Path>, link: &Path) {
    symlink(target, link).unwrap();
    settle(link);
}

/// What there is at a path.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(crate) struct Node {
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    /// Names of the file; device numbers are in `content`.
    pub(crate) links: u64,
    /// Content, or target.
    pub(crate) content: Vec<u8>,
    /// Not that of directories, which change whenever something is made in them.
    pub(crate) modified: Option<i64>,
}

/// All that is in a root but for dpkg's database; conffiles that dpkg keeps aside have their own names.
pub(crate) fn snapshot(root: &Path) -> BTreeMap<PathBuf, Node> {
    let mut nodes = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if name.starts_with("var/lib/dpkg") {
                continue;
            }
            let metadata = fs::symlink_metadata(&path).unwrap();
            let is_directory = metadata.is_dir();
            let content = if is_directory {
                left.push(path.clone());
                Vec::new()
            } else if metadata.is_symlink() {
                fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec()
            } else if metadata.is_file() {
                fs::read(&path).unwrap()
            } else {
                metadata.rdev().to_le_bytes().to_vec()
            };
            let node = Node {
                mode: metadata.mode(),
                owner: (metadata.uid(), metadata.gid()),
                links: if is_directory { 0 } else { metadata.nlink() },
                content,
                modified: (!is_directory).then(|| metadata.mtime()),
            };
            let name = name.as_os_str().as_bytes();
            let name = name.strip_suffix(b".dpkg-new").unwrap_or(name);
            nodes.insert(PathBuf::from(std::ffi::OsStr::from_bytes(name)), node);
        }
    }
    nodes
}

pub(crate) fn files(packages: &[Vec<u8>]) -> Vec<NamedTempFile> {
    packages.iter().map(|package| crate::maker::written(package)).collect()
}

/// Unpacks packages with so many threads.
pub(crate) fn unpack(
    root: &Path,
    packages: &[NamedTempFile],
    overrides: &Overrides,
    threads: usize,
) -> Result<Vec<Unpacked>, UnpackError> {
    let unpacker = Unpacker::new(root, overrides).threads(NonZeroUsize::new(threads).unwrap());
    let paths: Vec<PathBuf> = packages.iter().map(|file| file.path().to_owned()).collect();
    let packages = unpacker.read(&paths)?;
    unpacker.unpack(&packages)
}

/// The same into a root that has nothing special, all of it or nothing.
pub(crate) fn unpack_plain(
    root: &Path,
    packages: &[Vec<u8>],
    threads: usize,
) -> Result<Vec<Unpacked>, UnpackError> {
    unpack(root, &files(packages), &Overrides::default(), threads)
}

/// Has dpkg unpack the packages in their order; what it said if it failed.
pub(crate) fn dpkg(root: &Path, packages: &[NamedTempFile]) -> Result<(), String> {
    let output = Command::new("dpkg")
        .arg(format!("--root={}", root.display()))
        .args(["--force-depends", "--force-unsafe-io", "--force-bad-path", "--unpack"])
        .args(packages.iter().map(NamedTempFile::path))
        .env("LC_ALL", "C")
        .output()
        .expect("dpkg runs; scripts/setup test installs it");
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The list, or another file, that dpkg's database keeps of a package.
pub(crate) fn info(root: &Path, package: &str, architecture: &str, kind: &str) -> Option<String> {
    let info = root.join("var/lib/dpkg/info");
    let bytes = fs::read(info.join(format!("{package}:{architecture}.{kind}")))
        .or_else(|_| fs::read(info.join(format!("{package}.{kind}"))))
        .ok()?;
    // names need not be UTF-8, and a lossy text compares as well
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Asserts that dpkg and this crate, with one thread and with four, make the same of the packages:
/// same tree, same lists, same sums.
pub(crate) fn same_as_dpkg(
    prepare: impl Fn(&Path),
    overrides: &Overrides,
    packages: &[Vec<u8>],
) -> TempDir {
    let files = files(packages);
    let theirs = root();
    prepare(theirs.path());
    dpkg(theirs.path(), &files).unwrap();
    let wanted = snapshot(theirs.path());
    let mut filled = None;
    for threads in [1, 4] {
        let ours = root();
        prepare(ours.path());
        let answers = unpack(ours.path(), &files, overrides, threads).unwrap();
        compare(&wanted, &snapshot(ours.path()));
        for (file, answer) in files.iter().zip(&answers) {
            let package = vclust_debian::PackageToUnpack::read(
                file.path(),
                vclust_debian::DebLimits::default(),
            )
            .unwrap();
            let description = package.description();
            let name = &description.name;
            let wanted = |kind| info(theirs.path(), name, &description.architecture, kind);
            let Unpacked::Done(done) = answer else { panic!("{name}: {answer:?}") };
            let list = String::from_utf8_lossy(&done.list()).into_owned();
            assert_eq!(Some(list), wanted("list"), "{name}");
            if let Some(sums) = &done.md5sums {
                let mut text = String::new();
                for (path, sum) in sums {
                    writeln!(text, "{sum}  {}", String::from_utf8_lossy(path)).unwrap();
                }
                assert_eq!(text, wanted("md5sums").unwrap_or_default(), "{name}");
            }
        }
        filled = Some(ours);
    }
    filled.unwrap()
}

pub(crate) fn compare(wanted: &BTreeMap<PathBuf, Node>, found: &BTreeMap<PathBuf, Node>) {
    for (path, node) in wanted {
        assert_eq!(Some(node), found.get(path), "dpkg's {}", path.display());
    }
    for path in found.keys() {
        assert!(wanted.contains_key(path), "dpkg has no {}", path.display());
    }
}

/// Writes a file whose time is the same in all roots.
pub(crate) fn put(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    settle(&path);
}

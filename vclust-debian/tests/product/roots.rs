//! Root directories with everything that a root can have.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};

/// Later than everything in the trees that must stay as it is, earlier than what is clamped.
pub(crate) const EPOCH: u64 = 1_700_000_000;

/// `security.capability` that lets a program open raw sockets: version 2, effective.
pub(crate) const CAPABILITY: [u8; 20] =
    [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Fails where the tests cannot work, instead of letting them pass.
pub(crate) fn needs_root() {
    assert!(rustix::process::geteuid().is_root(), "this test needs root: owners, devices, mounts");
}

/// Runs a program that must succeed; what it prints.
pub(crate) fn run(program: &str, arguments: &[&OsStr]) -> String {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {}: {stderr}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn touch(path: &Path, seconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::utimensat(CWD, path, &times, flags).expect("a time");
}

/// Fills a directory. `backwards` makes everything in the opposite order, which must not matter.
pub(crate) fn fill(root: &Path, backwards: bool) {
    let xattr = |path: &Path, name: &str, value: &[u8]| {
        rustix::fs::lsetxattr(path, name, value, XattrFlags::empty()).expect(name);
    };
    for directory in ["bin", "dev", "etc", "many", "empty", "usr/lib/deep/er", "upper", "var/tmp"] {
        fs::create_dir_all(root.join(directory)).expect("a directory");
    }
    let mut steps: Vec<Box<dyn Fn()>> = Vec::new();
    let at = |name: &str| root.join(name);
    for (number, seconds) in (0..400_usize).zip(1_500_000_000..) {
        let path = at("many").join(format!("file-{number:03}-{}", "x".repeat(number % 60)));
        steps.push(Box::new(move || {
            // around every size that a format could mind: tar's blocks, erofs's blocks
            let size =
                [0, 1, 511, 512, 513, 3900, 4031, 4032, 4033, 4095, 4096, 4097, 9000][number % 13];
            let content: Vec<u8> = (0..size).map(|byte| (byte * 31 + number) as u8).collect();
            fs::write(&path, content).expect("a file");
            touch(&path, seconds);
        }));
    }
    let big = at("usr/lib/big");
    steps.push(Box::new(move || {
        let content: Vec<u8> =
            (0..3_000_001_u32).map(|byte| (byte * 7 + (byte >> 11)) as u8).collect();
        fs::write(&big, content).expect("a file");
        touch(&big, 1_600_000_000);
    }));
    let program = at("bin/ping");
    steps.push(Box::new(move || {
        fs::write(&program, "#!/bin/sh\n").expect("a file");
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("a mode");
        rustix::fs::lsetxattr(&program, "security.capability", &CAPABILITY, XattrFlags::empty())
            .expect("a capability");
        touch(&program, 1_600_000_000);
    }));
    let odd = at("etc").join(OsStr::from_bytes(b"not-UTF-8-\xff\nnewline"));
    steps.push(Box::new(move || {
        fs::write(&odd, "odd").expect("a file");
        // later than the epoch
        touch(&odd, 1_900_000_000);
    }));
    let long = at("usr/lib/deep/er").join("n".repeat(200));
    steps.push(Box::new(move || {
        fs::write(&long, "long").expect("a file");
        touch(&long, 1_600_000_000);
    }));
    let link = at("etc/link");
    steps.push(Box::new(move || {
        symlink("t".repeat(300), &link).expect("a link");
        std::os::unix::fs::lchown(&link, Some(12), Some(13)).expect("an owner");
        touch(&link, 1_600_000_000);
    }));
    let short = at("usr/short");
    steps.push(Box::new(move || {
        symlink("../etc", &short).expect("a link");
        touch(&short, 1_600_000_000);
    }));
    if backwards {
        steps.reverse();
    }
    for step in steps {
        step();
    }
    let private = rustix::fs::Mode::RUSR;
    let node = |name: &str, kind: FileType, mode: Mode, (major, minor): (u32, u32)| {
        let device = rustix::fs::makedev(major, minor);
        rustix::fs::mknodat(CWD, at(name), kind, mode, device).expect(name);
        touch(&at(name), 1_600_000_000);
    };
    node("dev/null", FileType::CharacterDevice, private | Mode::WOTH, (1, 3));
    node("dev/disk", FileType::BlockDevice, private, (259, 70_000));
    node("dev/fifo", FileType::Fifo, private, (0, 0));
    node("upper/gone", FileType::CharacterDevice, Mode::empty(), (0, 0));
    xattr(&at("upper"), "trusted.overlay.opaque", b"y");
    // what an overlay notes for itself is no content
    xattr(&at("upper"), "trusted.overlay.origin", if backwards { b"one" } else { b"two" });
    xattr(&at("usr/lib/big"), "user.note", b"with\0zero\nand line feed");
    fs::hard_link(at("bin/ping"), at("bin/another")).expect("a hard link");
    fs::hard_link(at("many").join("file-001-x"), at("var/tmp/link")).expect("a hard link");
    fs::set_permissions(at("var/tmp"), PermissionsExt::from_mode(0o1777)).expect("a mode");
    std::os::unix::fs::chown(at("etc"), Some(3_000_000), Some(4_000_000_000)).expect("an owner");
    let setuid = at("bin/su");
    File::create(&setuid).expect("a file");
    std::os::unix::fs::chown(&setuid, Some(0), Some(42)).expect("an owner");
    fs::set_permissions(&setuid, PermissionsExt::from_mode(0o4751)).expect("a mode");
    touch(&setuid, 1_600_000_000);
    for directory in
        ["bin", "dev", "etc", "many", "empty", "upper", "usr", "usr/lib", "var", "var/tmp", ""]
    {
        touch(&at(directory), 1_650_000_000);
    }
    for directory in ["usr/lib/deep", "usr/lib/deep/er"] {
        // at different times in each tree, all later than the epoch
        touch(&at(directory), if backwards { 1_800_000_000 } else { 1_900_000_000 });
    }
}

/// Everything about a tree that must come through, by path.
pub(crate) fn describe(root: &Path) -> BTreeMap<Vec<u8>, String> {
    let mut found = BTreeMap::new();
    let mut names: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let data = fs::symlink_metadata(&path).expect("an entry");
        let name = path.strip_prefix(root).expect("below").as_os_str().as_bytes().to_vec();
        let mtime = data.mtime().min(i64::try_from(EPOCH).expect("a time"));
        let mut text = format!("{:o} {}:{} {mtime}", data.mode(), data.uid(), data.gid());
        if data.is_dir() {
            let entries = fs::read_dir(&path).expect("a directory");
            open.extend(entries.map(|entry| entry.expect("an entry").path()));
            open.sort_by(|a, b| b.cmp(a));
        } else {
            let _ = write!(text, " {} {}", data.rdev(), data.nlink());
            let first = names.entry(data.ino()).or_insert_with(|| name.clone());
            let _ = write!(text, " as {}", String::from_utf8_lossy(first));
        }
        if data.is_file() {
            let _ = write!(text, " {:?}", fingerprint(&fs::read(&path).expect("a file")));
        }
        if data.is_symlink() {
            let _ = write!(text, " {}", fs::read_link(&path).expect("a link").display());
        }
        let mut listed = vec![0; 4096];
        let used = rustix::fs::llistxattr(&path, &mut listed[..]).expect("attributes");
        let mut listed: Vec<&[u8]> = listed[..used].split(|byte| *byte == 0).collect();
        listed.sort_unstable();
        for attribute in listed.into_iter().filter(|name| !name.is_empty()) {
            let mut value = vec![0; 256];
            let used = rustix::fs::lgetxattr(&path, attribute, &mut value[..]).expect("a value");
            value.truncate(used);
            let attribute = String::from_utf8_lossy(attribute);
            if attribute != "trusted.overlay.origin" {
                let _ = write!(text, " {attribute}={value:?}");
            }
        }
        found.insert(name, text);
    }
    found
}

/// Bytes that no compressor makes less of.
pub(crate) fn noise(count: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..count.div_ceil(8)).flat_map(|_| next()).take(count).collect()
}

fn fingerprint(content: &[u8]) -> String {
    // one number that tells contents apart is enough here
    let sum = content.iter().fold(0_u64, |sum, byte| {
        sum.wrapping_mul(1_099_511_628_211).wrapping_add(u64::from(*byte) + 1)
    });
    format!("{}:{sum:x}", content.len())
}

/// Two descriptions that must be the same, and which entries are not.
pub(crate) fn assert_same(found: &BTreeMap<Vec<u8>, String>, wanted: &BTreeMap<Vec<u8>, String>) {
    for (path, text) in wanted {
        let other = found.get(path).map(String::as_str);
        assert_eq!(other, Some(text.as_str()), "{}", String::from_utf8_lossy(path));
    }
    assert_eq!(found.len(), wanted.len());
}

//! What the fuzz target of `vclust-debian` does with an input. Its tests include this file, too,
//! and run it over the corpus that is kept.

use std::path::Path;

use vclust_core::{PinTarget, Suite};
use vclust_debian::{
    AptConf, AptSource, DebError, DebLimits, EntryKind, PackageFile, dearmor, parse_deb822_sources,
    parse_one_line_sources, parse_preferences,
};

/// How many pins are matched, and how many entries are looked at: what is bounded here is the time of
/// one run.
const MATCHED: usize = 64;
const VIEWED: usize = 16;

/// Every file of apt's configuration, whatever the input is one of.
pub(crate) fn sources(data: &[u8]) {
    let path = Path::new("input");
    for parsed in
        [parse_deb822_sources(path, data, "amd64"), parse_one_line_sources(path, data, "amd64")]
    {
        match parsed {
            Ok(sources) => sources.iter().take(VIEWED).for_each(source),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    match parse_preferences(path, data) {
        Ok(pins) => {
            let target = PinTarget {
                package: "libc6",
                source: "glibc",
                architecture: "amd64",
                native: "amd64",
            };
            for pin in pins.iter().take(MATCHED) {
                let _ = pin.matches(&target, "2.41-12", &Suite::default());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let mut conf = AptConf::default();
    match conf.read(path, data) {
        Ok(includes) => assert!(includes.len() <= data.len()),
        Err(error) => assert!(error.line > 0),
    }
    let _ = (conf.boolean("APT::Install-Recommends", true), conf.values("APT").count());
    conf.clear("APT");
    assert_eq!(conf.values("APT").count(), 0);
    if let Ok(keys) = dearmor(data) {
        assert!(keys.len() < data.len());
    }
}

fn source(source: &AptSource) {
    assert!(source.suite_uri().starts_with(&source.uri));
    let machine = ["amd64".to_owned(), "i386".to_owned()];
    let named = source.architectures.iter().flatten().chain(&source.architectures_added).count();
    assert!(source.architectures_on(&machine).len() <= machine.len() + named);
}

/// What a package of the target may unpack to: enough to reach everything, and soon done.
const PACKAGE: DebLimits = DebLimits {
    control_bytes: 1 << 20,
    control_entries: 64,
    data_bytes: 8 << 20,
    entry_bytes: 4 << 20,
    entries: 2048,
    path_bytes: 1024,
    names_bytes: 1 << 20,
    dictionary_bytes: 8 << 20,
};

/// A package. The first byte says what the rest is: the whole package; its archives, with the tar
/// checksums mended so that changed headers are read; or its data archive, compressed in one way.
pub(crate) fn deb(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let package = match kind % 7 {
        0 => rest.to_vec(),
        1 => {
            let tar = mended(rest);
            container(&[("control.tar", &tar), ("data.tar", &tar)])
        }
        2 => container(&[("control.tar", CONTROL), ("data.tar", &mended(rest))]),
        3 => container(&[("control.tar", CONTROL), ("data.tar.gz", rest)]),
        4 => container(&[("control.tar.zst", rest), ("data.tar.xz", rest)]),
        5 => container(&[("control.tar", CONTROL), ("data.tar.zst", rest)]),
        _ => container(&[("control.tar", CONTROL), ("data.tar.lzma", rest)]),
    };
    let name = format!("vclust-fuzz-{}-{:?}.deb", std::process::id(), std::thread::current().id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, package).expect("room for a package");
    let read = PackageFile::open(&path, PACKAGE);
    if let Err(error) = read.and_then(|package| deb_archives(&package)) {
        assert!(error.to_string().contains("vclust-fuzz-"), "{error} names no package");
    }
    let _ = std::fs::remove_file(&path);
}

fn deb_archives(package: &PackageFile) -> Result<(), DebError> {
    if let Ok(control) = package.control() {
        let bytes: usize = control.files().map(|file| file.content.len()).sum();
        assert!(bytes as u64 <= PACKAGE.control_bytes);
        assert!(control.files().all(|file| !file.name.contains('/')));
        if let Ok(description) = control.description() {
            assert!(!description.name.is_empty() && !description.version.is_empty());
        }
        if let Ok(conffiles) = control.conffiles() {
            for path in &conffiles {
                assert_below_root(path);
            }
        }
    }
    let mut data = package.data()?;
    let (mut entries, mut bytes) = (0, 0);
    while let Some(entry) = data.next_entry()? {
        entries += 1;
        assert_below_root(&entry.path);
        assert!(entry.path.len() as u64 <= PACKAGE.path_bytes);
        assert!(entry.mode <= 0o7777);
        let mut size = 0;
        // every other content is passed over
        while let chunk @ [_, ..] = if entries % 2 == 0 { &[] } else { data.chunk()? } {
            size += chunk.len() as u64;
        }
        match &entry.kind {
            EntryKind::File { size: wanted } if entries % 2 == 1 => assert_eq!(*wanted, size),
            EntryKind::HardLink { target } => assert_below_root(target),
            _ => assert_eq!(size, 0),
        }
        bytes += size;
    }
    assert!(entries <= PACKAGE.entries && bytes <= PACKAGE.data_bytes);
    assert!(data.next_entry()?.is_none(), "the end stays the end");
    Ok(())
}

fn assert_below_root(path: &[u8]) {
    assert!(!path.contains(&0) && !path.contains(&b'\n'));
    let mut parts = path.split(|byte| *byte == b'/');
    assert!(path.is_empty() || parts.all(|part| !matches!(part, b"" | b"." | b"..")), "{path:?}");
}

/// A control archive that is good: one header, one block, the end.
const CONTROL: &[u8] = include_bytes!("control.tar");

fn container(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut package = b"!<arch>\n".to_vec();
    for (name, content) in [("debian-binary", &b"2.0\n"[..])].iter().chain(members) {
        let size = content.len();
        let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 100_644);
        package.extend_from_slice(header.as_bytes());
        package.extend_from_slice(content);
        package.resize(package.len().next_multiple_of(2), b'\n');
    }
    package
}

/// The same with the right checksum in each block that looks like a tar header.
fn mended(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    for block in tar.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    tar
}

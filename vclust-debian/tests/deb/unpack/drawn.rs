//! Packages drawn at random from a few names, so that they meet everywhere: the number of threads
//! changes nothing, and wherever an answer is given, it is dpkg's.

use proptest::prelude::*;
use vclust_debian::{Overrides, UnpackError, Unpacked};

use super::root::{compare, dpkg, files, info, root, snapshot, unpack};
use crate::maker::{Tar, package};

const NAMES: [&str; 3] = ["one", "two", "three"];

/// An entry below one of few directories: its directory, name, kind, and a number that makes it differ.
type Drawn = (usize, usize, u8, u8);

fn directories() -> [&'static str; 4] {
    ["x", "x/y", "usr", "bin"]
}

fn made(name: &str, replaces: &[usize], entries: &[Drawn], size: usize) -> Vec<u8> {
    let fields = if replaces.is_empty() {
        String::new()
    } else {
        let names: Vec<_> = replaces.iter().map(|index| NAMES[*index]).collect();
        format!("Replaces: {}\n", names.join(", "))
    };
    let mut data = Tar::default().directories(&["./"]);
    let mut shipped = Vec::new();
    for (directory, file, kind, number) in entries {
        let directory = directories()[*directory];
        let mut prefix = String::new();
        for part in directory.split('/') {
            prefix = format!("{prefix}{part}/");
            if !shipped.contains(&prefix) {
                let mode = format!("0000{:03o}", 0o700 + u32::from(*number) % 64);
                data = data.header(format!("./{prefix}").as_bytes(), b'5', 0, b"", &mode);
                shipped.push(prefix.clone());
            }
        }
        let path = format!("{directory}/{}", ["f", "g", "y"][*file]);
        if shipped.contains(&path) || shipped.contains(&format!("{path}/")) {
            continue;
        }
        shipped.push(path.clone());
        // no absolute links: `dpkg --root` looks for their directories outside of the root
        data = match kind {
            0..=4 => data.entry(format!("./{path}"), b'0', &[*number], ""),
            5 => data.entry(format!("./{path}"), b'2', b"", ["f", "../usr", "../lib"][*file]),
            6 => data.entry(format!("./{path}"), b'6', b"", ""),
            _ => {
                shipped.push(format!("{path}/"));
                data.entry(format!("./{path}/"), b'5', b"", "")
            }
        };
    }
    // whoever is larger is started first
    let data = data.entry(format!("./only-{name}"), b'0', &vec![0; size], "");
    package(Tar::control(name, &fields), data)
}

/// What a package was drawn from: what it replaces, its entries, and how large it is.
type Package = (Vec<usize>, Vec<Drawn>, usize);

fn drawn() -> impl Strategy<Value = Vec<Package>> {
    let entry = (0..4_usize, 0..3_usize, 0..8_u8, any::<u8>());
    let one = (
        prop::collection::vec(0..3_usize, 0..3),
        prop::collection::vec(entry, 1..5),
        prop::sample::select(vec![1_usize, 3_000, 9_000]),
    );
    prop::collection::vec(one, 3)
}

/// What an unpacking answered, without what may differ.
fn said(answer: &Result<Vec<Unpacked>, UnpackError>) -> String {
    match answer {
        Ok(answers) => answers
            .iter()
            .map(|answer| match answer {
                Unpacked::Done(done) => format!("{}", String::from_utf8_lossy(&done.list())),
                Unpacked::Left(left) => format!("{left}\n"),
            })
            .collect(),
        // of several conflicts, the one that is met first is told
        Err(UnpackError::Conflict { .. }) => "conflict".into(),
        Err(UnpackError::NeedsOrder { .. }) => "needs order".into(),
        Err(error) => error.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn packages_that_meet_are_unpacked_as_by_dpkg_or_not_at_all(packages in drawn()) {
        let packages = packages.iter().zip(NAMES);
        let packages: Vec<_> = packages
            .map(|((replaces, entries, size), name)| made(name, replaces, entries, *size))
            .collect();
        let files = files(&packages);
        let empty = root();
        let before = snapshot(empty.path());
        let one = root();
        let first = unpack(one.path(), &files, &Overrides::default(), 1);
        let tree = snapshot(one.path());
        for threads in [2, 4] {
            let other = root();
            let answer = unpack(other.path(), &files, &Overrides::default(), threads);
            prop_assert_eq!(said(&first), said(&answer));
            compare(&tree, &snapshot(other.path()));
        }
        let theirs = root();
        let result = dpkg(theirs.path(), &files);
        match &first {
            Ok(answers) => {
                let done: Vec<_> = answers
                    .iter()
                    .zip(NAMES)
                    .filter_map(|(answer, name)| match answer {
                        Unpacked::Done(done) => Some((name, done)),
                        Unpacked::Left(_) => None,
                    })
                    .collect();
                if done.len() == NAMES.len() {
                    prop_assert!(result.is_ok(), "{:?}", result);
                    compare(&snapshot(theirs.path()), &tree);
                    for (name, done) in done {
                        let list = String::from_utf8_lossy(&done.list()).into_owned();
                        prop_assert_eq!(Some(list), info(theirs.path(), name, "all", "list"));
                    }
                }
            }
            Err(error) => {
                compare(&before, &tree);
                if matches!(error, UnpackError::Conflict { .. }) {
                    prop_assert!(result.is_err(), "dpkg sees no conflict: {}", error);
                }
            }
        }
    }
}

//! The invariants of `ARCHITECTURE.md`, checked over the workspace as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The crates of the workspace and those of them that each may depend on, the lowest first.
const LAYERS: &[(&str, &[&str])] = &[
    ("vclust-core", &[]),
    ("vclust-process", &[]),
    ("vclust-agent", &[]),
    ("vclust-debian", &["vclust-core", "vclust-process"]),
    ("vclust-qemu", &["vclust-core", "vclust-process"]),
    ("vclust-xen", &["vclust-core", "vclust-process"]),
    (
        "vclust-grid",
        &[
            "vclust-agent",
            "vclust-core",
            "vclust-debian",
            "vclust-process",
            "vclust-qemu",
            "vclust-xen",
        ],
    ),
    ("vclust-cli", &["vclust-core", "vclust-debian", "vclust-grid", "vclust-qemu", "vclust-xen"]),
    ("vclust-py", &["vclust-cli", "vclust-core", "vclust-debian", "vclust-grid"]),
    ("vclust-benches", &["vclust-core", "vclust-debian", "vclust-grid"]),
    ("vclust-example-scheduler", &["vclust-core", "vclust-grid"]),
];

/// Crates that wait for events, do I/O or start processes: nothing for `vclust-core`, not even
/// through another crate.
const IMPURE: &[&str] = &[
    "async-io",
    "async-std",
    "duct",
    "futures-executor",
    "hyper",
    "memmap2",
    "mio",
    "nix",
    "polling",
    "reqwest",
    "rusqlite",
    "rustix",
    "smol",
    "socket2",
    "tempfile",
    "tokio",
    "ureq",
    "walkdir",
];

/// Modules of the standard library that reach outside the process, or make threads.
const OUTSIDE: &[&str] = &["fs", "net", "process", "thread", "env", "os"];

/// Crates that may start programs.
const STARTS_PROGRAMS: &[&str] =
    &["vclust-process", "vclust-debian", "vclust-qemu", "vclust-xen", "vclust-agent"];

struct Member {
    name: String,
    directory: PathBuf,
    dependencies: BTreeSet<String>,
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    assert!(
        output.status.success(),
        "cargo {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// The members of the workspace with what they depend on outside of tests.
fn members() -> Vec<Member> {
    let text = cargo(&["metadata", "--format-version=1", "--no-deps", "--offline"]);
    let metadata: Value = serde_json::from_str(&text).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    packages.iter().map(member).collect()
}

fn member(package: &Value) -> Member {
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let dependencies = package["dependencies"].as_array().expect("a list of dependencies");
    let normal = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
    Member {
        name: text(&package["name"]),
        directory: Path::new(&text(&package["manifest_path"]))
            .parent()
            .expect("a manifest is in a directory")
            .to_owned(),
        dependencies: normal.map(|dependency| text(&dependency["name"])).collect(),
    }
}

/// All Rust files below `directory`, with their text.
fn sources(directory: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("a readable directory") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a readable file");
                found.insert(path, text);
            }
        }
    }
    found
}

/// `text` without comments that fill a line, and without blanks, so that `use std::{ fs }` reads
/// `usestd::{fs}`.
fn code(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(str::chars).filter(|letter| !letter.is_whitespace()).collect()
}

/// Whether `code` names the module `std::NAME`, by its path or in a braced import.
fn names_module(code: &str, name: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let whole = |rest: &str| rest.strip_prefix(name).is_some_and(|rest| !rest.starts_with(is_part));
    code.split("std::").skip(1).any(|rest| {
        let braced = rest.strip_prefix('{').map(|inner| {
            let end = inner.find(';').unwrap_or(inner.len());
            inner[..end].split([',', '{']).any(whole)
        });
        braced.unwrap_or_else(|| whole(rest))
    })
}

#[test]
fn dependencies_between_the_crates_point_one_way() {
    let members = members();
    let names: BTreeSet<&str> = members.iter().map(|member| member.name.as_str()).collect();
    for member in &members {
        let allowed = LAYERS.iter().find(|(name, _)| *name == member.name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{} has no layer yet", member.name));
        for dependency in member.dependencies.iter().filter(|name| names.contains(name.as_str())) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{} must not depend on {dependency}",
                member.name
            );
        }
    }
}

#[test]
fn core_depends_on_nothing_that_waits_reads_or_starts() {
    let tree = cargo(&[
        "tree",
        "--offline",
        "--package=vclust-core",
        "--edges=normal",
        "--prefix=none",
        "--format={p}",
    ]);
    for line in tree.lines() {
        let name = line.split(' ').next().unwrap_or_default();
        assert!(!IMPURE.contains(&name), "vclust-core depends on {name}");
    }
    assert!(tree.starts_with("vclust-core "), "the tree begins with the crate itself");
}

#[test]
fn core_names_no_module_that_reaches_outside() {
    let found = members().into_iter().find(|member| member.name == "vclust-core");
    let sources = sources(&found.expect("the workspace has a core").directory.join("src"));
    assert!(!sources.is_empty(), "the core has sources");
    for (path, text) in sources {
        let code = code(&text);
        for module in OUTSIDE {
            assert!(!names_module(&code, module), "{} names std::{module}", path.display());
        }
        for name in ["std::io::stdin", "std::io::stdout", "println!", "eprintln!"] {
            assert!(!code.contains(name), "{} uses {name}", path.display());
        }
    }
}

#[test]
fn only_the_crates_that_act_start_programs() {
    for member in members() {
        if STARTS_PROGRAMS.contains(&member.name.as_str()) {
            continue;
        }
        for (path, text) in sources(&member.directory.join("src")) {
            let code = code(&text);
            let starts = code.contains("process::Command")
                || (names_module(&code, "process") && code.contains("Command::new"));
            assert!(!starts, "{} starts programs", path.display());
        }
    }
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for member in members() {
        let manifest = member.directory.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).expect("a readable manifest");
        assert!(text.contains("[lints]\nworkspace = true"), "{}", manifest.display());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let text = fs::read_to_string(root).expect("a readable manifest");
    for lint in ["missing_docs = \"deny\"", "unsafe_code = \"deny\"", "pedantic = "] {
        assert!(text.contains(lint), "the workspace has no {lint}");
    }
}

#[test]
fn the_check_for_modules_sees_every_way_to_name_one() {
    for text in
        ["use std::fs;", "std::fs::read(p)", "use std::{io, fs::File};", "use std::{\n  fs,\n};"]
    {
        assert!(names_module(&code(text), "fs"), "{text}");
    }
    for text in
        ["use std::fmt;", "use std::fstuff;", "// std::fs", "use std::{fmt, io};\nlet fs = 1;"]
    {
        assert!(!names_module(&code(text), "fs"), "{text}");
    }
}

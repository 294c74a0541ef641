//! This machine's own apt configuration, read by us and by apt.

use std::process::Command;

use vclust_debian::{AptConfiguration, IndexFile, SourceKind, open_index};

/// The files of one kind that `apt-get indextargets` knows, in its order.
fn indextargets(created_by: &str) -> Vec<String> {
    let output = Command::new("apt-get")
        .args(["indextargets", "--format", "$(FILENAME)"])
        .arg(format!("Created-By: {created_by}"))
        .output()
        .expect("apt-get runs: the Debian package `apt` has it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn names(files: &[IndexFile]) -> Vec<String> {
    files.iter().map(|file| file.path.display().to_string()).collect()
}

#[test]
fn the_index_files_are_those_that_apt_names() {
    let apt = AptConfiguration::load().unwrap();
    for (kind, created_by) in [(SourceKind::Binary, "Packages"), (SourceKind::Source, "Sources")] {
        let files = apt.lists(kind).unwrap();
        assert_eq!(names(&files), indextargets(created_by), "{created_by}");
        for file in files {
            let content = open_index(&file.path).unwrap();
            let starts = content.is_empty() || content.starts_with(b"Package: ");
            assert!(starts, "{} starts with a stanza", file.path.display());
        }
    }
}

#[test]
fn architecture_and_directories_are_those_of_apt_config() {
    let apt = AptConfiguration::load().unwrap();
    let output = Command::new("apt-config")
        .args(["shell", "A", "APT::Architecture", "S", "Dir::State::status/f"])
        .args(["L", "Dir::State::lists/d", "R", "APT::Install-Recommends/b"])
        .output()
        .expect("apt-config runs: the Debian package `apt` has it");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let expected = format!(
        "A='{}'\nS='{}'\nL='{}/'\nR='{}'\n",
        apt.architecture(),
        apt.status_file().display(),
        apt.lists_directory().display().to_string().trim_end_matches('/'),
        apt.install_recommends(),
    );
    assert_eq!(text, expected);
}

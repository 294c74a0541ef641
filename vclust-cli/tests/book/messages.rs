//! Messages that the book quotes, looked for where they are written.

use std::fs;

use super::blocks::{Page, files, root};

/// Messages of a page that no source file has: of each table's first column what is between backquotes,
/// where `...` stands for what varies.
pub(crate) fn faults(page: &str) -> Vec<String> {
    let sources = sources();
    let mut faults = Vec::new();
    let mut quoted = 0;
    for line in Page::read(page).text.lines().filter(|line| line.starts_with('|')) {
        let first = line.split(" | ").next().unwrap_or_default();
        let first = first.trim_start_matches("| ");
        let Some(message) = first.strip_prefix("`` ").or_else(|| first.strip_prefix('`')) else {
            continue;
        };
        let message = message.trim_end_matches(" ``").trim_end_matches('`');
        quoted += 1;
        let parts = message.split("...").map(str::trim).filter(|part| part.len() > 3);
        let missing: Vec<&str> = parts.filter(|part| !sources.contains(part)).collect();
        if !missing.is_empty() {
            faults.push(format!("{message}: {missing:?}"));
        }
    }
    assert!(quoted > 20, "only {quoted} messages were found");
    faults
}

/// The sources of all crates, with texts over several lines in one piece.
fn sources() -> String {
    let mut all = String::new();
    for entry in fs::read_dir(root()).expect("a directory").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with("vclust-") {
            continue;
        }
        for path in files(&entry.path().join("src")) {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let mut pieces = text.split("\\\n");
            all += pieces.next().unwrap_or_default();
            for piece in pieces {
                all += piece.trim_start();
            }
        }
    }
    all.replace("\\\"", "\"")
}

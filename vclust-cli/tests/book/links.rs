//! Links between the pages, and into other files of the project.

use std::fs;
use std::path::Path;

use super::blocks::{Page, root};

/// What is wrong with a page's links.
pub(crate) fn faults(page: &Page) -> Vec<String> {
    let here = root().join(&page.path);
    let mut faults = Vec::new();
    for (line, target) in links(&page.text) {
        if target.contains("://") {
            continue;
        }
        let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
        let path = if file.is_empty() {
            here.clone()
        } else {
            here.parent().expect("a directory").join(file)
        };
        if !path.exists() {
            faults.push(format!("{}:{line}: there is no {file}", page.path));
        } else if !anchor.is_empty() && !anchors(&path).iter().any(|one| one == anchor) {
            faults.push(format!(
                "{}:{line}: {} has no heading #{anchor}",
                page.path,
                path.display()
            ));
        }
    }
    faults
}

/// Targets of links, with their lines. Code is left out.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let line: String = line.split('`').step_by(2).collect::<Vec<_>>().join("code");
        for (place, _) in line.match_indices("](") {
            if let Some(end) = line[place..].find(')') {
                found.push((number, line[place + 2..place + end].to_owned()));
            }
        }
    }
    found
}

/// The lines outside blocks, with their numbers from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    text.lines().enumerate().filter_map(move |(number, line)| {
        let fence = line.trim_start().starts_with("```");
        is_code ^= fence;
        (!is_code && !fence).then_some((number + 1, line))
    })
}

/// The anchors of a page's headings, as mdBook makes them; a repeated one gets a number.
fn anchors(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut anchors: Vec<String> = Vec::new();
    for (_, line) in prose(&text) {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let anchor: String = heading
            .trim()
            .to_lowercase()
            .chars()
            .filter_map(|one| match one {
                ' ' => Some('-'),
                '-' | '_' => Some(one),
                _ => one.is_alphanumeric().then_some(one),
            })
            .collect();
        let again = anchors.iter().filter(|one| **one == anchor).count();
        anchors.push(if again == 0 { anchor } else { format!("{anchor}-{again}") });
    }
    anchors
}

//! What targets of the Makefile run, to find the book's commands there.

use std::fs;

use super::blocks::{files, root};

/// Commands of vclust that have others below them.
const GROUPS: &[&str] = &["cache", "history", "measure", "packages"];

/// The lines that a target runs; none if there is no such target.
pub(crate) fn recipe(makefile: &str, target: &str) -> Option<String> {
    let head = format!("{target}:");
    let mut lines = makefile.lines().skip_while(|line| !line.starts_with(&head));
    let first = lines.next()?;
    let body = lines.take_while(|line| !line.is_empty() && !line.ends_with(':'));
    Some(std::iter::once(first).chain(body).collect::<Vec<_>>().join("\n"))
}

/// What is wrong with the claim that a target runs commands: their words are looked for in its lines and in
/// the files that these name.
pub(crate) fn fault(makefile: &str, target: &str, commands: &str) -> Option<String> {
    let Some(recipe) = recipe(makefile, target) else {
        return Some(format!("there is no `make {target}`"));
    };
    let text = with_named_files(&recipe);
    let joined = commands.replace("\\\n", " ");
    for command in joined.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let command = command.split(" #").next().unwrap_or_default();
        let words: Vec<&str> = command.split_whitespace().collect();
        if words.first() == Some(&"make") {
            if words.get(1) != Some(&target) {
                return Some(format!("`{command}` is not `make {target}`"));
            }
            continue;
        }
        for word in significant(&words) {
            if !has_word(&text, word) {
                return Some(format!(
                    "`make {target}` does not do `{command}`: it has no `{word}`"
                ));
            }
        }
    }
    None
}

/// What is wrong with the claim that a target runs a page: a file that it names has to name the page.
pub(crate) fn names(makefile: &str, target: &str, page: &str) -> Option<String> {
    let Some(recipe) = recipe(makefile, target) else {
        return Some(format!("there is no `make {target}`"));
    };
    let file = page.rsplit('/').next().unwrap_or(page);
    (!with_named_files(&recipe).contains(file))
        .then(|| format!("`make {target}` does not name {page}"))
}

/// Lines of a recipe, and the files and tests that they name.
fn with_named_files(recipe: &str) -> String {
    let mut text = recipe.to_owned();
    let words: Vec<&str> =
        recipe.split_whitespace().map(|word| word.trim_matches(['\'', '"', '@'])).collect();
    let mut paths: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    for package in words.windows(2).filter(|pair| pair[0] == "--package").map(|pair| pair[1]) {
        let tests = words.windows(2).filter(|pair| pair[0] == "--test").map(|pair| pair[1]);
        paths.extend(tests.flat_map(|test| {
            [format!("{package}/tests/{test}"), format!("{package}/tests/{test}.rs")]
        }));
    }
    for path in paths.iter().filter(|path| path.contains('/') && !path.starts_with('/')) {
        let path = root().join(path);
        let found = if path.is_dir() { files(&path) } else { vec![path] };
        for file in found {
            text += &fs::read_to_string(file).unwrap_or_default();
        }
    }
    text
}

/// The words of a command that say what it does: its program, what that is to do, and options.
fn significant<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut found = vec![words[0].rsplit('/').next().unwrap_or(words[0])];
    if words[0] == "vclust" {
        let below = words.iter().copied().skip(1).skip_while(|word| word.starts_with('-'));
        let count =
            if below.clone().next().is_some_and(|word| GROUPS.contains(&word)) { 2 } else { 1 };
        found.extend(below.take(count));
    }
    let given = words.iter().copied().skip(1).take_while(|word| *word != "--");
    let options = given.filter(|word| word.starts_with("--"));
    found.extend(options.map(|word| word.split('=').next().unwrap_or(word)));
    found
}

fn has_word(text: &str, word: &str) -> bool {
    let is_part = |one: Option<char>| {
        one.is_some_and(|one| one.is_alphanumeric() || one == '-' || one == '_')
    };
    text.match_indices(word).any(|(place, _)| {
        !is_part(text[..place].chars().next_back())
            && !is_part(text[place + word.len()..].chars().next())
    })
}

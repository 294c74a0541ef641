//! The pages of the book, and the blocks of code in them.

use std::fs;
use std::path::{Path, PathBuf};

/// The project's directory.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_path_buf()
}

/// A page with its blocks.
pub(crate) struct Page {
    /// Its path from the project's directory.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) blocks: Vec<Block>,
}

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Block {
    page: String,
    line: usize,
    /// The fence's first word.
    pub(crate) language: String,
    /// Which target runs it, if the fence says so.
    pub(crate) target: Option<String>,
    /// What else the fence says.
    pub(crate) rest: String,
    pub(crate) text: String,
}

impl Block {
    /// Where it is.
    pub(crate) fn at(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }
}

impl Page {
    pub(crate) fn read(path: &str) -> Self {
        let text =
            fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let blocks = blocks(path, &text);
        Self { path: path.to_owned(), text, blocks }
    }

    pub(crate) fn consoles(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| block.language == "console")
    }
}

fn blocks(path: &str, text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(words)) => {
                let mut words = words.split(' ').filter(|word| !word.is_empty());
                let language = words.next().unwrap_or_default().to_owned();
                let (mut target, mut rest) = (None, Vec::new());
                for word in words {
                    match word.strip_prefix("make=") {
                        Some(name) => target = Some(name.to_owned()),
                        None => rest.push(word),
                    }
                }
                open = Some(Block {
                    page: path.to_owned(),
                    line: number + 1,
                    language,
                    target,
                    rest: rest.join(" "),
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => {
                block.text += line;
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{path}: a block does not end");
    found
}

/// All pages: those of the summary, and the one that visitors read first.
pub(crate) fn pages() -> Vec<Page> {
    let summary = fs::read_to_string(root().join("docs/src/SUMMARY.md")).expect("a summary");
    let mut pages = vec![Page::read("README.md")];
    for line in summary.lines() {
        let Some((_, rest)) = line.split_once("](") else { continue };
        let name = rest.split(')').next().expect("a path");
        pages.push(Page::read(&format!("docs/src/{name}")));
    }
    pages
}

/// All files below a directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

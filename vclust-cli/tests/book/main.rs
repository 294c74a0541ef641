//! The book does what it says: every command in it is run, every spec read, every link followed.
//!
//! A fence's first word says what a block is, and `make=TARGET` behind it which target of the Makefile runs
//! it where `cargo test` cannot. `make=test-book` is the test at the end of this file: these blocks need root,
//! QEMU and Debian's packages. Other targets are looked at for the words of the commands.

mod archive;
mod blocks;
mod links;
mod messages;
mod session;
mod targets;
mod transcript;

use std::fs;
use std::process::Command;
use std::time::Duration;

use blocks::{Block, Page, pages, root};
use session::Session;

/// What runs the blocks of pages that mark none themselves.
const WHOLE_PAGES: &[(&str, &str)] = &[("python.md", "test-python"), ("xen.md", "test-xen")];

/// Kinds of blocks that are shown and not run: output, formulas, layouts of files.
const SHOWN: &[&str] = &["text"];

fn is_marked_as_a_whole(page: &Page) -> bool {
    WHOLE_PAGES.iter().any(|(name, _)| page.path.ends_with(name))
}

#[test]
fn commands_that_need_neither_root_nor_network_do_what_their_pages_show() {
    let mut faults = Vec::new();
    let mut commands = 0;
    for page in pages().iter().filter(|page| !is_marked_as_a_whole(page)) {
        let blocks: Vec<&Block> = page.consoles().filter(|block| block.target.is_none()).collect();
        if blocks.is_empty() {
            continue;
        }
        let session = Session::small();
        let (ran, found) = session.check(page, &blocks, |_| true, Duration::from_secs(120));
        commands += ran;
        faults.extend(found);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(commands > 40, "only {commands} commands were found");
}

#[test]
fn every_block_is_run_by_something() {
    let makefile = fs::read_to_string(root().join("Makefile")).expect("a Makefile");
    let doctests = fs::read_to_string(root().join("vclust-cli/src/book.rs")).expect("doctests");
    let mut faults = Vec::new();
    for page in pages() {
        if let Some((_, target)) = WHOLE_PAGES.iter().find(|(name, _)| page.path.ends_with(name)) {
            assert!(targets::recipe(&makefile, target).is_some(), "there is no `make {target}`");
            continue;
        }
        for block in &page.blocks {
            let fault = match (block.language.as_str(), &block.target) {
                ("console", Some(target)) if target != "test-book" => {
                    targets::fault(&makefile, target, &block.text)
                }
                ("console" | "toml" | "json", _) => None,
                ("rust", None) => {
                    let include = format!("include_str!(\"../../{}\")", page.path);
                    (!doctests.contains(&include) || !block.rest.is_empty())
                        .then(|| format!("vclust-cli/src/book.rs has to have `{include}`"))
                }
                ("python", Some(target)) => targets::names(&makefile, target, &page.path),
                (kind, None) if SHOWN.contains(&kind) => None,
                (kind, mark) => Some(format!("`{kind}` with the mark {mark:?} is run by nothing")),
            };
            faults.extend(fault.map(|fault| format!("{}: {fault}", block.at())));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_that_is_shown_can_be_read() {
    let mut read = 0;
    for page in pages().iter().filter(|page| !is_marked_as_a_whole(page)) {
        for block in &page.blocks {
            let fault = match (block.language.as_str(), block.rest.as_str()) {
                ("toml", "") => spec_fault(&block.text),
                ("toml", "meta-packages") => {
                    let mut shipped = vclust_core::MetaPackages::shipped();
                    shipped.merge(&block.text, "the block").err().map(|error| error.to_string())
                }
                ("toml", "site") => vclust_core::SiteDescription::from_toml(&block.text)
                    .err()
                    .map(|error| error.to_string()),
                ("json", "") => serde_json::from_str::<serde_json::Value>(&block.text)
                    .err()
                    .map(|error| error.to_string()),
                ("toml" | "json", other) => Some(format!("`{other}` is no kind of file")),
                _ => continue,
            };
            assert!(fault.is_none(), "{}: {}", block.at(), fault.unwrap_or_default());
            read += 1;
        }
    }
    assert!(read >= 4, "only {read} files were found");
}

/// What is wrong with a spec, or with a part of one.
fn spec_fault(text: &str) -> Option<String> {
    let lacks = |key: &str| !text.lines().any(|line| line.starts_with(key));
    let mut whole = String::new();
    whole += if lacks("name =") { "name = \"part\"\n" } else { "" };
    whole += if lacks("nodes =") { "nodes = 1\n" } else { "" };
    whole += text;
    whole += if lacks("[deploy]") && !lacks("partitions") {
        "[deploy]\nstrategy = \"install\"\n"
    } else {
        ""
    };
    let spec = vclust_core::ClusterSpec::parse(&whole);
    spec.err().map(|error| format!("{error}: {:?}", std::error::Error::source(&error)))
}

#[test]
fn every_link_and_anchor_leads_somewhere() {
    let faults: Vec<String> = pages().iter().flat_map(links::faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_page_is_in_the_summary() {
    let summary = fs::read_to_string(root().join("docs/src/SUMMARY.md")).expect("a summary");
    for path in blocks::files(&root().join("docs/src")) {
        let name = path.strip_prefix(root().join("docs/src")).expect("below it");
        let name = name.to_str().expect("text");
        if path.extension().is_some_and(|kind| kind == "md") && name != "SUMMARY.md" {
            assert!(summary.contains(&format!("]({name})")), "SUMMARY.md lacks {name}");
        }
    }
}

#[test]
fn every_error_in_the_reference_is_one_that_a_program_prints() {
    let faults = messages::faults("docs/src/reference/errors.md");
    assert!(faults.is_empty(), "these are printed by nothing:\n{}", faults.join("\n"));
}

#[test]
fn the_picture_of_the_readme_is_drawn_from_the_demos_output() {
    let page = fs::File::open(root().join("docs/src/tutorials/demo.md")).expect("the page");
    let drawn = Command::new("python3")
        .arg(root().join("scripts/picture"))
        .stdin(page)
        .output()
        .expect("python3 is installed");
    let picture = fs::read(root().join("docs/src/plots/demo.svg")).expect("the picture");
    assert!(drawn.status.success() && drawn.stdout == picture, "the picture is of another page");
}

/// ONLY is a part of a page's path.
#[test]
#[ignore = "starts machines and fetches packages; `make test-book` runs it, as root"]
fn commands_that_start_machines_do_what_their_pages_show() {
    assert!(
        rustix::process::geteuid().is_root(),
        "this starts clusters: run `make test-book` as root"
    );
    let only = std::env::var("ONLY").unwrap_or_default();
    let is_real = |block: &Block| block.target.as_deref() == Some("test-book");
    let mut faults = Vec::new();
    for page in pages().iter().filter(|page| page.path.contains(&only)) {
        if is_marked_as_a_whole(page) || !page.consoles().any(is_real) {
            continue;
        }
        println!("{}", page.path);
        let blocks: Vec<&Block> =
            page.consoles().filter(|block| block.target.is_none() || is_real(block)).collect();
        let session = Session::real();
        let (_, found) = session.check(page, &blocks, is_real, Duration::from_secs(1800));
        faults.extend(found);
        faults.extend(session.clusters_left().map(|name| format!("{} leaves {name}", page.path)));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

//! The reference in the book and the man pages are what the command would write now.

use std::fs;
use std::path::Path;
use std::process::Command;

fn vclust(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_vclust"))
        .args(arguments)
        .env_remove("VCLUST_FORMAT")
        .output()
        .expect("vclust starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_books_reference_is_what_the_command_says_of_itself() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/reference/command-line.md");
    let written = fs::read_to_string(page).expect("the page is there");
    assert!(
        written == vclust(&["manual"]),
        "the page is of another command line: run `make reference`"
    );
}

#[test]
fn every_command_has_a_man_page_with_all_its_options() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path().to_str().expect("text");
    vclust(&["manual", "--man-pages", place]);
    let (mut commands, mut options) = (0, 0);
    let reference = vclust(&["manual"]);
    for section in reference.split("\n## vclust ").skip(1) {
        let (name, text) = section.split_once('\n').expect("a section has a text");
        let file = format!("vclust-{}.1", name.replace(' ', "-"));
        let page = fs::read_to_string(directory.path().join(&file)).expect(&file);
        assert!(page.contains(".TH"), "{file}");
        for option in text.lines().filter_map(|line| line.strip_prefix("- `--")) {
            let option = option.split([' ', '`']).next().expect("a word");
            assert!(page.contains(&option.replace('-', "\\-")), "{file} lacks --{option}");
            options += 1;
        }
        commands += 1;
    }
    assert!(commands > 25 && options > 60, "{commands} commands with {options} options");
    assert!(directory.path().join("vclust.1").exists());
}

//! What scripts rely on: the answers, the channels and the exit codes of the command line.

use std::process::{Command, Output};

use serde_json::{Value, json};

fn vclust(arguments: &[&str]) -> Output {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
    let arguments: Vec<String> =
        arguments.iter().map(|argument| argument.replace("DATA", data)).collect();
    Command::new(env!("CARGO_BIN_EXE_vclust"))
        .args(arguments)
        .env_remove("VCLUST_FORMAT")
        .output()
        .expect("vclust starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("answers are UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn document(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).expect("one JSON document on stdout")
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|change| change["package"].as_str().unwrap()).collect()
}

const RESOLVE: [&str; 5] = ["--format", "json", "resolve", "--packages-file", "DATA/Packages"];

fn resolve(more: &[&str]) -> Output {
    vclust(&[&RESOLVE, more].concat())
}

#[test]
fn resolve_answers_in_the_form_of_the_contract() {
    let output = resolve(&["tool", "mawk"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let answer = document(&output);
    assert_eq!(answer["request"], json!(["tool", "mawk"]));
    assert_eq!(names(&answer["install"]), ["libc6", "libtool1", "mawk", "tool"]);
    assert_eq!(
        answer["install"][3],
        json!({"package": "tool", "version": "1.0-1", "architecture": "all", "size": 100,
            "installed_size": 10240})
    );
    assert_eq!(answer["remove"], json!([]));
    assert_eq!(answer["download_bytes"], 1350);
    assert_eq!(answer["installed_bytes"], 135 * 1024);
}

#[test]
fn recommended_packages_come_on_demand_only() {
    let with = document(&resolve(&["--install-recommends", "tool"]));
    let without = document(&resolve(&["tool"]));
    assert!(names(&with["install"]).contains(&"tool-doc"));
    assert!(!names(&without["install"]).contains(&"tool-doc"));
}

#[test]
fn what_the_root_holds_is_kept_unless_an_upgrade_is_needed() {
    let kept = document(&resolve(&["--installed", "DATA/status", "mawk"]));
    assert_eq!(names(&kept["install"]), ["mawk"]);
    let upgraded = document(&resolve(&["--installed", "DATA/status", "gawk"]));
    assert_eq!(names(&upgraded["install"]), ["libc6", "gawk"]);
}

#[test]
fn a_request_without_answer_exits_with_1_and_the_chain() {
    let output = resolve(&["broken"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        document(&output),
        json!({"error": "the request cannot be fulfilled", "explanation": [
            "broken (2) depends on middle",
            "middle (2) depends on libtool1 (>= 9)",
            "of `libtool1` there is only 1.0-1",
        ]})
    );
}

#[test]
fn text_failures_go_to_stderr_and_name_the_way_out() {
    let output = vclust(&["resolve", "--packages-file", "DATA/Packages", "libtol1"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "");
    assert_eq!(stderr(&output), "error: no package is called `libtol1`; did you mean libtool1?\n");
}

#[test]
fn misuse_exits_with_2() {
    for arguments in [&["resolve"][..], &["resolve", "--format", "xml", "a"], &["nonsense"], &[]] {
        assert_eq!(vclust(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_missing_or_damaged_file_is_named() {
    let output = resolve(&["--installed", "DATA/nothing", "tool"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(document(&output)["error"].as_str().unwrap().contains("nothing"));

    let directory = tempfile::tempdir().unwrap();
    let cut = directory.path().join("Packages");
    std::fs::write(&cut, "Package: a\nVersion: 1\n\nPackage: b\n").unwrap();
    let output =
        vclust(&["--format", "json", "resolve", "--packages-file", cut.to_str().unwrap(), "a"]);
    assert_eq!(output.status.code(), Some(1));
    let error = document(&output)["error"].as_str().unwrap().to_owned();
    assert!(error.contains("line 4") && error.contains("`b` has no `Version`"), "{error}");
}

#[test]
fn a_made_up_minimal_root_holds_the_essential_packages() {
    let answer = document(&resolve(&["--root", "minimal", "mawk"]));
    assert_eq!(names(&answer["install"]), ["mawk"]);
}

#[test]
fn meta_packages_of_the_user_expand_in_requests() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mine.toml");
    std::fs::write(
        &file,
        "[[meta-package]]\nid = \"mine\"\ntitle = \"Mine\"\ndescription = \"Both.\"\n\
         packages = [\"nawk | mawk\", \"libtool1\"]\n",
    )
    .unwrap();
    let output = resolve(&["--meta-packages", file.to_str().unwrap(), "meta:mine"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(names(&document(&output)["install"]), ["libc6", "libtool1", "mawk"]);
}

#[test]
fn packages_are_searched_by_name_and_description() {
    let search = |pattern: &str| {
        vclust(&["packages", "search", "--packages-file", "DATA/Packages", pattern])
    };
    assert_eq!(stdout(&search("haystack")), "tool 1.0-1 - a tool that needs awk\n");
    assert_eq!(search("no-such-thing").status.code(), Some(1));
    let bad = search("(");
    assert_eq!(bad.status.code(), Some(1));
    assert!(stderr(&bad).contains("`(` is not a regular expression"));
}

#[test]
fn show_prints_the_stanza_and_lists_providers_of_a_virtual_name() {
    let show = |name: &str| vclust(&["packages", "show", "--packages-file", "DATA/Packages", name]);
    assert!(stdout(&show("mawk")).starts_with("Package: mawk\nVersion: 1.3.4\n"));
    assert!(stderr(&show("awk")).contains("gawk, mawk"));
}

#[test]
fn why_names_a_shortest_chain() {
    let why = ["packages", "why", "--packages-file", "DATA/Packages", "tool", "libc6"];
    let chain = stdout(&vclust(&why));
    assert!(chain.starts_with("tool\n  depends on "), "{chain}");
    assert!(chain.ends_with("depends on libc6 2.36-9\n"), "{chain}");
}

#[test]
fn completions_are_made_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = vclust(&["completions", shell]);
        assert!(output.status.success() && stdout(&output).contains("vclust"), "{shell}");
    }
}

#[test]
fn help_teaches_every_command() {
    for command in [&["--help"][..], &["resolve", "--help"], &["packages", "--help"]] {
        let output = vclust(command);
        assert!(output.status.success());
        assert!(stdout(&output).contains("Usage:"), "{command:?}");
    }
    assert!(stdout(&vclust(&["resolve", "--help"])).contains("Examples:"));
}

#[test]
fn the_overview_says_that_images_are_built() {
    let help = stdout(&vclust(&["--help"]));
    let cache = help.lines().find(|line| line.trim_start().starts_with("cache "));
    assert!(cache.is_some_and(|line| line.contains("Build")), "{help}");
}

//! `vclust simulate-site`: its answers, and what it refuses.

use std::process::{Command, Output};

use serde_json::Value;

fn simulate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vclust"))
        .arg("simulate-site")
        .args(arguments)
        .env_remove("VCLUST_FORMAT")
        .output()
        .expect("vclust starts")
}

fn document(arguments: &[&str]) -> Value {
    let output = simulate(&[&["--format", "json"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_papers_sixteen_nodes_take_what_the_paper_measured() {
    let answer =
        document(&["--nodes", "16", "--strategy", "install", "--transfer", "shared-server"]);
    let runs = answer["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 1);
    let total = runs[0]["total_seconds"].as_f64().expect("a number");
    assert!((total / 103.0 - 1.0).abs() < 0.1, "{total}");
    let phases: Vec<_> = runs[0]["phases"]
        .as_array()
        .expect("phases")
        .iter()
        .map(|phase| phase["phase"].as_str().expect("a name"))
        .collect();
    assert_eq!(phases, ["boot", "transfer", "install", "reboot", "ready"]);
    assert_eq!(answer["site"]["name"], "paper");
    assert!(answer.get("calibration").is_none());
}

#[test]
fn every_number_strategy_and_method_is_a_line() {
    let output = simulate(&["--nodes", "4,8", "--transfer", "chain,tree"]);
    assert!(output.status.success());
    let table = text(&output);
    // A title, a header, and two numbers of nodes by three strategies by two methods.
    assert_eq!(table.lines().count(), 2 + 2 * 3 * 2, "{table}");
    assert_eq!(document(&["--nodes", "4"])["runs"].as_array().expect("runs").len(), 9);
}

#[test]
fn a_seed_makes_the_answer_repeat() {
    let answer = |seed| text(&simulate(&["--format", "json", "--nodes", "40", "--seed", seed]));
    assert_eq!(answer("7"), answer("7"));
    assert_ne!(answer("7"), answer("8"));
}

#[test]
fn a_described_site_can_be_edited_and_fitted() {
    let directory = tempfile::tempdir().expect("a directory");
    let description = text(&simulate(&["--site", "paper", "--describe"]));
    let file = directory.path().join("mine.toml");
    let edited = description.replace("name = \"paper\"", "name = \"mine\"");
    std::fs::write(&file, edited).expect("a writable file");
    let file = file.to_str().expect("a plain name");
    let history = directory.path().join("history.jsonl");
    let line = |nodes: u32, seconds: f64| {
        format!(
            r#"{{"event":"transfer","at":"2026-01-01T00:00:00Z","site":"mine","image":"i","bytes":100000000,"nodes":{nodes},"method":"nfs","seconds":{seconds}}}"#
        )
    };
    // Nodes unpack three times as fast as the paper's, over a link that is about as fast.
    let lines = [line(1, 4.4), line(4, 4.5), line(64, 70.0)].join("\n");
    std::fs::write(&history, lines).expect("a writable file");
    let history = history.to_str().expect("a plain name");
    let answer = document(&["--site", file, "--history", history, "--nodes", "4"]);
    assert_eq!(answer["site"]["name"], "mine");
    let rows = answer["calibration"].as_array().expect("rows");
    assert_eq!(rows.len(), 3);
    for row in rows {
        assert!(row["error"].as_f64().expect("a number").abs() < 0.15, "{rows:?}");
    }
    let fitted = simulate(&["--site", file, "--history", history, "--describe"]);
    assert!(text(&fitted).contains("unpack_bytes_per_second = 2"), "{}", text(&fitted));
}

#[test]
fn what_cannot_be_simulated_is_refused_with_the_reason() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("bad.toml");
    let description = text(&simulate(&["--describe"]));
    std::fs::write(&file, description.replace("cores = 4.0", "cores = 0.0")).expect("writable");
    let output = simulate(&["--site", file.to_str().expect("a plain name")]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("hosts.cores is 0; it must be a number above zero"), "{error}");

    let output = simulate(&["--site", "nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("nowhere is no shipped site"), "{error}");

    let empty = directory.path().join("empty.jsonl");
    std::fs::write(&empty, "").expect("writable");
    let output = simulate(&["--history", empty.to_str().expect("a plain name")]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("nothing to calibrate from"), "{error}");

    for arguments in
        [&["--nodes", "0"][..], &["--install-seconds", "nan"], &["--strategy", "magic"]]
    {
        assert_eq!(simulate(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

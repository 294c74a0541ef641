//! `vclust accuracy`: what scripts rely on, and what it makes of damaged histories.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The recorded runs and their packages: see `benches/data/README.md`.
fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/data").join(name)
}

fn accuracy(format: &str, train: &Path, test: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vclust"))
        .args(["--format", format, "accuracy", "--packages-file"])
        .arg(data("packages"))
        .arg("--train")
        .arg(train)
        .arg("--test")
        .arg(test)
        .args(more)
        .env_remove("VCLUST_FORMAT")
        .output()
        .expect("vclust starts")
}

/// Writes the first lines of the recorded runs but for `changed`, which stands in its place.
fn history(directory: &Path, name: &str, lines: usize, changed: Option<(usize, &str)>) -> PathBuf {
    let text = std::fs::read_to_string(data("installs.jsonl")).expect("the recorded runs");
    let mut kept: Vec<&str> = text.lines().take(lines).collect();
    if let Some((at, line)) = changed {
        kept[at - 1] = line;
    }
    let path = directory.join(name);
    std::fs::write(&path, kept.join("\n")).expect("a file");
    path
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn rows(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", text(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    answer["estimators"].as_array().expect("estimators").clone()
}

#[test]
fn the_papers_line_stands_beside_ours_and_is_worse() {
    let directory = tempfile::tempdir().unwrap();
    let train = history(directory.path(), "train", 30, None);
    let rows = rows(&accuracy("json", &train, &data("installs.jsonl"), &[]));
    let [line, ours] = &rows[..] else { panic!("two estimators: {rows:?}") };
    assert_eq!(line["estimator"], "paper: line over .deb size");
    assert_eq!(ours["estimator"], "vclust: packages");
    for row in [line, ours] {
        assert_eq!((&row["n"], &row["unanswered"]), (&71.into(), &0.into()));
        for field in ["median", "p90", "max", "covered"] {
            assert!(row[field].as_f64().is_some_and(|figure| figure >= 0.0), "{field}: {row}");
        }
    }
    for field in ["median", "p90", "max"] {
        assert!(ours[field].as_f64() < line[field].as_f64(), "{field}: {rows:?}");
    }
}

#[test]
fn as_text_each_estimator_has_a_line_in_percent() {
    let directory = tempfile::tempdir().unwrap();
    let train = history(directory.path(), "train", 12, None);
    let output = accuracy("text", &train, &train, &[]);
    let lines = text(&output.stdout);
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("estimator") && lines[0].trim_end().ends_with("covered"));
    assert!(lines[1].starts_with("paper: line") && lines[1].matches('%').count() == 4);
    assert!(lines[2].starts_with("vclust: packages") && lines[2].matches('%').count() == 4);
}

#[test]
fn a_malformed_line_is_named_with_its_reason_once() {
    let directory = tempfile::tempdir().unwrap();
    let good = history(directory.path(), "good", 8, None);
    let bad = history(directory.path(), "bad", 8, Some((3, "{\"event\":\"install\",")));
    let output = accuracy("text", &good, &bad, &[]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""));
    let told = text(&output.stderr);
    let expected = "  line 3\n  it holds no event\n  EOF while parsing";
    assert!(told.contains("bad\n") && told.contains(expected), "{told}");
    assert_eq!(told.matches("EOF while parsing").count(), 1, "{told}");

    let output = accuracy("json", &bad, &good, &[]);
    assert_eq!(output.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert!(answer["error"].as_str().unwrap().ends_with("bad"), "{answer}");
    assert_eq!(answer["explanation"].as_array().map(Vec::len), Some(3), "{answer}");
}

#[test]
fn bad_lines_are_left_out_on_request_and_told() {
    let directory = tempfile::tempdir().unwrap();
    let train = history(directory.path(), "train", 8, None);
    let line = std::fs::read_to_string(data("installs.jsonl")).unwrap();
    let line = line.lines().nth(4).unwrap();
    let impossible = line.replacen("\"seconds\":", "\"seconds\":-", 1);
    for (bad, reason) in [
        ("nonsense", "it holds no event: expected ident"),
        (impossible.as_str(), "what was done took some time"),
        (line, "the same event"),
    ] {
        // The last one repeats line 5 as line 7.
        let test = history(directory.path(), "test", 8, Some((7, bad)));
        assert_eq!(accuracy("json", &train, &test, &[]).status.code(), Some(1), "{bad}");
        let output = accuracy("json", &train, &test, &["--skip-bad-lines"]);
        assert_eq!(rows(&output)[1]["n"], 7);
        let told = text(&output.stderr);
        assert!(told.contains("line 7 left out") && told.contains(reason), "{told}");
    }
}

#[test]
fn an_empty_history_is_answered_from_what_is_shipped() {
    let directory = tempfile::tempdir().unwrap();
    let empty = history(directory.path(), "empty", 0, None);
    let test = history(directory.path(), "test", 8, None);
    let rows = rows(&accuracy("json", &empty, &test, &[]));
    assert_eq!((&rows[0]["n"], &rows[0]["unanswered"]), (&0.into(), &8.into()));
    assert_eq!((&rows[1]["n"], &rows[1]["unanswered"]), (&8.into(), &0.into()));
    let nothing = accuracy("json", &test, &empty, &[]);
    assert!(nothing.status.success() && text(&nothing.stdout).contains("\"estimators\":[]"));
}

//! `vclust history` as scripts and people use it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const REQUEST: &str = r#"{"event":"request","at":"2026-11-23T02:30:00Z","site":"a","nodes":4,"packages":["g++","gcc","make","vim","zsh"]}"#;
const TRANSFER: &str = r#"{"event":"transfer","at":"2026-11-23T02:30:01Z","site":"a","image":"minimal","bytes":46000000,"nodes":4,"method":"nfs","seconds":6.52}"#;
const PHASE: &str = r#"{"event":"phase","at":"2026-11-23T02:30:00.500000Z","site":"b","cluster":"c","strategy":"clone","phase":"boot","nodes":4,"seconds":3.0}"#;

/// A state directory and files beside it.
struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn state(&self) -> std::path::PathBuf {
        self.0.path().join("state")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vclust"));
        command
            .args(arguments)
            .env("VCLUST_STATE_DIR", self.state())
            .env_remove("VCLUST_FORMAT")
            .env("NO_COLOR", "1");
        command
    }

    fn history(&self, arguments: &[&str]) -> Output {
        self.command(&[&["history"], arguments].concat()).output().expect("vclust starts")
    }

    fn import(&self, input: &str, more: &[&str]) -> Output {
        let mut child = self
            .command(&[&["history", "import", "-"], more].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("vclust starts");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON document on stdout")
}

fn all() -> String {
    format!("{TRANSFER}\n{REQUEST}\n{PHASE}\n")
}

#[test]
fn what_is_imported_is_exported_and_counted_once() {
    let site = Site::new();
    assert_eq!(stdout(&site.import(&all(), &[])), "3 new, 0 there already\n");
    let more = site.file("more.jsonl", &all().replace("6.52", "6.44"));
    let answer = document(&site.history(&["--format", "json", "import", &more, &more]));
    let path = site.state().join("history.sqlite").display().to_string();
    assert_eq!(answer, json!({"new": 1, "known": 5, "skipped": [], "history": path}));
    let exported = stdout(&site.history(&["export"]));
    assert_eq!(exported, all() + &TRANSFER.replace("6.52", "6.44") + "\n");
    let other = Site::new();
    assert_eq!(stdout(&other.import(&exported, &[])), "4 new, 0 there already\n");
    assert_eq!(stdout(&other.history(&["export"])), exported);
}

#[test]
fn export_takes_what_is_asked_for_and_prints_one_document_as_json() {
    let site = Site::new();
    site.import(&all(), &[]);
    let export = |arguments: &[&str]| stdout(&site.history(&[&["export"], arguments].concat()));
    assert_eq!(export(&["--kind", "request"]), format!("{REQUEST}\n"));
    assert_eq!(export(&["--site", "b"]), format!("{PHASE}\n"));
    let since = ["--since", "2026-11-23T03:30:00.5+01:00"];
    assert_eq!(export(&since), format!("{TRANSFER}\n{PHASE}\n"));
    assert_eq!(export(&["--kind", "install"]), "");
    let events =
        |text: &str| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        document(&site.history(&["export", "--format", "json"])),
        Value::Array(events(&all()))
    );
    let none = ["export", "--format", "json", "--kind", "install"];
    assert_eq!(document(&site.history(&none)), json!([]));
    let misuse = site.history(&["export", "--since", "yesterday"]);
    assert_eq!(misuse.status.code(), Some(2));
    assert!(text(&misuse.stderr).contains("2026-11-23T02:30:00Z"), "{}", text(&misuse.stderr));
}

#[test]
fn export_replaces_a_file_when_all_is_written_and_leaves_devices_alone() {
    let site = Site::new();
    site.import(&all(), &[]);
    let file = site.file("old.jsonl", "what was there before\n");
    let link = site.0.path().join("link.jsonl");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_eq!(stdout(&site.history(&["export", "-o", link.to_str().unwrap()])), "");
    assert_eq!(fs::read_to_string(&file).unwrap(), all());
    assert!(link.is_symlink());
    assert_eq!(stdout(&site.history(&["export", "-o", "/dev/stdout"])), all());
    let full = site.history(&["export", "-o", "/dev/full"]);
    assert_eq!(full.status.code(), Some(1));
    assert!(text(&full.stderr).contains("cannot write /dev/full"), "{}", text(&full.stderr));
    let nowhere = site.history(&["export", "-o", "/nowhere/at/all.jsonl"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("/nowhere/at/all.jsonl"), "{}", text(&nowhere.stderr));
    let names = fs::read_dir(site.0.path()).unwrap().count();
    assert_eq!(names, 3, "no temporary file is left: the state, the file, the link");
}

#[test]
fn a_bad_line_is_named_and_nothing_is_taken_unless_it_is_to_be_skipped() {
    let site = Site::new();
    let good = site.file("good.jsonl", &all());
    let bad = site.file(
        "bad.jsonl",
        &format!("{PHASE}\n\n{}\nnonsense\n", TRANSFER.replace("\"nodes\":4", "\"nodes\":0")),
    );
    let output = site.history(&["import", &good, &bad]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        format!(
            "error: {bad}, line 3: nodes is empty or zero; nothing was imported, --skip-bad-lines \
             leaves such lines out\n"
        )
    );
    assert_eq!(stdout(&site.history(&["export"])), "");
    let output = site.history(&["import", "--skip-bad-lines", &good, &bad, "--format", "json"]);
    let answer = document(&output);
    assert_eq!((&answer["new"], &answer["known"]), (&json!(3), &json!(1)));
    assert_eq!(
        answer["skipped"],
        json!([
            {"file": bad, "line": 3, "error": "nodes is empty or zero"},
            {"file": bad, "line": 4, "error": "it holds no event: expected ident at column 2"},
        ])
    );
    assert!(text(&output.stderr).contains("line 4 left out"), "{}", text(&output.stderr));
}

#[test]
fn the_reason_of_a_refused_line_is_said_once() {
    let site = Site::new();
    let output = site.import("{\"event\":\"dance\"}", &["--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let error = document(&output);
    let sentence = error["error"].as_str().unwrap();
    assert!(
        sentence.starts_with("standard input, line 1: it holds no event: unknown variant `dance`")
    );
    assert_eq!(sentence.matches("unknown variant").count(), 1, "{sentence}");
    assert_eq!(error["explanation"], json!([]));
}

#[test]
fn the_list_shows_the_latest_events_in_the_order_of_time() {
    let site = Site::new();
    let odd = PHASE.replace("\"c\"", "\"c\\u001b[2J\"");
    site.import(&format!("{}{odd}\n", all()), &[]);
    let listed = stdout(&site.history(&["list"]));
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines[0], "at                          kind     site   nodes   seconds  what");
    assert_eq!(
        lines[1],
        "2026-11-23T02:30:00Z        request  a          4            g++, gcc, make, vim and 1 more"
    );
    assert_eq!(
        lines[2],
        "2026-11-23T02:30:00.500000Z phase    b          4      3.00  boot of cluster c by clone"
    );
    assert!(lines[3].ends_with("boot of cluster c\u{fffd}[2J by clone"), "{}", lines[3]);
    assert!(lines[4].ends_with("6.52  46.0 MB of minimal by nfs"), "{}", lines[4]);
    let one = site.history(&["list", "--last", "1", "--kind", "phase"]);
    assert_eq!(stdout(&one).lines().count(), 2);
    assert!(text(&one.stderr).starts_with("hint: 1 of 2 events"), "{}", text(&one.stderr));
    let answer = document(&site.history(&["list", "--last", "1", "--format", "json"]));
    let transfer: Value = serde_json::from_str(TRANSFER).unwrap();
    assert_eq!(answer, json!({"total": 4, "events": [transfer]}));
}

#[test]
fn where_there_is_no_history_there_is_none_made_to_look_at_it() {
    let site = Site::new();
    assert_eq!(
        document(&site.history(&["list", "--format", "json"])),
        json!({"total": 0, "events": []})
    );
    assert_eq!(document(&site.history(&["export", "--format", "json"])), json!([]));
    assert_eq!(stdout(&site.history(&["export"])), "");
    let listed = site.history(&["list"]);
    assert_eq!(stdout(&listed), "");
    assert!(text(&listed.stderr).contains("vclust history import"));
    assert!(!site.state().exists());
}

#[test]
fn a_file_that_is_no_history_is_named_with_the_way_out() {
    let site = Site::new();
    fs::create_dir(site.state()).unwrap();
    fs::write(site.state().join("history.sqlite"), "no database at all\n".repeat(99)).unwrap();
    let output = site.history(&["list", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let error = document(&output)["error"].as_str().unwrap().to_owned();
    assert!(error.contains("state/history.sqlite is no history: move it away"), "{error}");
}

#[test]
fn imports_of_several_processes_at_once_lose_nothing() {
    let site = Site::new();
    let lines = |part: u32| -> String {
        (0..500)
            .map(|line| TRANSFER.replace("6.52", &format!("{part}.{line:03}1")) + "\n")
            .collect()
    };
    let files: Vec<_> =
        (1..=4).map(|part| site.file(&format!("{part}.jsonl"), &lines(part))).collect();
    let processes: Vec<_> = files
        .iter()
        .map(|file| {
            site.command(&["history", "import", file, &files[0]])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for process in processes {
        stdout(&process.wait_with_output().unwrap());
    }
    let mut exported: Vec<_> =
        stdout(&site.history(&["export"])).lines().map(str::to_owned).collect();
    exported.sort();
    let mut expected: Vec<_> = (1..=4)
        .flat_map(|part| lines(part).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    expected.sort();
    assert_eq!(exported, expected);
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let site = Site::new();
    let many: String =
        (0..9000).map(|line| TRANSFER.replace("6.52", &format!("{line}.5")) + "\n").collect();
    site.import(&many, &[]);
    let mut child = site
        .command(&["history", "export"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    assert!(Path::new(&site.state()).exists());
}

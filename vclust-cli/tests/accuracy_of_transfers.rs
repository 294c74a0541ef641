//! `vclust accuracy` over transfers and phases.

use std::fmt::Write;
use std::process::Command;

use serde_json::Value;

/// The paper's Table 2: nodes, bytes and measured seconds.
const TABLE_2: [(u32, u64, f64); 6] = [
    (4, 46_000_000, 6.52),
    (8, 46_000_000, 6.58),
    (16, 46_000_000, 7.45),
    (4, 61_300_000, 8.44),
    (8, 61_300_000, 9.11),
    (16, 61_300_000, 10.4),
];

#[test]
fn accuracy_compares_the_papers_mean_with_ours_and_rates_phases() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut lines = String::new();
    for (nodes, bytes, seconds) in TABLE_2 {
        writeln!(
            lines,
            r#"{{"event":"transfer","at":"2006-01-01T00:00:00Z","site":"p","image":"{bytes}","bytes":{bytes},"nodes":{nodes},"method":"nfs","seconds":{seconds}}}
{{"event":"phase","at":"2006-01-01T00:00:00Z","site":"p","cluster":"c{bytes}","strategy":"install","phase":"boot","nodes":{nodes},"seconds":{seconds}}}"#
        )
        .expect("a string takes all");
    }
    let history = directory.path().join("history.jsonl");
    std::fs::write(&history, lines).expect("a writable file");
    let packages = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/Packages");
    let output = Command::new(env!("CARGO_BIN_EXE_vclust"))
        .args(["--format", "json", "accuracy", "--packages-file", packages])
        .arg("--train")
        .arg(&history)
        .arg("--test")
        .arg(&history)
        .output()
        .expect("vclust starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("one document");
    let rows = answer["estimators"].as_array().expect("a list");
    let row = |name: &str| {
        let row = rows.iter().find(|row| row["estimator"] == name);
        let row = row.unwrap_or_else(|| panic!("{name} is missing in {rows:?}"));
        assert_eq!(row["n"], 6);
        (row["max"].as_f64().expect("a number"), row["covered"].as_f64().expect("a number"))
    };
    assert!(row("paper: mean of past transfers").0 < 1e-9);
    assert!(row("vclust: contention model").0 < 0.1);
    assert!(row("vclust: transfers").0 < 0.03);
    assert!(row("vclust: phases").1 > 0.99);
}

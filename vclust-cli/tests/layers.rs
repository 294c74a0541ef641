//! Layers in `vclust plan`, `vclust cache generate` and `vclust simulate`, as users run them.

use std::fmt::Write;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A directory with an archive: an essential package `base`, large ones `p1` to `p8` that need it, and two
/// that conflict, `left` and `right`.
struct Site {
    directory: TempDir,
}

impl Site {
    fn new() -> Self {
        let mut archive = String::from(
            "Package: base\nVersion: 1\nArchitecture: amd64\nSize: 9000000\nInstalled-Size: 30000\n\
             Essential: yes\n\n\
             Package: left\nVersion: 1\nArchitecture: amd64\nSize: 9000\nConflicts: right\n\n\
             Package: right\nVersion: 1\nArchitecture: amd64\nSize: 9000\n\n",
        );
        for number in 1..=8 {
            let _ = write!(
                archive,
                "Package: p{number}\nVersion: 1\nArchitecture: amd64\nSize: 20000000\n\
                 Installed-Size: 80000\nDepends: base\n\n"
            );
        }
        let site = Self { directory: tempfile::tempdir().expect("a directory") };
        site.write("Packages", &archive);
        site
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).expect("a writable directory");
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_vclust"))
            .args(arguments)
            .args(["--packages-file", "Packages"])
            .current_dir(self.directory.path())
            .env("VCLUST_STATE_DIR", self.directory.path().join("state"))
            .env_remove("VCLUST_FORMAT")
            .output()
            .expect("vclust starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(&[&["--format", "json"], arguments].concat())).expect("JSON")
    }

    /// A spec of some packages, built by a strategy.
    fn spec(&self, packages: &[&str], strategy: &str) {
        let text = format!(
            "name = \"test\"\nnodes = 8\npackages = {packages:?}\n[deploy]\nstrategy = \"{strategy}\"\n"
        );
        self.write("spec.toml", &text);
    }

    /// Plans with images, each a name, a kind and packages.
    fn plan_with(&self, images: &[(&str, &str, &[&str])]) -> Value {
        let listing = |(id, kind, packages): &(&str, &str, &[&str])| {
            let of = |name: &&str| json!({"package": name, "version": "1"});
            let packages: Vec<Value> = packages.iter().map(of).collect();
            json!({"id": id, "kind": kind, "bytes": 60_000_000, "packages": packages})
        };
        let images: Vec<Value> = images.iter().map(listing).collect();
        self.write("images.json", &json!({ "images": images }).to_string());
        self.json(&["plan", "spec.toml", "--images", "images.json"])
    }
}

const ALL: [&str; 8] = ["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"];

#[test]
fn a_plan_puts_layers_over_each_other_and_says_so() {
    let site = Site::new();
    site.spec(&ALL, "layers");
    let halves = [("a", "layer", &ALL[..4]), ("b", "layer", &ALL[4..]), ("c", "layer", &ALL[3..5])];
    let answer = site.plan_with(&halves);
    let chosen = &answer["chosen"];
    assert_eq!(chosen["image"], "minimal");
    assert_eq!(chosen["layers"], json!(["a", "b"]));
    assert_eq!((&chosen["missing"], &chosen["extra"]), (&0.into(), &0.into()));
    assert_eq!(chosen["gap"], 0.0);
    let layer = chosen["phases"].as_array().expect("phases").iter();
    let layer = layer.filter(|phase| phase["phase"] == "layer").collect::<Vec<_>>();
    assert!(layer[0]["seconds"].as_f64() > Some(0.0), "merging is paid for: {layer:?}");
    let why = answer["why"][0].as_str().expect("a reason");
    assert!(why.starts_with("minimal + a + b by layers: "), "{why}");
    // Each layer by itself is a candidate, too, and so is the minimal image.
    let candidates = answer["candidates"].as_array().expect("candidates");
    assert_eq!(candidates.len(), 5);
    let text = site.run(&["plan", "spec.toml", "--images", "images.json"]);
    assert!(text.contains("minimal + a + b ") && text.contains("minimal + c "), "{text}");
    // Of many layers the table has their number, and the names come below it.
    let each: Vec<(&str, &str, &[&str])> = ["a", "b", "c", "d"]
        .into_iter()
        .zip(ALL.chunks(2))
        .map(|(name, packages)| (name, "layer", packages))
        .collect();
    assert_eq!(site.plan_with(&each)["chosen"]["layers"], json!(["a", "b", "c", "d"]));
    let text = site.run(&["plan", "spec.toml", "--images", "images.json"]);
    assert!(text.contains("minimal + 4 layers "), "{text}");
    assert!(text.contains("the first: minimal + a + b + c + d\n"), "{text}");
}

#[test]
fn one_layer_that_has_everything_is_as_good_as_an_image() {
    let site = Site::new();
    site.spec(&ALL[..2], "layers");
    let root = [&["base"][..], &ALL[..2]].concat();
    let answer = site.plan_with(&[("whole", "layer", &ALL[..2]), ("root", "image", &root)]);
    let candidates = answer["candidates"].as_array().expect("candidates");
    let of = |name: &str| {
        let own = |one: &&Value| one["image"] == name || one["layers"] == json!([name]);
        candidates.iter().find(own).expect("it is a candidate")["total"]["seconds"].clone()
    };
    assert_eq!(of("whole"), of("root"));
}

#[test]
fn nodes_that_install_have_no_use_for_layers() {
    let site = Site::new();
    site.spec(&ALL, "install");
    let answer = site.plan_with(&[("a", "layer", &ALL[..])]);
    assert_eq!(answer["considered"], 1);
    assert_eq!(answer["chosen"]["layers"], json!([]));
}

#[test]
fn layers_that_hold_what_conflicts_are_never_taken_together() {
    let site = Site::new();
    site.spec(&ALL, "layers");
    let a = [&ALL[..4], &["left"]].concat();
    let b = [&ALL[4..], &["right"]].concat();
    let answer = site.plan_with(&[("a", "layer", &a), ("b", "layer", &b)]);
    for candidate in answer["candidates"].as_array().expect("candidates") {
        assert!(candidate["layers"].as_array().is_some_and(|layers| layers.len() < 2));
    }
    // Nor is a layer taken over an image that holds what conflicts with it.
    let root = [&["base", "left"][..], &ALL[..4]].concat();
    let answer = site.plan_with(&[("b", "layer", &b), ("root", "image", &root)]);
    for candidate in answer["candidates"].as_array().expect("candidates") {
        assert!(candidate["image"] == "minimal" || candidate["layers"] == json!([]));
    }
}

#[test]
fn what_generate_designs_can_be_planned_with_and_given_back() {
    let site = Site::new();
    let mut history = String::new();
    for number in 0..40_usize {
        let packages = [ALL[number % 3], ALL[3 + number % 2], ALL[5 + number % 3]];
        let _ = writeln!(
            history,
            "{{\"event\":\"request\",\"at\":\"2026-11-23T02:{number:02}:00Z\",\"site\":\"here\",\
             \"nodes\":8,\"packages\":{packages:?}}}"
        );
    }
    site.write("history.jsonl", &history);
    let generate = ["cache", "generate", "--history", "history.jsonl", "--strategy", "clone"];
    let with = |more: &[&'static str]| [&generate[..], more].concat();
    let answer = site.json(&with(&["--budget", "200MB"]));
    let images = answer["images"].as_array().expect("images");
    assert!(!images.is_empty() && answer["bytes"].as_u64() <= Some(200_000_000));
    for image in images {
        assert_eq!(image["kind"], "layer");
        let packages = image["packages"].as_array().expect("packages");
        assert!(packages.iter().all(|package| package["package"] != "base"), "{image}");
        assert!(image["expected_loss"].as_f64() > Some(0.0), "{image}");
    }
    site.write("images.json", &answer.to_string());
    let again = site.json(&with(&["--budget", "200MB", "--images", "images.json"]));
    assert_eq!(again["mean_seconds_before"], answer["mean_seconds"]);
    assert!(again["mean_seconds"].as_f64() <= answer["mean_seconds"].as_f64());
    site.spec(&["p1", "p4", "p6"], "clone");
    let plan = site.json(&["plan", "spec.toml", "--images", "images.json"]);
    assert_ne!(plan["chosen"]["layers"], json!([]));
    let text = site.run(&with(&["--budget", "200MB", "--explain"]));
    assert!(text.contains("expected-time-layer-1") && text.contains("adds p"), "{text}");
    // Without layers, as without a budget for them.
    let images = site.json(&with(&["--budget", "200MB", "--policy", "expected-time:,images"]));
    assert!(
        images["images"]
            .as_array()
            .is_some_and(|all| { all.iter().all(|image| image["kind"] == "image") })
    );
    let nothing = site.json(&with(&["--budget", "1MB", "--images", "images.json"]));
    assert_eq!(nothing["images"], json!([]));
    assert!(!nothing["evict"].as_array().expect("a list").is_empty());
}

#[test]
fn simulate_tells_how_much_came_from_layers() {
    let site = Site::new();
    let mut sources =
        String::from("Package: s0\nVersion: 1\nArchitecture: any\nBuild-Depends: left\n\n");
    for number in 1..8_usize {
        let _ = writeln!(
            sources,
            "Package: s{number}\nVersion: 1\nArchitecture: any\nBuild-Depends: {}, {}\n",
            ALL[number - 1],
            ALL[7 - number]
        );
    }
    site.write("Sources", &sources);
    site.write(
        "Packages",
        &format!(
            "{}Package: build-essential\nVersion: 1\nArchitecture: amd64\nSize: 1000\n\n",
            std::fs::read_to_string(site.directory.path().join("Packages")).expect("the archive")
        ),
    );
    let run = |policy: &str| {
        let answer = site.json(&[
            "simulate",
            "--sources-file",
            "Sources",
            "--count",
            "200",
            "--budget",
            "150MB",
            "--strategy",
            "layers",
            "--policy",
            policy,
        ]);
        answer["simulations"][0]["policies"][0].clone()
    };
    let (layers, images) = (run("expected-time"), run("expected-time:,images"));
    assert!(layers["layered"].as_f64() > Some(0.5) && layers["layers_built"].as_u64() > Some(0));
    assert_eq!((&images["layered"], &images["layers_built"]), (&json!(0.0), &json!(0)));
}

//! `vclust plan`, `vclust cache generate` and `vclust simulate`, as users run them.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

struct Output {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Output {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

/// A directory with an archive, its sources, requests and a spec.
struct Site {
    directory: TempDir,
}

/// An archive in which each of 60 packages needs the one of half its number.
fn archive() -> String {
    let mut file = String::new();
    for number in 0..60_u32 {
        let size = 100_000 + number * 7919 % 97 * 20_000;
        let _ = write!(
            file,
            "Package: p{number}\nVersion: 1\nArchitecture: amd64\nSize: {size}\nInstalled-Size: {}\n",
            size / 300
        );
        if number == 0 {
            file += "Essential: yes\n";
        } else {
            let _ = writeln!(file, "Depends: p{}", number / 2);
        }
        file += "\n";
    }
    file +=
        "Package: build-essential\nVersion: 1\nArchitecture: amd64\nSize: 1000\nDepends: p20\n\n";
    file
}

impl Site {
    fn new() -> Self {
        let site = Self { directory: tempfile::tempdir().expect("a directory") };
        site.write("Packages", &archive());
        let mut sources = String::new();
        for number in 1..40_u32 {
            let _ = writeln!(
                sources,
                "Package: s{number}\nVersion: 1\nArchitecture: any\nBuild-Depends: p{}, p{}\n",
                number + 10,
                60 - number
            );
        }
        site.write("Sources", &sources);
        let mut history = String::new();
        for number in 0..60_u32 {
            let _ = writeln!(
                history,
                "{{\"event\":\"request\",\"at\":\"2026-11-23T02:{number:02}:00Z\",\"site\":\"here\",\
                 \"nodes\":8,\"packages\":[\"p{}\",\"p{}\"]}}",
                40 + number % 3,
                50 + number % 2
            );
        }
        site.write("history.jsonl", &history);
        site.write("spec.toml", "name = \"test\"\nnodes = 8\npackages = [\"p41\", \"p51\"]\n");
        site
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("a writable directory");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = Command::new(env!("CARGO_BIN_EXE_vclust"))
            .args(arguments)
            .current_dir(self.path())
            .env("VCLUST_STATE_DIR", self.path().join("state"))
            .env_remove("VCLUST_FORMAT")
            .output()
            .expect("vclust starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Output {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

#[test]
fn a_plan_holds_the_closure_every_candidate_and_the_reason() {
    let site = Site::new();
    let plan = ["--format", "json", "plan", "--packages-file", "Packages", "spec.toml"];
    let output = site.run(&plan);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let answer = output.json();
    assert_eq!(answer["spec"]["name"], "test");
    assert_eq!(answer["spec"]["memory"], "320MiB");
    // p41, p20, p10, p5, p2, p1 and p51, p25, p12, p6, p3.
    assert_eq!(answer["closure"]["install"].as_array().map(Vec::len), Some(11));
    let candidates = answer["candidates"].as_array().expect("candidates");
    assert_eq!(candidates.len(), 3, "one image, three strategies");
    assert_eq!(answer["considered"], 3);
    let mut before = 0.0;
    for candidate in candidates {
        let total = candidate["total"]["seconds"].as_f64().expect("seconds");
        let phases = candidate["phases"].as_array().expect("phases");
        let sum: f64 = phases.iter().filter_map(|phase| phase["seconds"].as_f64()).sum();
        assert!((sum - total).abs() < 1e-9 && total >= before, "{candidate}");
        let bound = |name: &str| candidate["total"][name].as_f64().expect("a bound");
        assert!(bound("low") <= total && total <= bound("high"));
        before = total;
    }
    assert_eq!(answer["chosen"], candidates[0]);
    assert!(answer["why"][0].as_str().is_some_and(|why| why.starts_with("minimal by ")));
}

#[test]
fn a_plan_names_its_strategies_and_a_spec_may_ask_for_one() {
    let site = Site::new();
    let text = site.run(&["plan", "--packages-file", "Packages", "spec.toml"]).stdout;
    assert!(
        text.starts_with("test: 8 nodes of 320MiB; 11 packages beyond a minimal image"),
        "{text}"
    );
    for strategy in ["install", "layers", "clone"] {
        assert!(text.contains(strategy), "{text}");
    }
    site.write(
        "spec.toml",
        "name = \"test\"\nnodes = 8\npackages = [\"p41\"]\n[deploy]\nstrategy = \"install\"\n",
    );
    let text = site.run(&["plan", "--packages-file", "Packages", "spec.toml"]).stdout;
    assert!(text.contains("install") && !text.contains("clone"), "{text}");
}

#[test]
fn what_generate_answers_can_be_planned_with() {
    let site = Site::new();
    let generate = |more: &[&str]| {
        let mut arguments = vec!["cache", "generate", "--packages-file", "Packages"];
        arguments.extend(["--history", "history.jsonl", "--strategy", "layers"]);
        arguments.extend(["--policy", "expected-time:,images"]);
        arguments.extend(more);
        site.run(&arguments)
    };
    let output = generate(&["--format", "json"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let answer = output.json();
    assert_eq!((&answer["requests"], &answer["nodes"]), (&60.into(), &8.into()));
    let images = answer["images"].as_array().expect("images");
    assert!(!images.is_empty());
    let mean = |name: &str| answer[name].as_f64().expect("seconds");
    assert!(mean("mean_seconds") < mean("mean_seconds_minimal"));
    let share: f64 = images.iter().filter_map(|image| image["share"].as_f64()).sum();
    assert!((share - 1.0).abs() < 1e-9, "every request is served from an image");
    assert!(images.iter().all(|image| image["expected_loss"].as_f64() >= Some(0.0)));

    site.write("images.json", &output.stdout);
    site.write(
        "spec.toml",
        "name = \"test\"\nnodes = 8\npackages = [\"p41\", \"p51\"]\n[deploy]\nstrategy = \"layers\"\n",
    );
    let plan = ["--format", "json", "plan", "--packages-file", "Packages"];
    let with = [&plan[..], &["--images", "images.json", "spec.toml"]].concat();
    let chosen = &site.run(&with).json()["chosen"];
    assert_eq!(chosen["image"], images[0]["id"]);
    assert_eq!((&chosen["missing"], &chosen["removals"]), (&0.into(), &0.into()));
    // Images that are there already are told so, and nothing changes.
    let again = generate(&["--format", "json", "--images", "images.json"]).json();
    assert_eq!(again["images"][0]["exists"], true);
    assert_eq!(again["evict"].as_array().map(Vec::len), Some(0));
    assert_eq!(again["mean_seconds_before"], again["mean_seconds"]);
    // For people, with the packages that cost most.
    let text = generate(&["--explain"]).stdout;
    assert!(text.contains("expected-time-1") && text.contains("adds p"), "{text}");
    assert!(text.contains("loss: seconds the mean build would take longer"), "{text}");
}

#[test]
fn an_exact_spec_takes_no_image_with_more() {
    let site = Site::new();
    site.write(
        "images.json",
        r#"{"images":[{"id":"big","bytes":1000,"packages":[
            {"package":"p0","version":"1"},{"package":"p1","version":"1"},
            {"package":"p2","version":"1"},{"package":"p3","version":"1"}]}]}"#,
    );
    let spec = "name = \"test\"\nnodes = 2\npackages = [\"p2\"]\n";
    let plan = |text: &str| {
        site.write("spec.toml", text);
        let arguments = ["--format", "json", "plan", "--packages-file", "Packages"];
        site.run(&[&arguments[..], &["--images", "images.json", "spec.toml"]].concat()).json()
    };
    let loose = plan(spec);
    assert_eq!(loose["chosen"]["image"], "big");
    assert_eq!((&loose["chosen"]["extra"], &loose["unusable"]), (&1.into(), &0.into()));
    let exact = plan(&format!("{spec}exact = true\n"));
    assert_eq!((&exact["chosen"]["image"], &exact["unusable"]), (&"minimal".into(), &1.into()));
}

#[test]
fn a_plan_learns_from_what_builds_took() {
    let site = Site::new();
    site.write(
        "images.json",
        r#"{"images":[{"id":"big","bytes":50000000,"packages":[
            {"package":"p0","version":"1"},{"package":"p1","version":"1"}]}]}"#,
    );
    site.write(
        "spec.toml",
        "name = \"test\"\nnodes = 8\npackages = [\"p1\"]\n[deploy]\nstrategy = \"install\"\n",
    );
    let plan = || {
        let arguments = ["--format", "json", "plan", "--packages-file", "Packages"];
        let answer =
            site.run(&[&arguments[..], &["--images", "images.json", "spec.toml"]].concat());
        let candidates = answer.json()["candidates"].as_array().cloned().expect("candidates");
        let big = candidates.into_iter().find(|candidate| candidate["image"] == "big");
        let phases = big.expect("the image is usable")["phases"].clone();
        let phases = phases.as_array().cloned().expect("phases");
        let seconds = |name: &str| {
            let phase = phases.iter().find(|phase| phase["phase"] == name).expect("the phase");
            phase["seconds"].as_f64().expect("seconds")
        };
        (seconds("transfer"), seconds("boot"))
    };
    let (transfer, boot) = plan();
    let mut events = String::new();
    for number in 0..40_u32 {
        let at = format!("2026-11-23T03:{number:02}:00Z");
        let _ = writeln!(
            events,
            "{{\"event\":\"transfer\",\"at\":\"{at}\",\"site\":\"here\",\"image\":\"big\",\"bytes\":50000000,\
             \"nodes\":8,\"method\":\"nfs\",\"seconds\":{}}}",
            3.0 * transfer
        );
        let _ = writeln!(
            events,
            "{{\"event\":\"phase\",\"at\":\"{at}\",\"site\":\"here\",\"cluster\":\"c\",\"strategy\":\"install\",\
             \"phase\":\"boot\",\"nodes\":8,\"seconds\":{},\"hypervisor\":\"qemu\",\"memory_bytes\":335544320}}",
            boot / 4.0
        );
    }
    site.write("measured.jsonl", &events);
    let imported = site.run(&["history", "import", "measured.jsonl"]);
    assert_eq!(imported.code, 0, "{}", imported.stderr);
    // The second time what was learned is read back, not learned again.
    for _ in 0..2 {
        let (after, booted) = plan();
        assert!((after / (3.0 * transfer) - 1.0).abs() < 0.05, "{transfer} became {after}");
        assert!((booted / (boot / 4.0) - 1.0).abs() < 0.1, "{boot} became {booted}");
    }
}

#[test]
fn what_any_policy_keeps_can_be_given_back_to_it() {
    let site = Site::new();
    for policy in
        ["paper:20,30", "keep-used", "golden:9", "static:9", "landlord:0.9", "expected-time"]
    {
        let generate = |more: &[&str]| {
            let mut arguments = vec!["--format", "json", "cache", "generate"];
            arguments.extend(["--packages-file", "Packages", "--history", "history.jsonl"]);
            arguments.extend(["--policy", policy, "--budget", "30MB"]);
            arguments.extend(more);
            let output = site.run(&arguments);
            assert_eq!(output.code, 0, "{policy}: {}", output.stderr);
            output
        };
        site.write("first.json", &generate(&[]).stdout);
        let again = generate(&["--images", "first.json"]).json();
        let images = again["images"].as_array().expect("images");
        let mut names: Vec<&str> = images.iter().filter_map(|image| image["id"].as_str()).collect();
        let sizes = images.iter().filter_map(|image| image["bytes"].as_u64()).sum::<u64>();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), images.len(), "{policy}: each image has a name of its own");
        assert!(again["bytes"] == sizes && sizes <= 30_000_000, "{policy}: {sizes} bytes");
        site.write("second.json", &again.to_string());
        let plan = ["plan", "--packages-file", "Packages", "--images", "second.json", "spec.toml"];
        assert_eq!(site.run(&plan).code, 0, "{policy}");
    }
}

#[test]
fn a_request_that_changes_the_minimal_image_is_planned_and_learned_from() {
    let site = Site::new();
    let older = "Package: p0\nVersion: 0.9\nArchitecture: amd64\nSize: 1000\nEssential: yes\n\n";
    site.write("Packages", &format!("{}{older}", archive()));
    site.write("spec.toml", "name = \"test\"\nnodes = 2\npackages = [\"p0=0.9\"]\n");
    let plan = ["--format", "json", "plan", "--packages-file", "Packages", "spec.toml"];
    let output = site.run(&plan);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let chosen = &output.json()["chosen"];
    assert_eq!((&chosen["missing"], &chosen["removals"]), (&1.into(), &1.into()));
    site.write(
        "history.jsonl",
        "{\"event\":\"request\",\"at\":\"2026-11-23T02:00:00Z\",\"site\":\"here\",\"nodes\":2,\
         \"packages\":[\"p0=0.9\"]}\n\
         {\"event\":\"request\",\"at\":\"2026-11-23T02:01:00Z\",\"site\":\"here\",\"nodes\":2,\
         \"packages\":[\"nothing-of-that-name\"]}\n",
    );
    let replayed = ["simulate", "--packages-file", "Packages", "--requests", "history.jsonl"];
    let output = site.run(&replayed);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stdout.starts_with("1 requests of 1 distinct sets"), "{}", output.stdout);
    assert!(output.stdout.contains("1 request left out that cannot be fulfilled"));
}

#[test]
fn simulate_tells_of_every_policy_what_came_of_it() {
    let site = Site::new();
    let sources = ["--packages-file", "Packages", "--sources-file", "Sources"];
    let arguments = ["--format", "json", "simulate", "--count", "300", "--budget", "20MB"];
    let output = site.run(&[&arguments[..], &sources].concat());
    assert_eq!(output.code, 0, "{}", output.stderr);
    let answer = output.json();
    assert_eq!((&answer["requests"], &answer["possible_requests"]), (&300.into(), &39.into()));
    let policies = answer["simulations"][0]["policies"].as_array().expect("policies");
    assert_eq!(policies.len(), 8, "six policies and two oracles");
    for row in policies {
        let number = |name: &str| row[name].as_f64().unwrap_or_else(|| panic!("{name}: {row}"));
        let shares = ["hit", "superset", "partial", "minimal"].map(number);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{row}");
        assert!(number("mean_seconds") > 0.0 && number("p95_seconds") > 0.0);
        assert!(number("most_bytes_stored") <= 20e6 && number("bytes_moved") > 0.0);
        assert!(number("regret").is_finite() && number("building_seconds") >= 0.0);
    }
    let again = site.run(&[&arguments[..], &sources].concat()).json();
    let means = |answer: &Value| answer["simulations"][0]["policies"][5]["mean_seconds"].clone();
    assert_eq!(means(&answer), means(&again), "a seed draws the same");
    // For people, one policy, from requests that were recorded.
    let recorded = ["simulate", "--packages-file", "Packages", "--requests", "history.jsonl"];
    let text = site.run(&[&recorded[..], &["--policy", "paper:20,50"]].concat()).stdout;
    assert!(text.starts_with("60 requests of 6 distinct sets"), "{text}");
    assert!(text.contains("paper:20,50") && text.contains("oracle: best fixed images"), "{text}");
}

#[test]
fn what_is_wrong_is_named_with_the_way_out() {
    let site = Site::new();
    site.write("empty.jsonl", "");
    site.write("list.json", "[]");
    site.write("twice.toml", "name = \"a\"\nnodes = 1\nnodes = 2\n");
    let packages = ["--packages-file", "Packages"];
    for (arguments, message) in [
        (&["plan", "none.toml"][..], "cannot read none.toml"),
        (&["plan", "twice.toml"], "twice.toml"),
        (&["plan", "spec.toml", "--images", "list.json"], "list.json"),
        (&["simulate", "--policy", "magic"], "there is no policy `magic`; there are paper"),
        (&["simulate", "--requests", "empty.jsonl"], "empty.jsonl holds no request"),
        (&["cache", "generate", "--history", "empty.jsonl"], "the history holds no request"),
        (&["cache", "generate"], "the history holds no request"),
    ] {
        let output = site.run(&[arguments, &packages].concat());
        assert_eq!(output.code, 1, "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(message), "{arguments:?}: {}", output.stderr);
        assert!(output.stdout.is_empty());
    }
    let usage = site.run(&["simulate", "--nodes", "0"]);
    assert_eq!(usage.code, 2, "{}", usage.stderr);
    let usage = site.run(&["simulate", "--budget", "lots"]);
    assert!(usage.code == 2 && usage.stderr.contains("`lots` is no size"), "{}", usage.stderr);
}

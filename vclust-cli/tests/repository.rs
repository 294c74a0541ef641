//! `vclust cache list`, `show`, `verify`, `gc` and `export`, as users run them. Exporting directories
//! and disks needs root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use vclust_core::{Sha256, Timestamp};
use vclust_debian::{Compression, ProductFile, StateDirectory, Tree, write_erofs};
use vclust_grid::{
    Begun, BuildKey, IfFound, ImageKind, ImageRepository, ManifestPackage, NewImage, Product,
    StoredImage, root_archive, root_erofs,
};

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

/// A state directory, and a directory to work in.
struct Site(TempDir);

impl Site {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn repository(&self) -> ImageRepository {
        ImageRepository::open(&StateDirectory::at(self.path("state"))).expect("a repository")
    }

    /// Builds an image whose root has a file with this content, through the library.
    fn build(&self, content: &str, base: Option<&StoredImage>) -> StoredImage {
        let repository = self.repository();
        let key = BuildKey::of(["test", content]);
        let begun = repository.begin(key, IfFound::Use, &mut || ()).expect("begun");
        let Begun::Building(building) = begun else { panic!("{content} is there") };
        let root = building.directory().join("root");
        fs::create_dir_all(root.join("etc")).expect("a directory");
        fs::write(root.join("etc/content"), content).expect("a file");
        let tree = Tree::read(&root, 1_700_000_000).expect("a tree");
        let at = |name: &str| building.products().join(name);
        let archive = tree
            .write_tar_zst(&at(root_archive()), Compression::default(), &|_| ())
            .expect("an archive");
        let erofs =
            write_erofs(&tree, &at(root_erofs()), archive.content, &|_| ()).expect("an image");
        let product = |name: &str, file: ProductFile| Product {
            name: name.to_owned(),
            bytes: file.bytes,
            sha256: file.sha256,
        };
        let package = |name: &str| ManifestPackage {
            package: name.to_owned(),
            version: "1".to_owned(),
            architecture: "amd64".to_owned(),
            size: 1000,
            sha256: Sha256([7; 32]),
        };
        let image = NewImage {
            kind: if base.is_some() { ImageKind::Layer } else { ImageKind::Image },
            content: archive.content,
            base: base.map(|base| base.id.clone()),
            variant: "minimal".to_owned(),
            request: if content == "minimal" { vec![] } else { vec![content.to_owned()] },
            architecture: "amd64".to_owned(),
            packages: vec![package("p0"), package(content)],
            files: tree.entries() as u64,
            bytes: tree.content_bytes(),
            source_date_epoch: 1_700_000_000,
            builder: "a test 1".to_owned(),
            inputs: Vec::new(),
            created: Timestamp::from_unix_microseconds(1_700_000_000_000_000).expect("a moment"),
            build_seconds: 12.25,
            phases: Vec::new(),
            products: vec![product(root_archive(), archive.file), product(root_erofs(), erofs)],
        };
        building.commit(&repository, image).expect("an image")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = Command::new(env!("CARGO_BIN_EXE_vclust"))
            .args(arguments)
            .current_dir(self.0.path())
            .env("VCLUST_STATE_DIR", self.path("state"))
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

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--format", "json", "cache"], arguments].concat());
        assert_eq!(output.code, 0, "{arguments:?}: {}{}", output.stdout, output.stderr);
        output.json()
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(&[&["cache"], arguments].concat());
        assert_eq!(output.code, 0, "{arguments:?}: {}{}", output.stdout, output.stderr);
        output.stdout
    }
}

#[test]
fn without_a_repository_there_is_nothing_and_nothing_is_made() {
    let site = Site::new();
    assert_eq!(site.text(&["list"]), "no images yet\n");
    assert_eq!(site.json(&["list"])["images"], serde_json::json!([]));
    assert_eq!(site.json(&["verify"])["sound"], true);
    assert_eq!(site.json(&["gc", "--budget", "1GB"])["bytes_after"], 0);
    for command in [&["show", "abcd"][..], &["export", "abcd", "x.tar"], &["verify", "abcd"]] {
        let output = site.run(&[&["cache"], command].concat());
        assert_eq!(output.code, 1);
        assert!(output.stderr.contains("no image has the name `abcd`"), "{}", output.stderr);
    }
    assert!(!site.path("state").exists());
}

#[test]
fn images_and_layers_are_listed_with_their_sizes_and_uses() {
    let site = Site::new();
    let base = site.build("octave", None);
    let layer = site.build("gcc", Some(&base));
    site.repository().record_use(&base).expect("a count");
    let answer = site.json(&["list"]);
    let image = &answer["images"][0];
    assert_eq!(answer["images"].as_array().map(Vec::len), Some(1));
    assert_eq!(image["id"], base.id);
    assert_eq!(image["bytes"], base.transfer_bytes());
    assert_eq!(image["stored_bytes"], base.stored_bytes());
    assert_eq!(image["uses"], 1);
    assert_eq!(image["packages"][1], serde_json::json!({"package": "p0", "version": "1"}));
    assert_eq!(answer["layers"][0]["base"], base.id);
    let total = base.stored_bytes() + layer.stored_bytes();
    assert_eq!(answer["stored_bytes"], total);
    let text = site.text(&["list"]);
    assert!(text.contains(&base.id) && text.contains(&format!("layer on {}", base.id)), "{text}");
    assert!(text.contains("minimal, amd64") && text.contains("2 images, "), "{text}");
}

#[test]
fn an_image_is_shown_by_the_beginning_of_its_name() {
    let site = Site::new();
    let image = site.build("minimal", None);
    for name in [image.id.as_str(), &image.id[..4], "minimal"] {
        let answer = site.json(&["show", name]);
        assert_eq!(answer["image"]["id"], image.id);
        assert_eq!(answer["manifest"]["build_seconds"], 12.25);
        assert_eq!(answer["manifest"]["content"], image.content.to_string());
        let directory = answer["directory"].as_str().expect("a path");
        assert!(Path::new(directory).join("root.erofs").exists());
    }
    let text = site.text(&["show", "minimal", "--packages"]);
    assert!(text.contains("image, variant minimal, for amd64"), "{text}");
    assert!(text.contains("2023-11-14 22:13 UTC by a test 1 in 12.2 s"), "{text}");
    assert!(text.contains("root.tar.zst") && text.contains("  p0 1 amd64"), "{text}");

    let wrong = format!("{}zzz", &image.id[..6]);
    let output = site.run(&["cache", "show", &wrong]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains(&format!("did you mean {}?", image.id)), "{}", output.stderr);
    let output = site.run(&["--format", "json", "cache", "show", &wrong]);
    let error = output.json()["error"].as_str().map(str::to_owned);
    assert!(error.is_some_and(|error| error.contains(&wrong)));
}

#[test]
fn damage_is_named_and_ends_with_exit_code_1() {
    let site = Site::new();
    let [sound, damaged] = ["one", "two"].map(|content| site.build(content, None));
    let answer = site.json(&["verify"]);
    assert_eq!(answer["sound"], true);
    assert_eq!(answer["images"].as_array().map(Vec::len), Some(2));
    let file = site.path("state/images").join(&damaged.id).join("root.erofs");
    let mut content = fs::read(&file).expect("a file");
    content[1500] ^= 4;
    fs::write(&file, content).expect("a file");
    let output = site.run(&["cache", "verify"]);
    assert_eq!(output.code, 1);
    assert!(output.stdout.contains(&format!("{} sound", sound.id)), "{}", output.stdout);
    assert!(output.stdout.contains("  root.erofs has the digest "), "{}", output.stdout);
    assert!(output.stderr.contains("1 of 2 images is damaged"), "{}", output.stderr);
    let output = site.run(&["--format", "json", "cache", "verify", &damaged.id[..8]]);
    assert_eq!(output.code, 1);
    let answer = output.json();
    assert_eq!(answer["sound"], false);
    assert_eq!(answer["images"][0]["damages"].as_array().map(Vec::len), Some(1));
    assert_eq!(site.run(&["cache", "verify", &sound.id]).code, 0);
}

#[test]
fn collecting_removes_what_was_not_used_and_says_so_before() {
    let site = Site::new();
    let old = site.build("old", None);
    let kept = site.build("kept", None);
    let new = site.build("new", None);
    let repository = site.repository();
    repository.record_use(&new).expect("a count");
    repository.hold(&kept, "cluster-7").expect("held");
    let told = site.json(&["gc", "--unused-for", "7", "--dry-run"]);
    assert_eq!(told["dry_run"], true);
    assert_eq!(told["removed"][0]["id"], old.id);
    assert_eq!(told["removed"][0]["why"], "unused");
    let held = serde_json::json!([{"id": kept.id, "why": "cluster", "by": ["cluster-7"]}]);
    assert_eq!(told["held"], held);
    assert_eq!(site.json(&["list"])["images"].as_array().map(Vec::len), Some(3));
    let text = site.text(&["gc", "--unused-for", "7"]);
    assert!(text.contains(&format!("removed {}", old.id)), "{text}");
    assert!(text.contains("which is what cluster-7 runs on"), "{text}");
    assert_eq!(site.json(&["list"])["images"].as_array().map(Vec::len), Some(2));

    let output = site.run(&["cache", "gc", "--budget", "1B"]);
    assert_eq!(output.code, 0);
    assert!(output.stderr.starts_with("hint: what is in use takes "), "{}", output.stderr);
    assert_eq!(site.json(&["gc", "--budget", "1B"])["within_budget"], false);
    repository.release("cluster-7").expect("released");
    let name = kept.id[..10].to_owned();
    let answer = site.json(&["gc", "--budget", "0B", "--keep", &name]);
    assert_eq!(answer["held"][0]["why"], "keep");
    let answer = site.json(&["gc", "--budget", "0B"]);
    assert_eq!(answer["bytes_after"], 0);
    assert_eq!(site.run(&["cache", "gc", "--budget", "much"]).code, 2);
}

#[test]
fn an_image_is_exported_in_every_form() {
    let site = Site::new();
    let image = site.build("octave", None);
    for (target, form) in [
        ("root", "directory"),
        ("root.tar", "tar"),
        ("root.tar.zst", "tar.zst"),
        ("root.erofs", "erofs"),
        ("disk.img", "raw"),
        ("disk.qcow2", "qcow2"),
    ] {
        let answer = site.json(&["export", &image.id[..6], target]);
        assert_eq!((&answer["form"], &answer["id"]), (&form.into(), &image.id.clone().into()));
        let data = fs::metadata(site.path(target)).expect(target);
        if !data.is_dir() {
            assert_eq!(answer["bytes"], data.len(), "{target}");
        }
    }
    assert_eq!(fs::read_to_string(site.path("root/etc/content")).expect("a file"), "octave");
    let output = site.run(&["cache", "export", &image.id, "root.tar"]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("root.tar exists already; --force replaces it"));
    let text = site.text(&["export", "--force", &image.id, "root.tar"]);
    assert!(text.starts_with("root.tar: ") && text.contains(&image.id), "{text}");
    site.text(&["export", &image.id, "large.raw", "--disk-size", "80MiB"]);
    assert_eq!(fs::metadata(site.path("large.raw")).expect("a disk").len(), 80 << 20);
    let output = site.run(&["cache", "export", &image.id, "small.raw", "--disk-size", "1MiB"]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("is too small"), "{}", output.stderr);
    let output = site.run(&["cache", "export", &image.id, "other.tar", "--disk-size", "80MiB"]);
    assert!(output.stderr.contains("--disk-size is for disks"), "{}", output.stderr);
    assert!(!site.path("other.tar").exists());
    let left = fs::read_dir(site.0.path()).expect("a directory");
    let hidden = left.filter(|entry| {
        let name = entry.as_ref().expect("an entry").file_name();
        name.to_string_lossy().starts_with('.')
    });
    assert_eq!(hidden.count(), 0);
}

#[test]
fn planning_and_generation_see_the_repository() {
    let site = Site::new();
    let packages = "Package: p0\nVersion: 1\nArchitecture: amd64\nSize: 1000\nInstalled-Size: 3\n\
                    Essential: yes\n\nPackage: octave\nVersion: 1\nArchitecture: amd64\n\
                    Size: 9000000\nInstalled-Size: 30000\n\nPackage: gcc\nVersion: 1\n\
                    Architecture: amd64\nSize: 90000\nInstalled-Size: 300\n";
    fs::write(site.path("Packages"), packages).expect("a file");
    let spec = "name = \"test\"\nnodes = 8\npackages = [\"octave\"]\n";
    fs::write(site.path("spec.toml"), spec).expect("a file");
    let request = "{\"event\":\"request\",\"at\":\"2026-11-23T02:00:00Z\",\"site\":\"here\",\
                   \"nodes\":8,\"packages\":[\"octave\"]}\n";
    fs::write(site.path("history.jsonl"), request).expect("a file");
    let image = site.build("octave", None);
    site.build("gcc", Some(&image));
    let plan = ["--format", "json", "plan", "--packages-file", "Packages", "spec.toml"];
    let answer = site.run(&plan).json();
    assert_eq!(answer["chosen"]["image"], image.id, "{answer}");
    assert_eq!(
        answer["considered"], 8,
        "two images by three strategies, a layer on one of them by two"
    );
    let generate = site.json(&[
        "generate",
        "--packages-file",
        "Packages",
        "--history",
        "history.jsonl",
        "--policy",
        "keep-used",
    ]);
    assert_eq!(generate["images"][0]["id"], image.id, "{generate}");
    assert_eq!(generate["images"][0]["exists"], true);
    // a file takes its place
    fs::write(site.path("none.json"), "{\"images\":[]}").expect("a file");
    let answer = site.run(&[&plan[..], &["--images", "none.json"]].concat()).json();
    assert_eq!(answer["considered"], 3);
}

//! Several builders at once, and builders that are killed.
//!
//! The tests start themselves again as the other processes, told apart by a variable.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use vclust_grid::{Begun, IfFound, ImageRepository, root_archive};

use crate::made::{Site, fill, key, names, open};

/// The state directory that a process of a test is to use; the parent has none.
const STATE: &str = "VCLUST_TEST_STATE";

/// A process that does not outlive its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn child(test: &str, state: &Path, part: usize) -> (Process, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", &format!("processes::{test}"), "--nocapture"])
        .env(STATE, state)
        .env("VCLUST_TEST_PART", part.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the test starts again");
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    (Process(child), stdout)
}

fn told() -> Option<(ImageRepository, usize)> {
    let path = std::env::var_os(STATE)?;
    let part = std::env::var("VCLUST_TEST_PART").expect("a part").parse().expect("a number");
    Some((open(Path::new(&path)), part))
}

#[test]
fn of_builders_of_the_same_image_one_builds_and_the_others_get_it() {
    let name = "of_builders_of_the_same_image_one_builds_and_the_others_get_it";
    if let Some((repository, _)) = told() {
        for number in 0..5 {
            let content = number.to_string();
            let mut waited = false;
            match repository.begin(key(&content), IfFound::Use, &mut || waited = true) {
                Ok(Begun::Found(image)) => println!("result found {}", image.id),
                Ok(Begun::Building(building)) => {
                    let image = fill(&building, &content, None);
                    thread::sleep(Duration::from_millis(100));
                    let image = building.commit(&repository, image).expect("an image");
                    println!("result built {}", image.id);
                }
                Err(error) => panic!("{error}"),
            }
        }
        return;
    }
    let site = Site::new();
    let processes: Vec<_> = (0..4).map(|part| child(name, site.path(), part)).collect();
    let mut results = Vec::new();
    for (mut process, stdout) in processes {
        let lines = stdout.lines().map(|line| line.expect("text"));
        results
            .extend(lines.filter_map(|line| {
                line.split_once("result ").map(|(_, result)| result.to_owned())
            }));
        assert!(process.0.wait().expect("it was started").success());
    }
    assert_eq!(results.len(), 20);
    let built = results.iter().filter(|result| result.starts_with("built")).count();
    assert_eq!(built, 5, "{results:?}");
    assert_eq!(site.names("images").len(), 5);
    assert!(site.names("building").is_empty() && site.names("locks").is_empty());
}

#[test]
fn whoever_waits_for_a_killed_builder_builds() {
    let name = "whoever_waits_for_a_killed_builder_builds";
    if let Some((repository, _)) = told() {
        let begun = repository.begin(key("one"), IfFound::Use, &mut || ()).expect("begun");
        let Begun::Building(building) = begun else { panic!("it is there") };
        fill(&building, "one", None);
        println!("building");
        thread::sleep(Duration::from_secs(600));
    }
    let site = Site::new();
    let (mut process, stdout) = child(name, site.path(), 0);
    assert!(stdout.lines().any(|line| line.expect("text").ends_with("building")));
    // its directory is left alone as long as it lives
    assert_eq!(site.repository.recover().expect("order").builds, 0);
    assert_eq!(site.names("building").len(), 1);
    let mut waited = false;
    let begun = site.repository.begin(key("one"), IfFound::Use, &mut || {
        waited = true;
        process.0.kill().expect("it runs");
    });
    let Begun::Building(building) = begun.expect("begun") else { panic!("nobody built it") };
    assert!(waited);
    let image = fill(&building, "one", None);
    building.commit(&site.repository, image).expect("an image");
    assert_eq!(site.repository.recover().expect("order").builds, 1);
    assert!(site.names("building").is_empty());
}

#[test]
fn a_builder_killed_at_any_moment_leaves_the_old_or_the_new() {
    let name = "a_builder_killed_at_any_moment_leaves_the_old_or_the_new";
    if let Some((repository, part)) = told() {
        for number in 0.. {
            // a new image, the same again anew, and one less
            let content = format!("{part}-{}", number / 2);
            println!("beginning");
            let begun = repository.begin(key(&content), IfFound::Replace, &mut || ());
            let Begun::Building(building) = begun.expect("begun") else { continue };
            let image = fill(&building, &content, None);
            let image = building.commit(&repository, image).expect("an image");
            println!("committed {}", image.id);
            if number % 4 == 3 {
                let options = vclust_grid::CollectOptions { budget: Some(0), ..Default::default() };
                println!("collecting");
                repository.collect(&options).expect("collected");
                println!("collected");
            }
        }
    }
    let site = Site::new();
    let mut seen = 0;
    for (part, micros) in (0..50_u64).map(|part| (part, part * 1700 % 23_000)) {
        let (mut process, stdout) = child(name, site.path(), part as usize);
        let mut lines = stdout.lines().map(|line| line.expect("text"));
        // it has begun, some time ago
        for _ in 0..=(part % 5) * 2 {
            lines.by_ref().find(|line| line.contains("beginning"));
        }
        thread::sleep(Duration::from_micros(micros));
        process.0.kill().expect("it runs");
        process.0.wait().expect("it was started");
        let said: Vec<String> = lines.collect();
        let repository = open(site.path());
        let images = repository.list().expect("images");
        seen += images.len();
        let mut ids: Vec<_> = images.iter().map(|image| image.id.clone()).collect();
        ids.sort();
        assert_eq!(names(&site.path().join("images")), ids, "after {micros} us: {said:?}");
        assert!(names(&site.path().join("building")).is_empty(), "after {micros} us");
        for image in &images {
            let verified = repository.verify(image, &|_| ()).expect("an answer");
            assert!(verified.damages.is_empty(), "{:?}", verified.damages);
            assert!(repository.path_of(image).join(root_archive()).exists());
        }
        // the last thing it was told to be done is done
        if let Some(id) = said.last().and_then(|line| line.strip_prefix("committed ")) {
            assert!(ids.iter().any(|known| known == id), "{id} was committed and is lost");
        }
    }
    assert!(seen > 20, "{seen} images were seen in all");
}

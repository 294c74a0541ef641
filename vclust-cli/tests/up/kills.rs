//! `vclust up` and `vclust down`, killed at random moments: whoever comes next cleans up.
//!
//! Both of their processes are killed in turns: the worker, after which the one that waits for it cleans
//! up, and the one that waits, which takes the worker along and leaves all to the next command.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::failing::{domain, kill};
use crate::left::numbers;
use crate::site::{Running, Site};

/// How many times, by default; all strategies share them.
const KILLS: u32 = 30;
const STRATEGIES: [&str; 3] = ["layers", "clone", "install"];

fn of_environment(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: no number")))
}

/// The worker of a command.
fn worker(running: &Running) -> Option<u32> {
    let parent = running.id();
    numbers(std::path::Path::new("/proc")).into_iter().find(|number| {
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        let fields =
            stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').nth(1).map(str::to_owned));
        let command = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        fields.flatten() == Some(parent.to_string())
            && command.starts_with(env!("CARGO_BIN_EXE_vclust").as_bytes())
    })
}

/// Whether a process has not ended.
fn runs(number: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Worker,
    Supervisor,
}

struct Trial<'a> {
    site: &'a Site,
    random: fastrand::Rng,
    /// Seconds that starts by each strategy take once they have begun with the cluster.
    spans: [f64; 3],
}

impl Trial<'_> {
    /// Kills a command after a time, and waits until it is gone.
    fn kill(mut running: Running, victim: Victim, after: Duration) {
        let end = Instant::now() + after;
        while Instant::now() < end && !running.has_ended() {
            thread::sleep(Duration::from_millis(1));
        }
        let worker = worker(&running);
        let number = match victim {
            Victim::Supervisor => Some(running.id()),
            Victim::Worker => worker,
        };
        if let Some(number) = number.filter(|_| !running.has_ended()) {
            kill(number);
        }
        running.ends();
        // one that waits for the disk ends when that has answered
        let end = Instant::now() + Duration::from_secs(60);
        while worker.is_some_and(runs) && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// A start that is killed: from its first moment on, or once there is a cluster.
    fn start(&mut self, place: usize, spec: &str, victim: Victim, early: bool) {
        let mut running = self.site.start("killed", &["up", spec]);
        let end = Instant::now() + Duration::from_secs(120);
        while !early
            && self.site.clusters().is_empty()
            && !running.has_ended()
            && Instant::now() < end
        {
            thread::sleep(Duration::from_millis(1));
        }
        let most = if early { 10.0 } else { self.spans[place] };
        let after = Duration::from_secs_f64(most * self.random.f64());
        Self::kill(running, victim, after);
    }
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn whoever_is_killed_leaves_nothing_that_the_next_command_does_not_remove() {
    let site = Site::new();
    let kills = u32::try_from(of_environment("VCLUST_TEST_KILLS", u64::from(KILLS))).expect("few");
    let seed = of_environment("VCLUST_TEST_SEED", fastrand::u64(..));
    eprintln!("{kills} kills with VCLUST_TEST_SEED={seed}");
    let specs = STRATEGIES.map(|strategy| {
        let spec = site.spec(&format!("killed-{strategy}"), strategy, "nodes = 2", "");
        spec.to_str().expect("text").to_owned()
    });
    // a kept template, and how long all takes
    let spans = specs.each_ref().map(|spec| {
        site.up(spec.as_ref()).down();
        let cluster = site.up(spec.as_ref());
        let before = ["resolve", "select", "image", "layer"];
        let phases = cluster.answer["cluster"]["phases"].as_array().expect("phases").iter();
        let phases = phases.filter(|phase| !before.iter().any(|one| phase["phase"] == *one));
        let span: f64 = phases.filter_map(|phase| phase["measured_seconds"].as_f64()).sum();
        cluster.down();
        span + 0.5
    });
    eprintln!("starts by {STRATEGIES:?} take {spans:.1?} s");
    let mut trial = Trial { site: &site, random: fastrand::Rng::with_seed(seed), spans };
    let templates = fs::read_dir(site.state.join("templates")).expect("templates").count();
    for number in 0..kills {
        let (place, round) = (number as usize % 3, number / 3);
        let victim =
            if (round + round / 4 + number) % 2 == 0 { Victim::Worker } else { Victim::Supervisor };
        let spec = specs[place].clone();
        let what = match round % 4 {
            // ups and downs of clusters that may or may not be there
            3 => {
                site.run(&["up", &spec]).succeeded();
                let name = site.clusters().remove(0);
                let running = site.start("killed", &["down", &name]);
                let after = Duration::from_secs_f64(0.3 * trial.random.f64());
                Trial::kill(running, victim, after);
                "down"
            }
            0 => {
                trial.start(place, &spec, victim, true);
                "up, early"
            }
            _ => {
                trial.start(place, &spec, victim, false);
                "up"
            }
        };
        let before = site.left(&[]);
        site.run(&["doctor", "--clean"]).succeeded();
        // what was over before it could be killed is a cluster
        let clusters = site.clusters();
        eprintln!(
            "{number}: {victim:?} of {what} by {}: {} left behind, {} up",
            STRATEGIES[place],
            before.len(),
            clusters.len()
        );
        for name in &clusters {
            site.run(&["down", name]).succeeded();
        }
        let left = site.left(&[]);
        assert!(left.is_empty(), "kill {number} of seed {seed} left {left:#?} of {before:#?}");
    }
    let now = fs::read_dir(site.state.join("templates")).expect("templates").count();
    assert_eq!(now, templates, "the template is kept");
    site.run(&["cache", "verify"]).succeeded();
    for spec in &specs {
        let cluster = site.up(spec.as_ref());
        assert_eq!(cluster.on(2, "ssh -o BatchMode=yes $(hostname | sed s/2$/1/) echo up"), "up\n");
        cluster.down();
    }
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn a_start_that_is_interrupted_ends_soon_and_leaves_nothing() {
    let site = Site::new();
    let spec = site.spec("stopped", "layers", "nodes = 2", "");
    let mut running = site.start("up", &["up", spec.to_str().expect("text")]);
    let end = Instant::now() + Duration::from_secs(120);
    while domain(&site, "stopped", "stopped-2").is_none() {
        assert!(Instant::now() < end && !running.has_ended(), "its machines do not start");
        thread::sleep(Duration::from_millis(5));
    }
    let start = Instant::now();
    let supervisor = i32::try_from(running.id()).ok().and_then(Pid::from_raw);
    kill_process(supervisor.expect("a process"), Signal::TERM).expect("it runs");
    let ran = running.ends();
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(ran.status.signal(), Some(Signal::TERM.as_raw()), "{}", ran.stderr);
    // the machines would have gone on by themselves; nobody waits for them to end
    assert!(seconds < 8.0, "it took {seconds:.1} s");
    site.nothing_is_left_but(&[]);
}

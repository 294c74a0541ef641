//! Several processes at once, and processes that are killed.
//!
//! The tests start themselves again as the other processes, told apart by a variable.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use vclust_core::{Event, EventFilter, HistoryStore, OnError};
use vclust_grid::{HistoryDatabase, Learner, learned};

use crate::events::{request, transfer};

/// The history that a process of a test is to use; the parent has none.
const HISTORY: &str = "VCLUST_TEST_HISTORY";
/// Which of several processes it is.
const PART: &str = "VCLUST_TEST_PART";

/// A process that does not outlive its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the test of this name, of this module, in a process of its own.
fn child(test: &str, history: &Path, part: i64) -> (Process, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", &format!("processes::{test}"), "--nocapture"])
        .env(HISTORY, history)
        .env(PART, part.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the test starts again");
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    (Process(child), stdout)
}

/// In a process that a test started: its history and its part.
fn told() -> Option<(HistoryDatabase, i64)> {
    let path = std::env::var_os(HISTORY)?;
    let database = HistoryDatabase::open_file(Path::new(&path)).expect("the history");
    let part = std::env::var(PART).expect("a part").parse().expect("a number");
    Some((database, part))
}

fn events(database: &HistoryDatabase) -> Vec<Event> {
    let mut events = Vec::new();
    let end = database.for_each(&EventFilter::default(), &mut |_, event| {
        events.push(event.clone());
        ControlFlow::Continue(())
    });
    end.expect("every event can be read");
    events
}

fn assert_sound(path: &Path) {
    let connection = Connection::open(path).expect("the history");
    let answer: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(answer, "ok");
}

#[test]
fn who_is_killed_leaves_all_acknowledged_events_and_none_half() {
    if let Some((mut database, part)) = told() {
        for batch in 0.. {
            // Three events each time: they stay together.
            let first = part * 1_000_000 + batch * 3;
            let batch_of_three = [request(first), transfer(first + 1, 6.5), request(first + 2)];
            database.append(&batch_of_three).expect("room");
            println!("recorded {first}");
        }
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("history.sqlite");
    let mut acknowledged = BTreeSet::new();
    for (part, lines_taken) in (0..).zip([3, 4, 20, 80, 200, 400, 800, 1300]) {
        let (mut process, stdout) =
            child("who_is_killed_leaves_all_acknowledged_events_and_none_half", &path, part);
        let mut lines = stdout.lines().map(|line| line.expect("text"));
        let mut take = |line: &str| {
            if let Some((_, first)) = line.split_once("recorded ") {
                acknowledged.insert(first.parse::<i64>().expect("a number"));
            }
        };
        // Killed at another moment each time: in the first append, or after some hundreds.
        for line in lines.by_ref().take(lines_taken) {
            take(&line);
        }
        process.0.kill().expect("it runs");
        lines.for_each(|line| take(&line));
    }
    assert!(acknowledged.len() > 1000, "{}", acknowledged.len());
    let database = HistoryDatabase::open_file(&path).expect("the history");
    let found: BTreeSet<_> = events(&database).iter().map(Event::at).collect();
    for first in &acknowledged {
        assert!(found.contains(&crate::events::moment(*first)), "event {first} is lost");
    }
    // All or none of each three: whoever was killed may have recorded three more than it told.
    assert_eq!(found.len() % 3, 0);
    assert!(found.len() >= acknowledged.len() * 3 && found.len() <= acknowledged.len() * 3 + 24);
    assert_sound(&path);
}

#[test]
fn an_import_that_is_killed_leaves_nothing() {
    if let Some((mut database, _)) = told() {
        let mut import = database.import().expect("a new import");
        for second in 0..20_000 {
            import.add(&request(second)).expect("room");
        }
        println!("staged");
        // Nothing in here returns before the end comes.
        std::thread::sleep(Duration::from_secs(600));
        import.finish().expect("room");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("history.sqlite");
    let (mut process, stdout) = child("an_import_that_is_killed_leaves_nothing", &path, 0);
    assert!(stdout.lines().any(|line| line.expect("text").ends_with("staged")));
    process.0.kill().expect("it runs");
    process.0.wait().expect("it was started");
    let mut database = HistoryDatabase::open_file(&path).expect("the history");
    assert!(events(&database).is_empty());
    let mut import = database.import().expect("a new import");
    let line = request(1).to_json_line();
    import.read(line.as_bytes(), OnError::Stop).expect("possible");
    assert_eq!(import.finish().expect("room").new, 1);
    assert_sound(&path);
}

#[test]
fn several_processes_record_and_learn_at_once() {
    const EACH: i64 = 300;
    const COUNTER: Learner<'_> =
        Learner { name: "counter", version: 1, kind: None, worth_writing: 200 };
    let count = |database: &mut HistoryDatabase| {
        learned(database, COUNTER, |count: &mut u32, events| {
            *count += events.len() as u32;
        })
        .expect("readable")
    };
    if let Some((mut database, part)) = told() {
        for event in 0..EACH {
            // The even ones are recorded by everybody, and stay one.
            let owner = if event % 2 == 0 { 0 } else { part };
            database.append(&[request(owner * 1000 + event)]).expect("the lock, in time");
            if event % 50 == 0 {
                let seen = count(&mut database);
                assert!(i64::from(seen) > event / 2, "it sees at least its own");
            }
        }
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    // Nobody has made the file yet: all begin at once.
    let path = directory.path().join("history.sqlite");
    let name = "several_processes_record_and_learn_at_once";
    let processes: Vec<_> = (1..=6).map(|part| child(name, &path, part)).collect();
    for (mut process, stdout) in processes {
        let output: Vec<_> = stdout.lines().map(|line| line.expect("text")).collect();
        assert!(process.0.wait().expect("it was started").success(), "{output:?}");
    }
    let mut database = HistoryDatabase::open_file(&path).expect("the history");
    let events = events(&database);
    let moments: BTreeSet<_> = events.iter().map(Event::at).collect();
    assert_eq!(events.len(), (EACH / 2 + 6 * EACH / 2) as usize);
    assert_eq!(moments.len(), events.len());
    assert_eq!(count(&mut database) as usize, events.len());
    assert_sound(&path);
}

//! Files that are no history, or cannot be used: each is named, with the way out.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use vclust_core::{EventFilter, HistoryStore};
use vclust_debian::StateDirectory;
use vclust_grid::{HistoryDatabase, HistoryDatabaseError};

use crate::events::request;

/// Opens, reads and writes; answers with the first error, as people see it.
fn failure(path: &Path) -> (HistoryDatabaseError, String) {
    let use_it = || {
        let mut database = HistoryDatabase::open_file(path)?;
        database.for_each_line(&EventFilter::default(), &mut |_, _| ControlFlow::Continue(()))?;
        database.append(&[request(1_000_000)])
    };
    let error = use_it().expect_err("the file cannot be used");
    let text = error.to_string();
    assert!(text.contains(&path.display().to_string()), "{text}");
    let mut said = text.clone();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        assert!(!said.contains(&error.to_string()), "{said} repeats {error}");
        said = format!("{said}: {error}");
        cause = error.source();
    }
    (error, text)
}

fn history_with(path: &Path, events: i64) {
    let mut database = HistoryDatabase::open_file(path).expect("a new history");
    database.append(&(0..events).map(request).collect::<Vec<_>>()).expect("room");
}

#[test]
fn a_new_state_directory_is_made_on_the_first_use_only() {
    let directory = tempfile::tempdir().expect("a directory");
    let state = StateDirectory::at(directory.path().join("a/b"));
    assert!(HistoryDatabase::open_existing(&state).expect("nothing is there").is_none());
    assert!(!directory.path().join("a").exists());
    let made = HistoryDatabase::open(&state).expect("a new history");
    assert_eq!(made.path(), directory.path().join("a/b/history.sqlite"));
    assert!(HistoryDatabase::open_existing(&state).expect("it is there").is_some());
}

#[test]
fn an_empty_file_becomes_a_history() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    history_with(file.path(), 3);
    let database = HistoryDatabase::open_file(file.path()).expect("a history");
    assert_eq!(database.count(&EventFilter::default()).expect("readable"), 3);
}

#[test]
fn who_comes_while_the_file_is_being_made_waits() {
    for lock in ["BEGIN; SELECT count(*) FROM sqlite_schema", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"]
    {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("history.sqlite");
        let first = Connection::open(&path).expect("room");
        first.execute_batch(lock).expect("nobody else is there");
        let second = std::thread::spawn(move || HistoryDatabase::open_file(&path));
        std::thread::sleep(Duration::from_millis(200));
        drop(first);
        let mut database = second.join().expect("no panic").expect("it waits");
        assert_eq!(database.append(&[request(1)]).expect("room").new, 1);
    }
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("history.sqlite");
    fs::write(&path, "events, written by hand\n".repeat(99)).expect("room");
    let (error, text) = failure(&path);
    assert!(matches!(error, HistoryDatabaseError::NotADatabase { .. }), "{error:?}");
    assert!(text.contains("move it away"), "{text}");
    assert!(fs::read_to_string(&path).expect("still there").starts_with("events,"));
}

#[test]
fn another_programs_database_is_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("history.sqlite");
    let other = Connection::open(&path).expect("room");
    other.execute_batch("CREATE TABLE song (title TEXT)").expect("room");
    drop(other);
    let before = fs::read(&path).expect("just written");
    let (error, _) = failure(&path);
    assert!(matches!(error, HistoryDatabaseError::Foreign { .. }), "{error:?}");
    assert_eq!(fs::read(&path).expect("still there"), before);
}

#[test]
fn a_history_of_a_newer_vclust_is_not_touched() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("history.sqlite");
    history_with(&path, 2);
    let connection = Connection::open(&path).expect("a history");
    connection.pragma_update(None, "user_version", 7).expect("room");
    drop(connection);
    let (error, text) = failure(&path);
    assert!(matches!(error, HistoryDatabaseError::Newer { version: 7, .. }), "{error:?}");
    assert!(text.contains("form 7") && text.contains("use the newer vclust"), "{text}");
}

#[test]
fn a_damaged_page_is_told_of() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("history.sqlite");
    history_with(&path, 3000);
    let mut file = fs::File::options().read(true).write(true).open(&path).expect("a history");
    let length = file.metadata().expect("a size").len();
    assert!(length > 100_000, "all of it is in the main file, not in the log");
    // The first page holds the tables' names; of the others every one is overwritten.
    file.seek(SeekFrom::Start(4096)).expect("inside");
    file.write_all(&vec![0xA5; length as usize - 4096]).expect("room");
    drop(file);
    let (error, text) = failure(&path);
    assert!(matches!(error, HistoryDatabaseError::Damaged { .. }), "{error:?}");
    assert!(text.contains(".recover") && text.contains("import your last export"), "{text}");
}

#[test]
fn a_file_that_was_cut_off_is_damaged() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("history.sqlite");
    history_with(&path, 3000);
    let mut whole = Vec::new();
    fs::File::open(&path).expect("a history").read_to_end(&mut whole).expect("readable");
    fs::write(&path, &whole[..whole.len() / 2]).expect("room");
    let (error, _) = failure(&path);
    assert!(matches!(error, HistoryDatabaseError::Damaged { .. }), "{error:?}");
}

#[test]
fn an_event_changed_by_hand_is_named_by_its_number() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("history.sqlite");
    history_with(&path, 3);
    let connection = Connection::open(&path).expect("a history");
    connection.execute("UPDATE event SET json = '{}' WHERE id = 2", []).expect("room");
    drop(connection);
    let database = HistoryDatabase::open_file(&path).expect("a history");
    let mut seen = 0;
    let visit = &mut |_, _: &_| {
        seen += 1;
        ControlFlow::Continue(())
    };
    let error = database.for_each(&EventFilter::default(), visit).expect_err("one is damaged");
    let text = error.to_string();
    assert!(text.starts_with("event 2 of the history") && text.contains("id = 2"), "{text}");
    assert_eq!(seen, 1);
}

#[test]
fn a_directory_in_the_files_place_cannot_be_opened() {
    let directory = tempfile::tempdir().expect("a directory");
    let (error, text) = failure(directory.path());
    assert!(matches!(error, HistoryDatabaseError::Open { .. }), "{error:?}");
    assert!(text.contains("VCLUST_STATE_DIR"), "{text}");
}

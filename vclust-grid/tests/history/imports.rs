//! Imports: all or none, duplicates counted, bad lines named.

use std::io::{self, BufRead, BufReader, Read};

use vclust_core::{Appended, EventFilter, HistoryStore, OnError};
use vclust_grid::{HistoryDatabase, HistoryDatabaseError, ImportError};

use crate::events::{request, transfer};

fn new_database() -> (tempfile::TempDir, HistoryDatabase) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("history.sqlite");
    let database = HistoryDatabase::open_file(&path).expect("a new history");
    (directory, database)
}

fn size(database: &HistoryDatabase) -> u64 {
    database.count(&EventFilter::default()).expect("readable")
}

fn import(
    database: &mut HistoryDatabase,
    from: impl BufRead,
    on_error: OnError,
) -> Result<(Appended, Vec<usize>), ImportError> {
    let mut import = database.import()?;
    let skipped = import.read(from, on_error)?;
    let lines = skipped.iter().map(|error| error.line).collect();
    Ok((import.finish()?, lines))
}

#[test]
fn duplicates_are_counted_whether_in_the_file_or_in_the_history() {
    let (_directory, mut database) = new_database();
    database.append(&[request(1)]).expect("possible");
    let [one, two] = [request(1), request(2)].map(|event| event.to_json_line());
    let text = format!("{one}\r\n\n{two}\n  \n{two}");
    let (appended, _) =
        import(&mut database, text.as_bytes(), OnError::Stop).expect("possible events");
    assert_eq!(appended, Appended { new: 1, known: 2 });
    assert_eq!(size(&database), 2);
}

#[test]
fn a_bad_line_leaves_nothing_and_is_named() {
    let (_directory, mut database) = new_database();
    let line = request(1).to_json_line();
    let text = format!("{line}\n\n{}\n", line.replace(":4", ":0"));
    let error = import(&mut database, text.as_bytes(), OnError::Stop).expect_err("no nodes");
    let ImportError::Line(error) = error else { panic!("{error:?}") };
    assert_eq!((error.line, error.rejection.to_string()), (3, "nodes is empty or zero".to_owned()));
    assert_eq!(size(&database), 0);
    let (appended, skipped) =
        import(&mut database, text.as_bytes(), OnError::Skip).expect("skipped");
    assert_eq!((appended.new, skipped), (1, vec![3]));
    assert_eq!(size(&database), 1);
}

#[test]
fn a_reader_that_fails_leaves_nothing() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk went away"))
        }
    }
    let (_directory, mut database) = new_database();
    let line = request(1).to_json_line() + "\n";
    let from = BufReader::new(line.as_bytes().chain(Broken));
    let error = import(&mut database, from, OnError::Skip).expect_err("it breaks");
    assert!(matches!(error, ImportError::Read(_)), "{error:?}");
    assert_eq!(size(&database), 0);
    assert_eq!(database.append(&[request(1)]).expect("usable").new, 1);
}

#[test]
fn a_line_without_end_is_refused_before_memory_is_full() {
    let (_directory, mut database) = new_database();
    let endless = || BufReader::new(io::repeat(b'x').take(100 << 20));
    let error = import(&mut database, endless(), OnError::Stop).expect_err("too long");
    let ImportError::Line(error) = error else { panic!("{error:?}") };
    assert_eq!(error.rejection.to_string(), "no event: the line is longer than 67108864 bytes");
    let after = format!("\n{}", request(1).to_json_line());
    let (appended, skipped) =
        import(&mut database, endless().chain(after.as_bytes()), OnError::Skip).expect("skipped");
    assert_eq!((appended.new, skipped), (1, vec![1]));
}

#[test]
fn an_import_in_progress_keeps_nobody_from_writing() {
    let (directory, mut database) = new_database();
    let mut other = HistoryDatabase::open_file(&directory.path().join("history.sqlite"))
        .expect("the same history");
    let mut import = database.import().expect("a new import");
    import.add(&request(1)).expect("room");
    other.append(&[transfer(2, 6.5)]).expect("nobody else writes");
    import.add(&request(3)).expect("room");
    assert_eq!(size(&other), 1);
    assert_eq!(import.finish().expect("nobody else writes").new, 2);
    assert_eq!(size(&other), 3);
}

#[test]
fn an_import_that_is_dropped_leaves_nothing_and_the_next_one_works() {
    let (_directory, mut database) = new_database();
    let mut import = database.import().expect("a new import");
    import.add(&request(1)).expect("room");
    drop(import);
    let import = database.import().expect("a new import");
    assert_eq!(import.finish().expect("nothing to do"), Appended::default());
    assert_eq!(size(&database), 0);
    let refused: Result<_, HistoryDatabaseError> = database.append(&[transfer(1, -1.0)]);
    assert!(matches!(refused, Err(HistoryDatabaseError::Impossible(_))));
}

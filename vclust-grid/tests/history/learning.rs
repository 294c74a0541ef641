//! What estimators learn stays, and is never waited for.

use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use serde::{Deserialize, Serialize};
use vclust_core::{
    Estimator, Event, EventId, EventKind, History, HistoryStore, MeanTransfer, Saved, Snapshot,
    TransferTask,
};
use vclust_grid::{HistoryDatabase, Learner, last_learned, learned};

use crate::events::{request, transfer};

/// Counts events, and how often it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Counter {
    requests: u32,
    transfers: u32,
}

const COUNTER: Learner<'_> =
    Learner { name: "counter", version: 1, kind: None, worth_writing: 200 };
const MEAN: Learner<'_> = Learner {
    name: "mean transfer",
    version: 1,
    kind: Some(EventKind::Transfer),
    worth_writing: 200,
};

fn count<H: HistoryStore>(store: &mut H, learner: Learner<'_>) -> (Counter, u32) {
    let mut folded = 0;
    let counter = learned(store, learner, |counter: &mut Counter, events| {
        for event in events {
            folded += 1;
            match event {
                Event::Request(_) => counter.requests += 1,
                _ => counter.transfers += 1,
            }
        }
    });
    (counter.expect("readable"), folded)
}

fn new_database() -> (tempfile::TempDir, HistoryDatabase) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("history.sqlite");
    let database = HistoryDatabase::open_file(&path).expect("a new history");
    (directory, database)
}

fn only_new_events_are_folded<H: HistoryStore>(mut store: H) {
    let counter = |requests, transfers| Counter { requests, transfers };
    assert_eq!(count(&mut store, COUNTER), (counter(0, 0), 0));
    assert_eq!(last_learned::<Counter, _>(&store, COUNTER).expect("readable"), None);
    store.append(&[request(1), transfer(2, 6.5)]).expect("possible");
    assert_eq!(count(&mut store, COUNTER), (counter(1, 1), 2));
    // The first state was kept; few events since are folded each time.
    store.append(&[request(3)]).expect("possible");
    assert_eq!(count(&mut store, COUNTER), (counter(2, 1), 1));
    assert_eq!(count(&mut store, COUNTER), (counter(2, 1), 1));
    let kept = last_learned(&store, COUNTER).expect("readable");
    assert_eq!(kept, Some(counter(1, 1)));
    // Many are worth keeping.
    store.append(&(10..400).map(request).collect::<Vec<_>>()).expect("possible");
    assert_eq!(count(&mut store, COUNTER), (counter(392, 1), 391));
    assert_eq!(count(&mut store, COUNTER), (counter(392, 1), 0));
    // Another version of the estimator learns anew.
    let next = Learner { version: 2, ..COUNTER };
    assert_eq!(count(&mut store, next), (counter(392, 1), 393));
    let transfers = Learner { name: "transfers", kind: Some(EventKind::Transfer), ..COUNTER };
    assert_eq!(count(&mut store, transfers), (counter(0, 1), 1));
}

#[test]
fn only_new_events_are_folded_from_a_file() {
    let (_directory, database) = new_database();
    only_new_events_are_folded(database);
}

#[test]
fn only_new_events_are_folded_from_memory() {
    only_new_events_are_folded(History::default());
}

#[test]
fn what_cannot_be_read_or_knows_too_much_is_learned_again() {
    let (_directory, mut database) = new_database();
    database.append(&[request(1), request(2)]).expect("possible");
    for (last, state) in
        [(2, "no JSON"), (2, "{\"other\":1}"), (3, "{\"requests\":9,\"transfers\":9}")]
    {
        let snapshot = Snapshot { last: EventId::new(last), state: state.as_bytes().to_vec() };
        assert_eq!(database.save_snapshot("counter", 1, &snapshot).expect("room"), Saved::Stored);
        assert_eq!(last_learned::<Counter, _>(&database, COUNTER).expect("readable"), None);
        assert_eq!(count(&mut database, COUNTER).0.requests, 2, "{state}");
        // It was replaced by one that can be read.
        assert_eq!(count(&mut database, COUNTER), (Counter { requests: 2, transfers: 0 }, 0));
    }
}

#[test]
fn an_estimate_is_the_same_bit_by_bit_whether_learned_at_once_or_in_parts() {
    let (_directory, mut database) = new_database();
    let fold = |rule: &mut MeanTransfer, events: &[Event]| {
        for event in events {
            if let Event::Transfer(event) = event {
                rule.learn(&[event]);
            }
        }
    };
    let mut at_once = MeanTransfer::default();
    let mut task = None;
    for part in 0..5_i64 {
        let events: Vec<_> = (0..300)
            .map(|event| transfer(part * 300 + event, 6.0 + (event as f64).sin() / 3.0))
            .collect();
        database.append(&events).expect("possible");
        fold(&mut at_once, &events);
        let Event::Transfer(event) = &events[0] else { unreachable!("these are transfers") };
        let task = task.get_or_insert_with(|| TransferTask::from(event));
        let in_parts: MeanTransfer = learned(&mut database, MEAN, fold).expect("readable");
        assert_eq!(in_parts, at_once);
        assert_eq!(in_parts.estimate(task), at_once.estimate(task));
        assert!(at_once.estimate(task).is_some());
    }
}

#[test]
fn nobody_waits_for_a_writer_to_select_or_to_refit() {
    let (directory, mut database) = new_database();
    let path = directory.path().join("history.sqlite");
    database.append(&[request(1), request(2)]).expect("possible");
    count(&mut database, COUNTER);
    database.append(&(10..400).map(request).collect::<Vec<_>>()).expect("possible");
    let mut writer = Connection::open(&path).expect("the same history");
    let transaction =
        writer.transaction_with_behavior(TransactionBehavior::Immediate).expect("the lock");
    transaction.execute("DELETE FROM snapshot", []).expect("room");
    let start = Instant::now();
    // Also a process that begins now answers.
    let newcomer = HistoryDatabase::open_file(&path).expect("the same history");
    for reader in [&database, &newcomer] {
        let kept: Option<Counter> = last_learned(reader, COUNTER).expect("readable");
        assert_eq!(kept.map(|counter| counter.requests), Some(2));
        assert_eq!(reader.recent_requests(5).expect("readable").len(), 5);
    }
    assert_eq!(count(&mut database, COUNTER).0.requests, 392);
    // What was learned could not be kept, which is no error, and the writer was not waited for.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    transaction.rollback().expect("nothing was written");
    assert_eq!(count(&mut database, COUNTER).1, 390);
    assert_eq!(count(&mut database, COUNTER).1, 0);
}

#[test]
fn of_two_refits_at_once_the_one_that_knows_more_stays() {
    let (directory, mut first) = new_database();
    let mut second =
        HistoryDatabase::open_file(&directory.path().join("history.sqlite")).expect("the same");
    first.append(&[request(1)]).expect("possible");
    // The second begins when one event is there, and ends after the first has seen 300.
    let early = Snapshot { last: second.last_event().expect("readable"), state: b"{}".to_vec() };
    first.append(&(10..310).map(request).collect::<Vec<_>>()).expect("possible");
    let (counter, _) = count(&mut first, COUNTER);
    assert_eq!(second.save_snapshot("counter", 1, &early).expect("room"), Saved::Outdated);
    assert_eq!(last_learned(&second, COUNTER).expect("readable"), Some(counter));
}

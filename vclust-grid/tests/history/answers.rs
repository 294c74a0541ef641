//! The file answers as a history in memory does, whatever is asked.

use std::ops::ControlFlow;

use proptest::prelude::*;
use vclust_core::{
    Event, EventFilter, EventId, EventKind, History, HistoryStore, OnError, Saved, Snapshot,
    Timestamp,
};
use vclust_grid::HistoryDatabase;

use crate::events::{any_events, moment, request, transfer};

fn new_database() -> (tempfile::TempDir, HistoryDatabase) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("history.sqlite");
    let database = HistoryDatabase::open_file(&path).expect("a new history");
    (directory, database)
}

fn visited<H: HistoryStore>(
    store: &H,
    wanted: &EventFilter,
    most: usize,
) -> (Vec<(EventId, Event)>, EventId) {
    let mut seen = Vec::new();
    let end = store.for_each(wanted, &mut |id, event| {
        seen.push((id, event.clone()));
        if seen.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    (seen, end.expect("readable"))
}

fn filters() -> impl Strategy<Value = EventFilter> {
    let kinds = prop_oneof![
        Just(None),
        Just(Some(EventKind::Request)),
        Just(Some(EventKind::Transfer)),
        Just(Some(EventKind::Install)),
        Just(Some(EventKind::Phase)),
    ];
    let since = prop_oneof![Just(None), (-1..5_i64).prop_map(|second| Some(moment(second)))];
    let site = prop_oneof![Just(None), Just(Some("here".to_owned()))];
    (0..20_u64, kinds, since, site).prop_map(
        |(after, kind, since, site): (_, _, Option<Timestamp>, _)| EventFilter {
            after: EventId::new(after),
            kind,
            since,
            site,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_file_answers_as_a_history_in_memory_does(
        batches in proptest::collection::vec(any_events(8), 0..4),
        filters in proptest::collection::vec(filters(), 1..6),
        count in 0..9_usize,
    ) {
        let (_directory, mut database) = new_database();
        let mut memory = History::default();
        for batch in &batches {
            let appended = database.append(batch).expect("possible events");
            prop_assert_eq!(appended, memory.append(batch).expect("possible events"));
        }
        prop_assert_eq!(database.last_event().expect("readable"), memory.last_event().expect("readable"));
        for wanted in &filters {
            prop_assert_eq!(visited(&database, wanted, usize::MAX), visited(&memory, wanted, usize::MAX));
            prop_assert_eq!(visited(&database, wanted, 2), visited(&memory, wanted, 2));
            prop_assert_eq!(
                database.recent(wanted, count).expect("readable"),
                memory.recent(wanted, count).expect("readable")
            );
            let all = visited(&memory, wanted, usize::MAX).0.len() as u64;
            prop_assert_eq!(database.count(wanted).expect("readable"), all);
        }
        prop_assert_eq!(
            database.recent_requests(count).expect("readable"),
            memory.recent_requests(count).expect("readable")
        );
    }

    #[test]
    fn what_is_exported_and_imported_is_the_same_history(events in any_events(24)) {
        let (_directory, mut database) = new_database();
        database.append(&events).expect("possible events");
        let export = |database: &HistoryDatabase| {
            let mut lines = String::new();
            let end = database.for_each_line(&EventFilter::default(), &mut |_, line| {
                lines.push_str(line);
                lines.push('\n');
                ControlFlow::Continue(())
            });
            end.map(|_| lines).expect("readable")
        };
        let lines = export(&database);
        let (_elsewhere, mut copy) = new_database();
        for expected_new in [copy_size(&database), 0] {
            let mut import = copy.import().expect("a new import");
            let skipped = import.read(lines.as_bytes(), OnError::Stop).expect("our own lines");
            prop_assert!(skipped.is_empty());
            let appended = import.finish().expect("room");
            prop_assert_eq!(appended.new as u64, expected_new);
            prop_assert_eq!((appended.new + appended.known) as u64, copy_size(&database));
        }
        prop_assert_eq!(export(&copy), lines.clone());
        let all = EventFilter::default();
        prop_assert_eq!(visited(&copy, &all, usize::MAX), visited(&database, &all, usize::MAX));
        let (memory, _) = History::parse(lines.as_bytes(), OnError::Stop).expect("our own lines");
        prop_assert_eq!(memory.to_json_lines(), lines);
    }
}

fn copy_size(database: &HistoryDatabase) -> u64 {
    database.count(&EventFilter::default()).expect("readable")
}

#[test]
fn an_impossible_event_keeps_the_others_of_its_batch_out() {
    let (_directory, mut database) = new_database();
    let error = database.append(&[request(1), transfer(2, f64::NAN)]).expect_err("no number");
    assert_eq!(error.to_string(), "event 2 of those to record is not possible");
    let cause = std::error::Error::source(&error).expect("the reason");
    assert_eq!(cause.to_string(), "seconds is NaN, which is no number of seconds");
    assert_eq!(database.last_event().expect("readable"), EventId::START);
}

#[test]
fn a_snapshot_gives_way_only_to_one_that_knows_as_much() {
    let (_directory, mut database) = new_database();
    database.append(&[request(1), request(2)]).expect("possible events");
    let at = |last| Snapshot { last: EventId::new(last), state: vec![last as u8; 3] };
    let mut save = |last| database.save_snapshot("sum", 1, &at(last)).expect("room");
    assert_eq!(save(2), Saved::Stored);
    assert_eq!(save(1), Saved::Outdated);
    // One that claims to know more than there is neither counts nor stays.
    assert_eq!(save(9), Saved::Stored);
    assert_eq!(save(1), Saved::Stored);
    assert_eq!(database.snapshot("sum", 1).expect("readable"), Some(at(1)));
    assert_eq!(database.snapshot("sum", 2).expect("readable"), None);
    assert_eq!(database.snapshot("other", 1).expect("readable"), None);
    database.save_snapshot("sum", 1, &at(9)).expect("room");
    assert_eq!(database.snapshot("sum", 1).expect("readable"), None);
}

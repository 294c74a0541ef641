//! A history of a million events: recording one more, learning from a thousand more, reading the
//! last requests. Beside it the plain file of JSON lines that it replaces, on the same disk.
//!
//! The history's log is SQLite's write-ahead log with `synchronous = NORMAL`: what is recorded
//! survives the process, and power loss after the next checkpoint. Its like is the plain file
//! without a sync; with one, each event survives power loss.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use vclust_benches::{made_up_event, made_up_transfer};
use vclust_core::{Estimator, Event, EventKind, HistoryStore, MeanTransfer, RequestEvent};
use vclust_grid::{HistoryDatabase, Learner, last_learned, learned};

const EVENTS: u64 = 1_000_000;
const REQUESTS: usize = 10_000;
const LEARNER: Learner<'_> = Learner {
    name: "mean transfer",
    version: 1,
    kind: Some(EventKind::Transfer),
    worth_writing: 200,
};

fn fold(rule: &mut MeanTransfer, events: &[Event]) {
    rule.learn(&events.iter().filter_map(Event::as_transfer).collect::<Vec<_>>());
}

fn learn(database: &mut HistoryDatabase) -> MeanTransfer {
    learned(database, LEARNER, fold).expect("readable")
}

/// The same events as a history and as a plain file.
fn made_up_site(directory: &Path) -> (HistoryDatabase, std::path::PathBuf) {
    let mut database =
        HistoryDatabase::open_file(&directory.join("history.sqlite")).expect("a new history");
    let path = directory.join("history.jsonl");
    let mut lines = BufWriter::new(File::create(&path).expect("a new file"));
    let start = Instant::now();
    let mut import = database.import().expect("a new import");
    for number in 0..EVENTS {
        let event = made_up_event(number);
        import.add(&event).expect("room");
        writeln!(lines, "{}", event.to_json_line()).expect("room");
    }
    import.finish().expect("room");
    lines.into_inner().expect("room").sync_all().expect("room");
    let size = |path: &Path| fs::metadata(path).expect("just written").len() / 1_000_000;
    eprintln!(
        "bench: {EVENTS} events, {} MB in SQLite, {} MB as JSON lines, in {:.1} s",
        size(database.path()),
        size(&path),
        start.elapsed().as_secs_f64()
    );
    (database, path)
}

/// The lines of a kind in the whole file, the last first: the others are passed over unparsed.
fn lines_of<'a>(text: &'a [u8], kind: &str) -> impl Iterator<Item = Event> + use<'a> {
    let start = format!("{{\"event\":\"{kind}\"");
    text.rsplit(|byte| *byte == b'\n')
        .filter(move |line| line.starts_with(start.as_bytes()))
        .map(|line| Event::from_json_line(line).expect("our own line"))
}

/// That the order of the lines is that of time is known here.
fn last_requests(path: &Path) -> Vec<RequestEvent> {
    let text = fs::read(path).expect("readable");
    let mut requests: Vec<_> = lines_of(&text, "request")
        .map(|event| match event {
            Event::Request(request) => request,
            _ => unreachable!("the line begins as a request"),
        })
        .take(REQUESTS)
        .collect();
    requests.reverse();
    requests
}

/// Prints how long single appends take, those that carry the log over to the main file included.
fn spread(database: &mut HistoryDatabase, next: &mut u64) {
    let mut seconds: Vec<f64> = (0..10_000)
        .map(|_| {
            *next += 1;
            let event = [made_up_event(*next)];
            let start = Instant::now();
            database.append(&event).expect("room");
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let at = |place: usize| 1e3 * seconds[place];
    let (median, p99, worst) = (at(5_000), at(9_900), at(9_999));
    eprintln!("bench: 10,000 appends: median {median:.3} ms, p99 {p99:.3} ms, worst {worst:.1} ms");
}

fn history(criterion: &mut Criterion) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let (mut database, path) = made_up_site(directory.path());
    let mut next = EVENTS;
    let start = Instant::now();
    let rule = learn(&mut database);
    eprintln!("bench: learned from all transfers in {:.2} s", start.elapsed().as_secs_f64());

    let mut group = criterion.benchmark_group("history");
    group.sample_size(20);
    assert_eq!(database.recent_requests(REQUESTS).expect("readable"), last_requests(&path));
    group.bench_function("last 10,000 requests: SQLite", |bencher| {
        bencher.iter(|| database.recent_requests(REQUESTS).expect("readable"));
    });
    group.bench_function("last 10,000 requests: JSON lines, the others unparsed", |bencher| {
        bencher.iter(|| last_requests(&path));
    });
    group.bench_function("last state, for selection: SQLite", |bencher| {
        bencher.iter(|| last_learned::<MeanTransfer, _>(&database, LEARNER).expect("readable"));
    });
    group.bench_function("refit after 1,000 new transfers: SQLite", |bencher| {
        bencher.iter_batched_ref(
            || {
                let new: Vec<_> = (next..next + 1000).map(made_up_transfer).collect();
                next += 1000;
                let mut database =
                    HistoryDatabase::open_file(database.path()).expect("the same history");
                assert_eq!(database.append(&new).expect("room").new, 1000);
                database
            },
            learn,
            BatchSize::PerIteration,
        );
    });
    spread(&mut database, &mut next);
    group.bench_function("append one event: SQLite", |bencher| {
        bencher.iter_batched(
            || {
                next += 1;
                made_up_event(next)
            },
            |event| database.append(&[event]).expect("room"),
            BatchSize::SmallInput,
        );
    });
    let mut lines = File::options().append(true).open(&path).expect("the same file");
    for sync in [false, true] {
        let how = if sync { "with fdatasync" } else { "without sync" };
        group.bench_function(format!("append one event: JSON lines, {how}"), |bencher| {
            bencher.iter_batched(
                || {
                    next += 1;
                    made_up_event(next)
                },
                |event| {
                    lines.write_all((event.to_json_line() + "\n").as_bytes()).expect("room");
                    if sync {
                        lines.sync_data().expect("room");
                    }
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.sample_size(10);
    group.bench_function(
        "refit: JSON lines, all transfers again, the others unparsed",
        |bencher| {
            bencher.iter(|| {
                let mut rule = MeanTransfer::default();
                let text = fs::read(&path).expect("readable");
                for event in lines_of(&text, "transfer") {
                    fold(&mut rule, std::slice::from_ref(&event));
                }
                rule
            });
        },
    );
    group.finish();
    assert_ne!(learn(&mut database), rule, "the new transfers were learned from");
}

criterion_group!(benches, history);
criterion_main!(benches);

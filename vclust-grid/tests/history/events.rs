//! Events to record.

use proptest::prelude::*;
use vclust_core::{
    Event, InstallEvent, PackageVersion, Phase, PhaseEvent, RequestEvent, Step, StepKind,
    Timestamp, TransferEvent,
};

/// So many seconds after a Monday in November.
pub(crate) fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_unix_microseconds((1_795_401_000 + seconds) * 1_000_000).expect("a moment")
}

pub(crate) fn request(second: i64) -> Event {
    Event::Request(RequestEvent {
        at: moment(second),
        site: "here".to_owned(),
        nodes: 4,
        packages: vec!["gcc".to_owned(), format!("package-{}", second % 100)],
    })
}

pub(crate) fn transfer(second: i64, seconds: f64) -> Event {
    Event::Transfer(TransferEvent {
        at: moment(second),
        site: "here".to_owned(),
        image: "minimal".to_owned(),
        bytes: 46_000_000,
        nodes: 4,
        method: "nfs".to_owned(),
        seconds,
    })
}

fn moments() -> impl Strategy<Value = Timestamp> {
    // Few enough for equal ones, with every digit of a microsecond.
    prop_oneof![
        (0..5_i64).prop_map(moment),
        any::<u32>().prop_map(|microseconds| {
            Timestamp::from_unix_microseconds(i64::from(microseconds) * 1_000_003)
                .expect("a moment")
        }),
    ]
}

fn sites() -> impl Strategy<Value = String> {
    prop_oneof![Just("here".to_owned()), Just("there".to_owned()), "\\PC{1,8}"]
}

fn seconds() -> impl Strategy<Value = f64> {
    prop_oneof![1e-9..10.0, 1e-300..1e6, Just(0.1 + 0.2)]
}

fn requests() -> impl Strategy<Value = Event> {
    let packages = proptest::collection::btree_set("[a-z]{1,3}", 1..5);
    (moments(), sites(), 1..=1_000_000_u32, packages).prop_map(|(at, site, nodes, packages)| {
        Event::Request(RequestEvent { at, site, nodes, packages: packages.into_iter().collect() })
    })
}

fn transfers() -> impl Strategy<Value = Event> {
    (moments(), sites(), "\\PC{1,9}", 1..=1_u64 << 40, 1..99_u32, seconds()).prop_map(
        |(at, site, image, bytes, nodes, seconds)| {
            let method = "chain \"of\" \u{1F600}\n".to_owned();
            Event::Transfer(TransferEvent { at, site, image, bytes, nodes, method, seconds })
        },
    )
}

fn installs() -> impl Strategy<Value = Event> {
    let packages = proptest::collection::btree_set("[a-z]{1,3}", 1..5);
    let parts = proptest::option::of(0.0..1.0);
    (moments(), sites(), packages, seconds(), parts, any::<bool>()).prop_map(
        |(at, site, packages, seconds, part, stepwise)| {
            let steps = packages.iter().filter(|_| stepwise).map(|package| Step {
                step: StepKind::Unpack,
                package: package.clone(),
                seconds: seconds / 8.0,
            });
            let steps = steps.collect();
            let version = |package| PackageVersion { package, version: "1:2~3-4".to_owned() };
            Event::Install(InstallEvent {
                at,
                site,
                nodes: 1,
                packages: packages.into_iter().map(version).collect(),
                seconds,
                hypervisor: None,
                request: if stepwise { vec!["a".to_owned()] } else { Vec::new() },
                unpack_seconds: part.map(|part: f64| part * seconds / 2.0),
                configure_seconds: None,
                steps,
            })
        },
    )
}

fn phases() -> impl Strategy<Value = Event> {
    let phase = prop_oneof![Just(Phase::Boot), Just(Phase::Ready), Just(Phase::Layer)];
    let memory = proptest::option::of(0..1_u64 << 44);
    (moments(), sites(), phase, prop_oneof![Just(0.0), seconds()], memory).prop_map(
        |(at, site, phase, seconds, memory_bytes)| {
            Event::Phase(PhaseEvent {
                at,
                site,
                cluster: "c".to_owned(),
                strategy: "clone".to_owned(),
                phase,
                nodes: 2,
                seconds,
                hypervisor: memory_bytes.map(|_| "qemu".to_owned()),
                memory_bytes,
                bytes: None,
            })
        },
    )
}

/// Events of every kind, each possible, some of them at the same moment, some equal.
pub(crate) fn any_events(most: usize) -> impl Strategy<Value = Vec<Event>> {
    let equal = (0..3_i64).prop_map(request);
    let event = prop_oneof![requests(), transfers(), installs(), phases(), equal];
    proptest::collection::vec(event, 0..most)
}

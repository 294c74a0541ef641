//! A made-up site's history, as long as a benchmark needs it.
//!
//! Of each hundred events 40 are requests of 8 packages, 20 transfers of one of 50 images to one of
//! 10 numbers of nodes, 38 other phases, and 2 installs of 40 packages with all their steps. A
//! generator with a fixed seed draws them; they come a second apart.

use vclust_core::{
    Event, InstallEvent, PackageVersion, Phase, PhaseEvent, RequestEvent, Step, StepKind,
    Timestamp, TransferEvent,
};

/// The event of this number.
#[must_use]
pub fn made_up_event(number: u64) -> Event {
    match number % 100 {
        0..40 => request(number),
        40..60 => made_up_transfer(number),
        60..98 => Event::Phase(PhaseEvent {
            at: moment(number),
            site: site(),
            cluster: format!("cluster-{}", number / 8),
            strategy: "layers".to_owned(),
            phase: [Phase::Resolve, Phase::Select, Phase::Boot, Phase::Ready][number as usize % 4],
            nodes: nodes(number),
            seconds: seconds(number),
            hypervisor: Some("qemu".to_owned()),
            memory_bytes: Some(320 << 20),
            bytes: None,
        }),
        _ => install(number),
    }
}

/// A transfer at the moment of this number.
#[must_use]
pub fn made_up_transfer(number: u64) -> Event {
    Event::Transfer(TransferEvent {
        at: moment(number),
        site: site(),
        image: format!("image-{}", draw(number, 3) % 50),
        bytes: 46_000_000 + draw(number, 3) % 50 * 1_000_000,
        nodes: nodes(number),
        method: "nfs".to_owned(),
        seconds: seconds(number),
    })
}

fn request(number: u64) -> Event {
    let mut packages: Vec<String> = (0..8)
        // The square makes some packages a hundred times as popular as others.
        .map(|place| (draw(number, 100 + place) % 1000).pow(2) / 1000)
        .map(|package| format!("package-{package}"))
        .collect();
    packages.sort();
    packages.dedup();
    Event::Request(RequestEvent {
        at: moment(number),
        site: site(),
        nodes: nodes(number),
        packages,
    })
}

fn install(number: u64) -> Event {
    let first = draw(number, 5) % 1000;
    let names: Vec<String> = (first..first + 40).map(|name| format!("package-{name}")).collect();
    let step = |kind: StepKind| {
        names.iter().map(move |package| Step {
            step: kind,
            package: package.clone(),
            seconds: 0.012_345,
        })
    };
    Event::Install(InstallEvent {
        at: moment(number),
        site: site(),
        nodes: 1,
        steps: step(StepKind::Unpack).chain(step(StepKind::Configure)).collect(),
        packages: names
            .iter()
            .map(|package| PackageVersion {
                package: package.clone(),
                version: "12.2.0-14".to_owned(),
            })
            .collect(),
        seconds: 1.0 + seconds(number),
        hypervisor: None,
        request: vec![names[0].clone()],
        unpack_seconds: None,
        configure_seconds: None,
    })
}

fn site() -> String {
    "here".to_owned()
}

fn moment(number: u64) -> Timestamp {
    let seconds = i64::try_from(number).expect("fewer seconds than there are");
    Timestamp::from_unix_microseconds((1_700_000_000 + seconds) * 1_000_000).expect("years fit")
}

fn nodes(number: u64) -> u32 {
    1 << (draw(number, 1) % 10)
}

fn seconds(number: u64) -> f64 {
    0.5 + (draw(number, 2) % 10_000_000) as f64 / 1e6
}

/// A number that depends on two others only (Steele, Lea and Flood's `SplitMix64`).
fn draw(number: u64, stream: u64) -> u64 {
    let mut state = (number << 8 | stream).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

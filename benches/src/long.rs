//! Made-up histories as long as those of a site that has built clusters for years.

use std::fmt::Write;

use vclust_core::{FileOrigin, Index, InstallEvent, PackageVersion, Step, StepKind, Timestamp};

/// The name of a made-up package.
fn name(at: usize) -> String {
    format!("made-up-{at}")
}

/// An index of so many made-up packages of different sizes.
///
/// # Panics
///
/// Never: the stanzas it writes are readable.
#[must_use]
pub fn made_up_index(packages: usize) -> Index {
    let mut text = String::new();
    for at in 0..packages {
        let size = 5_000 + at * 7919 % 2_000_000;
        let _ = write!(
            text,
            "Package: {}\nVersion: 1\nArchitecture: amd64\nSize: {size}\nInstalled-Size: {}\n\n",
            name(at),
            size / 250
        );
    }
    let mut builder = Index::builder("amd64");
    builder.packages(text, FileOrigin::named("made up")).expect("readable stanzas");
    builder.build().expect("a consistent index")
}

/// So many runs of dpkg, each of `size` packages drawn from `packages`, a few of them often.
///
/// # Panics
///
/// Never: the moment it names exists.
pub fn long_history(
    runs: usize,
    size: usize,
    packages: usize,
) -> impl Iterator<Item = InstallEvent> {
    let at: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a moment");
    (0..runs).map(move |run| {
        let mut chosen: Vec<usize> = (0..size)
            .map(|place| {
                // Half of each run is common to all, the rest is anywhere.
                if place % 2 == 0 { place } else { (run * 7919 + place * 104_729) % packages }
            })
            .collect();
        chosen.sort_unstable();
        chosen.dedup();
        let seconds = |package: usize| 0.01 + 1e-5 * (package % 997 + run % 13) as f64;
        let mut steps = Vec::with_capacity(2 * size);
        for package in &chosen {
            let step = |step, seconds| Step { step, package: name(*package), seconds };
            steps.push(step(StepKind::Unpack, seconds(*package)));
            steps.push(step(StepKind::Configure, 0.3 * seconds(*package)));
        }
        InstallEvent {
            at,
            site: "made up".to_owned(),
            nodes: 1,
            packages: chosen
                .iter()
                .map(|at| PackageVersion { package: name(*at), version: "1".to_owned() })
                .collect(),
            seconds: steps.iter().map(|step| step.seconds).sum::<f64>() + 0.03,
            hypervisor: None,
            request: Vec::new(),
            unpack_seconds: None,
            configure_seconds: None,
            steps,
        }
    })
}

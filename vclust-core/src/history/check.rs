//! Which events are possible.

use rustc_hash::FxHashSet;

use super::error::Rejection;
use super::event::{Event, InstallEvent, StepKind};

/// No phase of a build takes longer than thirty days.
const MOST_SECONDS: f64 = 30.0 * 86_400.0;
/// A million nodes are ten times the largest cluster there is.
const MOST_NODES: u32 = 1_000_000;
/// No image has more than a tebibyte.
const MOST_BYTES: u64 = 1 << 40;
/// Memory of a node: sixteen tebibytes.
const MOST_MEMORY: u64 = 1 << 44;

impl Event {
    /// Tells whether the event could have happened: finite positive times, sizes and numbers of
    /// nodes that exist, steps that fit into their run.
    pub fn check(&self) -> Result<(), Rejection> {
        match self {
            Self::Request(event) => {
                nodes(event.nodes)?;
                named("site", &event.site)?;
                names("packages", event.packages.iter().map(String::as_str))
            }
            Self::Transfer(event) => {
                nodes(event.nodes)?;
                named("site", &event.site)?;
                named("image", &event.image)?;
                named("method", &event.method)?;
                if event.bytes == 0 {
                    return Err(Rejection::Empty { field: "bytes" });
                }
                at_most("bytes", event.bytes as f64, MOST_BYTES as f64)?;
                positive("seconds", event.seconds)
            }
            Self::Install(event) => event.check(),
            Self::Phase(event) => {
                nodes(event.nodes)?;
                named("site", &event.site)?;
                named("cluster", &event.cluster)?;
                named("strategy", &event.strategy)?;
                if let Some(bytes) = event.bytes {
                    at_most("bytes", bytes as f64, MOST_BYTES as f64)?;
                }
                if let Some(memory) = event.memory_bytes {
                    at_most("memory_bytes", memory as f64, MOST_MEMORY as f64)?;
                }
                seconds("seconds", event.seconds)
            }
        }
    }
}

impl InstallEvent {
    /// As [`Event::check`].
    pub fn check(&self) -> Result<(), Rejection> {
        install(self)
    }
}

fn install(event: &InstallEvent) -> Result<(), Rejection> {
    nodes(event.nodes)?;
    named("site", &event.site)?;
    names("packages", event.packages.iter().map(|package| package.package.as_str()))?;
    positive("seconds", event.seconds)?;
    let parts =
        [("unpack_seconds", event.unpack_seconds), ("configure_seconds", event.configure_seconds)];
    let mut sum = 0.0;
    for (field, part) in parts {
        if let Some(part) = part {
            seconds(field, part)?;
            sum += part;
        }
    }
    within("unpack_seconds and configure_seconds", sum, event.seconds)?;
    let installed: FxHashSet<&str> =
        event.packages.iter().map(|package| package.package.as_str()).collect();
    let mut sum = 0.0;
    for step in &event.steps {
        seconds("steps", step.seconds)?;
        // Triggers may run for packages that were there before.
        if step.step != StepKind::Trigger && !installed.contains(step.package.as_str()) {
            return Err(Rejection::ForeignStep { package: step.package.clone() });
        }
        sum += step.seconds;
    }
    within("steps", sum, event.seconds)
}

fn within(field: &'static str, parts: f64, whole: f64) -> Result<(), Rejection> {
    // Parts are rounded when they are written, so their sum may exceed the whole by a little.
    if parts > whole * 1.02 + 0.1 {
        return Err(Rejection::Inconsistent { field, parts, whole });
    }
    Ok(())
}

fn nodes(value: u32) -> Result<(), Rejection> {
    if value == 0 {
        return Err(Rejection::Empty { field: "nodes" });
    }
    at_most("nodes", f64::from(value), f64::from(MOST_NODES))
}

fn named(field: &'static str, value: &str) -> Result<(), Rejection> {
    if value.is_empty() { Err(Rejection::Empty { field }) } else { Ok(()) }
}

fn names<'a>(
    field: &'static str,
    values: impl ExactSizeIterator<Item = &'a str>,
) -> Result<(), Rejection> {
    if values.len() == 0 {
        return Err(Rejection::Empty { field });
    }
    let mut seen = FxHashSet::default();
    for value in values {
        named(field, value)?;
        if !seen.insert(value) {
            return Err(Rejection::RepeatedPackage { package: value.to_owned() });
        }
    }
    Ok(())
}

fn seconds(field: &'static str, value: f64) -> Result<(), Rejection> {
    if !value.is_finite() {
        return Err(Rejection::NotFinite { field, value });
    }
    // A negative zero is no less odd, and equal events would have two texts.
    if value.is_sign_negative() {
        return Err(Rejection::NotPositive { field, value });
    }
    at_most(field, value, MOST_SECONDS)
}

fn positive(field: &'static str, value: f64) -> Result<(), Rejection> {
    seconds(field, value)?;
    if value > 0.0 { Ok(()) } else { Err(Rejection::NotPositive { field, value }) }
}

fn at_most(field: &'static str, value: f64, limit: f64) -> Result<(), Rejection> {
    if value <= limit { Ok(()) } else { Err(Rejection::Absurd { field, value, limit }) }
}

//! Events of one kind as a table.

use arrow_array::{Float64Array, StringArray, UInt32Array, UInt64Array};
use vclust_core::{Event, EventKind};

use crate::error::Failure;
use crate::table::{Column, Table, moments, package_lists, text_lists, texts};

/// A table of the events of one kind; others are left out.
pub(crate) fn event_table(kind: EventKind, events: &[Event]) -> Result<Table, Failure> {
    Table::of(match kind {
        EventKind::Request => requests(events),
        EventKind::Transfer => transfers(events),
        EventKind::Install => installs(events),
        EventKind::Phase => phases(events),
        other => {
            return Err(Failure::value(format!("there is no table of {} events", other.name())));
        }
    })
}

/// The rows of a kind, for one column after the other.
macro_rules! rows {
    ($events:expr, $kind:path) => {
        $events.iter().filter_map(|event| match event {
            $kind(event) => Some(event),
            _ => None,
        })
    };
}

fn requests(events: &[Event]) -> Vec<Column> {
    let rows = || rows!(events, Event::Request);
    vec![
        Column::full("at", moments(rows().map(|one| one.at))),
        Column::full("site", texts(rows().map(|one| &one.site))),
        Column::full("nodes", UInt32Array::from_iter_values(rows().map(|one| one.nodes))),
        Column::full("packages", text_lists(rows().map(|one| &*one.packages))),
    ]
}

fn transfers(events: &[Event]) -> Vec<Column> {
    let rows = || rows!(events, Event::Transfer);
    vec![
        Column::full("at", moments(rows().map(|one| one.at))),
        Column::full("site", texts(rows().map(|one| &one.site))),
        Column::full("image", texts(rows().map(|one| &one.image))),
        Column::full("bytes", UInt64Array::from_iter_values(rows().map(|one| one.bytes))),
        Column::full("nodes", UInt32Array::from_iter_values(rows().map(|one| one.nodes))),
        Column::full("method", texts(rows().map(|one| &one.method))),
        Column::full("seconds", Float64Array::from_iter_values(rows().map(|one| one.seconds))),
    ]
}

fn installs(events: &[Event]) -> Vec<Column> {
    let rows = || rows!(events, Event::Install);
    let hypervisors: StringArray = rows().map(|one| one.hypervisor.as_deref()).collect();
    let unpacking: Float64Array = rows().map(|one| one.unpack_seconds).collect();
    let configuring: Float64Array = rows().map(|one| one.configure_seconds).collect();
    vec![
        Column::full("at", moments(rows().map(|one| one.at))),
        Column::full("site", texts(rows().map(|one| &one.site))),
        Column::full("nodes", UInt32Array::from_iter_values(rows().map(|one| one.nodes))),
        Column::full("packages", package_lists(rows().map(|one| &*one.packages))),
        Column::full("seconds", Float64Array::from_iter_values(rows().map(|one| one.seconds))),
        Column::sparse("hypervisor", hypervisors),
        Column::full("request", text_lists(rows().map(|one| &*one.request))),
        Column::sparse("unpack_seconds", unpacking),
        Column::sparse("configure_seconds", configuring),
    ]
}

fn phases(events: &[Event]) -> Vec<Column> {
    let rows = || rows!(events, Event::Phase);
    let hypervisors: StringArray = rows().map(|one| one.hypervisor.as_deref()).collect();
    let memory: UInt64Array = rows().map(|one| one.memory_bytes).collect();
    vec![
        Column::full("at", moments(rows().map(|one| one.at))),
        Column::full("site", texts(rows().map(|one| &one.site))),
        Column::full("cluster", texts(rows().map(|one| &one.cluster))),
        Column::full("strategy", texts(rows().map(|one| &one.strategy))),
        Column::full("phase", texts(rows().map(|one| one.phase.name()))),
        Column::full("nodes", UInt32Array::from_iter_values(rows().map(|one| one.nodes))),
        Column::full("seconds", Float64Array::from_iter_values(rows().map(|one| one.seconds))),
        Column::sparse("hypervisor", hypervisors),
        Column::sparse("memory_bytes", memory),
    ]
}

//! What was measured at a site, in the form that a simulation can be compared with.

use rustc_hash::FxHashMap;

use super::task::{Part, SiteTask, Software, TransferMethod};
use crate::estimate::median;
use crate::history::{Event, History, Phase};
use crate::strategy::Strategy;

/// Size of a package that only its name is known of: that of the paper's configurations.
const TYPICAL_PACKAGE_BYTES: u64 = 440_000;
/// Situations of a history that are looked at, the latest ones.
const MOST_SITUATIONS: usize = 200;

/// One measured time.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What it is, for reports.
    pub what: String,
    /// Number of nodes.
    pub nodes: u32,
    /// Seconds until the last node was through.
    pub seconds: f64,
    pub(super) part: Part,
    pub(super) strategy: Strategy,
    pub(super) transfer: TransferMethod,
    pub(super) software: Software,
}

/// Nodes, and seconds by table and cache.
type PaperRow = (u32, [f64; 2], [f64; 2], [f64; 2]);

/// The paper's tables 2, 3 and 4: nodes; transfer without and with a cache; install of
/// configurations 1 and 2, each without and with. All measured seconds.
const TABLES: [PaperRow; 3] = [
    (4, [6.52, 8.44], [26.7, 17.1], [29.7, 17.1]),
    (8, [6.58, 9.11], [34.3, 18.7], [39.6, 21.2]),
    (16, [7.45, 10.4], [47.0, 23.2], [54.8, 24.4]),
];
/// The whole build of 16 nodes of configuration 1, without and with a cache.
const WHOLE: [f64; 2] = [103.0, 75.0];
/// Minimal and cache image: bytes; packages and bytes that each lacks for configurations 1 and 2.
const IMAGES: [(u64, [(u32, u64); 2]); 2] = [
    (46_000_000, [(47, 18_000_000), (51, 25_300_000)]),
    (61_300_000, [(9, 8_100_000), (13, 15_400_000)]),
];

impl Observation {
    /// All times that the paper gives: 6 transfers, 12 installs, 2 whole builds.
    #[must_use]
    pub fn paper() -> Vec<Self> {
        let mut all = Vec::new();
        for (cache, (image_bytes, lacking)) in IMAGES.into_iter().enumerate() {
            let image = if cache == 0 { "no cache" } else { "cache" };
            let of = |configuration: usize| {
                let (packages, packages_bytes) = lacking[configuration];
                Software { image_bytes, packages, packages_bytes, install_seconds: None }
            };
            let base = Self {
                what: String::new(),
                nodes: 16,
                seconds: 0.0,
                part: Part::Whole,
                strategy: Strategy::Install,
                transfer: TransferMethod::SharedServer,
                software: of(0),
            };
            let at = |what: String, part, software, nodes, seconds| Self {
                what,
                nodes,
                seconds,
                part,
                software,
                ..base.clone()
            };
            for (nodes, transfers, ..) in TABLES {
                let what = format!("transfer, {image}");
                all.push(at(what, Part::Transfer, of(0), nodes, transfers[cache]));
            }
            for configuration in 0..2 {
                for (nodes, _, first, second) in TABLES {
                    let seconds = [first, second][configuration][cache];
                    let what = format!("install, configuration {}, {image}", configuration + 1);
                    all.push(at(what, Part::Install, of(configuration), nodes, seconds));
                }
            }
            let what = format!("whole build, configuration 1, {image}");
            all.push(at(what, Part::Whole, of(0), 16, WHOLE[cache]));
        }
        all
    }

    /// What a history tells: the median of each situation's transfers, installs, boots, reboots and
    /// clones. Other phases depend on more than an event says and are left out.
    ///
    /// Only events of `site` count, unless there are none: then the history is taken for one that
    /// calls the site by another name.
    #[must_use]
    pub fn of_history(history: &History, site: &str) -> Vec<Self> {
        let named = history.events().iter().any(|event| site_of(event) == site);
        let mut places: FxHashMap<(String, u32), usize> = FxHashMap::default();
        let mut found: Vec<(Self, Vec<f64>)> = Vec::new();
        for event in history.events() {
            if named && site_of(event) != site {
                continue;
            }
            let Some(observation) = Self::of_event(event) else { continue };
            let key = (observation.what.clone(), observation.nodes);
            let place = *places.entry(key).or_insert(found.len());
            if place == found.len() {
                found.push((observation, Vec::new()));
            }
            found[place].1.push(seconds_of(event));
        }
        let skipped = found.len().saturating_sub(MOST_SITUATIONS);
        let latest = found.into_iter().skip(skipped);
        latest.map(|(one, mut times)| Self { seconds: median(&mut times), ..one }).collect()
    }

    fn of_event(event: &Event) -> Option<Self> {
        let base = Self {
            what: String::new(),
            nodes: 0,
            seconds: seconds_of(event),
            part: Part::Whole,
            strategy: Strategy::Install,
            transfer: TransferMethod::SharedServer,
            software: Software {
                image_bytes: 0,
                packages: 0,
                packages_bytes: 0,
                install_seconds: None,
            },
        };
        // A phase that took no time says nothing of what it costs.
        if base.seconds <= 0.0 {
            return None;
        }
        match event {
            Event::Transfer(event) => Some(Self {
                what: format!("transfer by {}, {:.1} MB", event.method, event.bytes as f64 / 1e6),
                nodes: event.nodes,
                part: Part::Transfer,
                transfer: TransferMethod::of_history(&event.method),
                software: Software { image_bytes: event.bytes, ..base.software },
                ..base
            }),
            Event::Install(event) => {
                let packages = event.packages.len() as u32;
                let packages_bytes = u64::from(packages) * TYPICAL_PACKAGE_BYTES;
                Some(Self {
                    what: format!("install, {packages} packages"),
                    nodes: event.nodes,
                    part: Part::Install,
                    software: Software { packages, packages_bytes, ..base.software },
                    ..base
                })
            }
            Event::Phase(event) => {
                let strategy = Strategy::named(&event.strategy)?;
                let (part, nodes) = match (strategy, event.phase) {
                    (Strategy::Clone, Phase::Ready) => (Part::Clones, event.nodes),
                    // One template boots, however many clones there will be.
                    (Strategy::Clone, Phase::Boot) => (Part::Boot, 1),
                    (_, Phase::Boot) => (Part::Boot, event.nodes),
                    (Strategy::Install, Phase::Reboot) => (Part::Reboot, event.nodes),
                    _ => return None,
                };
                let phase = match event.phase {
                    Phase::Boot => "boot",
                    Phase::Reboot => "reboot",
                    _ => "clones ready",
                };
                Some(Self { what: format!("{strategy}: {phase}"), nodes, part, strategy, ..base })
            }
            Event::Request(_) => None,
        }
    }

    /// The task that the measured nodes did.
    pub(super) fn task(&self) -> SiteTask {
        SiteTask {
            strategy: self.strategy,
            transfer: self.transfer,
            nodes: self.nodes,
            software: self.software.clone(),
            seed: 1,
        }
    }
}

fn site_of(event: &Event) -> &str {
    match event {
        Event::Transfer(event) => &event.site,
        Event::Install(event) => &event.site,
        Event::Phase(event) => &event.site,
        Event::Request(event) => &event.site,
    }
}

fn seconds_of(event: &Event) -> f64 {
    match event {
        Event::Transfer(event) => event.seconds,
        Event::Install(event) => event.seconds,
        Event::Phase(event) => event.seconds,
        Event::Request(_) => 0.0,
    }
}

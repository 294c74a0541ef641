//! `vclust cache generate`

use std::io::Write;

use serde::Serialize;
use vclust_core::{
    Catalogue, Conditions, Image, ImageKind, ImageListing, ImageSizes, ImageWorth, PackageSet,
    PackageVersion, PackageVersionId, Problem, Replay, Repository, RequestEvent, Stored, Strategy,
    WeightedTarget, parse_policy,
};
use vclust_grid::{MINIMAL, ResolvedRequests, RootState};

use crate::arguments::{Format, Generate, StrategyName};
use crate::commands::cache::known_images;
use crate::commands::past;
use crate::failure::Failure;
use crate::load;
use crate::output::{bytes, counted};
use crate::progress;
use crate::requests;

/// The JSON answer, a contract; `images` can be read by other commands.
#[derive(Serialize)]
struct Answer {
    policy: String,
    requests: usize,
    failed_requests: usize,
    nodes: u32,
    budget_bytes: u64,
    bytes: u64,
    strategies: Vec<Strategy>,
    /// Mean seconds of a build with the minimal image alone.
    mean_seconds_minimal: f64,
    /// Mean seconds with the images that were there.
    mean_seconds_before: f64,
    /// Mean seconds with the images of the answer.
    mean_seconds: f64,
    /// Images, then layers.
    images: Vec<Generated>,
    /// Images and layers that were there and would go.
    evict: Vec<String>,
}

#[derive(Serialize)]
struct Generated {
    #[serde(flatten)]
    listing: ImageListing,
    /// Whether it is there already.
    exists: bool,
    #[serde(flatten)]
    worth: ImageWorth,
    /// Packages beyond the minimal image, those first that cost most to install.
    #[serde(skip)]
    adds: Vec<(PackageVersionId, f64)>,
}

/// How many packages of an image are named to people.
const NAMED: usize = 12;

pub(super) fn run(arguments: &Generate, format: Format) -> Result<(), Failure> {
    let mut policy = parse_policy(&arguments.policy)?;
    let loaded = load::load(&arguments.source, &RootState::Minimal)?;
    let mut past = past(arguments.history.as_deref())?;
    let events = past.requests()?;
    let mut requested = requests::of_events(&loaded, &events)?;
    if requested.order.is_empty() {
        return Err(Failure::NoHistoryOfRequests { failed: requested.failed });
    }
    let nodes = arguments.nodes.unwrap_or_else(|| median_nodes(&events));
    let strategies: Vec<Strategy> = if arguments.strategy.is_empty() {
        Strategy::ALL.to_vec()
    } else {
        StrategyName::each_once(&arguments.strategy)
    };

    let listings = known_images(arguments.images.as_deref(), &loaded.index)?;
    let mut sizes = ImageSizes::default();
    let minimal = requested.workload.minimal.clone();
    if let Some(known) = listings.images.iter().find(|image| image.id == MINIMAL) {
        // What the minimal image really takes says how far all others are off.
        sizes.start = known.bytes as f64 - sizes.of(&requested.workload.universe, &minimal) as f64;
    }
    let mut catalogue = Catalogue::new();
    let minimal_bytes = sizes.of(&requested.workload.universe, &minimal);
    let minimal =
        catalogue.add(Image { id: MINIMAL.to_owned(), packages: minimal, bytes: minimal_bytes })?;
    let there: Stored = {
        let mut others = listings;
        others.images.retain(|image| image.id != MINIMAL);
        let ids = others
            .add_to(&mut catalogue, &mut requested.workload.universe, &loaded.index)
            .map_err(|source| Failure::Images {
                path: arguments.images.clone().unwrap_or_default(),
                source,
            })?;
        let images = ids.into_iter().filter_map(|id| catalogue.get(id).cloned()).collect();
        Stored { images, layers: catalogue.layers().map(|(_, layer)| layer.clone()).collect() }
    };

    let workload = &requested.workload;
    let learned = past.learn(&loaded.index)?;
    let conditions = Conditions::new(&arguments.site, nodes);
    let (packages, prices) =
        learned.prices(&workload.universe, &conditions, &strategies, &catalogue);
    let replay = Replay {
        universe: &workload.universe,
        packages: &packages,
        prices: &prices,
        sizes: &sizes,
        minimal: &workload.minimal,
        budget: arguments.budget.bytes(),
    };
    let bar = progress::steps(requested.order.len(), "requests of the past");
    let targets = workload.compared();
    let replayed = replay.run(&targets, &requested.order, &there, policy.as_mut(), |done| {
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    let decided = replay.decided(&replayed.stored, policy.as_mut());
    let (images, layers) = sets(&decided);
    let (images_before, layers_before) = sets(&there);

    let repository = Repository {
        universe: &workload.universe,
        packages: &packages,
        prices: &prices,
        sizes: &sizes,
        catalogue: &catalogue,
        minimal,
        budget: arguments.budget.bytes(),
    };
    let problem = Problem::new(&repository, &weighted(&requested));
    let worth = problem.worth(&images, &layers);
    let name = policy.name();
    let known = entries(&there);
    let mut taken: Vec<String> = Vec::new();
    let images_and_layers: Vec<Generated> = entries(&decided)
        .into_iter()
        .zip(worth)
        .map(|(entry, worth)| {
            let same = known.iter().find(|other| other.is(&entry)).map(|other| other.id.to_owned());
            let exists = same.is_some();
            let id = same.unwrap_or_else(|| free_name(&name, entry.kind, &known, &taken));
            taken.push(id.clone());
            let mut adds: Vec<(PackageVersionId, f64)> = entry
                .packages
                .difference(&workload.minimal)
                .map(|id| (id, packages.get(id)))
                .map(|(id, cost)| (id, cost.unpack_seconds + cost.configure_seconds))
                .collect();
            adds.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let packages = names(&workload.universe, entry.packages);
            let listing = ImageListing { id, kind: entry.kind, bytes: entry.bytes, packages };
            Generated { listing, exists, worth, adds }
        })
        .collect();
    let kept = entries(&decided);
    let gone = known.iter().filter(|entry| !kept.iter().any(|other| other.is(entry)));
    let answer = Answer {
        policy: name,
        requests: requested.order.len(),
        failed_requests: requested.failed,
        nodes,
        budget_bytes: arguments.budget.bytes(),
        bytes: decided.bytes(),
        strategies,
        mean_seconds_minimal: problem.mean_seconds(&[], &[]),
        mean_seconds_before: problem.mean_seconds(&images_before, &layers_before),
        mean_seconds: problem.mean_seconds(&images, &layers),
        evict: gone.map(|entry| entry.id.to_owned()).collect(),
        images: images_and_layers,
    };
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match format {
        Format::Json => {
            serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => text(&mut out, &answer, &workload.universe, arguments.explain)?,
    }
    out.flush()?;
    Ok(())
}

/// An image or a layer of a repository.
struct Entry<'a> {
    id: &'a str,
    kind: ImageKind,
    packages: &'a PackageSet,
    bytes: u64,
}

impl Entry<'_> {
    /// Whether the other is the same thing, whatever its name.
    fn is(&self, other: &Self) -> bool {
        self.kind == other.kind && self.packages == other.packages
    }
}

/// All that is stored, the images first.
fn entries(stored: &Stored) -> Vec<Entry<'_>> {
    let images = stored.images.iter().map(|image| Entry {
        id: &image.id,
        kind: ImageKind::Image,
        packages: &image.packages,
        bytes: image.bytes,
    });
    let layers = stored.layers.iter().map(|layer| Entry {
        id: &layer.id,
        kind: ImageKind::Layer,
        packages: &layer.packages,
        bytes: layer.bytes,
    });
    images.chain(layers).collect()
}

/// The packages of images and of layers.
fn sets(stored: &Stored) -> (Vec<PackageSet>, Vec<PackageSet>) {
    let images = stored.images.iter().map(|image| image.packages.clone());
    let layers = stored.layers.iter().map(|layer| layer.packages.clone());
    (images.collect(), layers.collect())
}

/// A name that nothing has: the policy's, and a number.
fn free_name(policy: &str, kind: ImageKind, there: &[Entry<'_>], taken: &[String]) -> String {
    let stem = policy.split(':').next().unwrap_or(policy);
    let kind = if kind == ImageKind::Layer { "-layer" } else { "" };
    let used = |name: &String| taken.contains(name) || there.iter().any(|entry| entry.id == *name);
    let mut number = 1;
    loop {
        let name = format!("{stem}{kind}-{number}");
        if !used(&name) {
            return name;
        }
        number += 1;
    }
}

fn names(universe: &vclust_core::Universe, set: &PackageSet) -> Vec<PackageVersion> {
    let mut names: Vec<PackageVersion> =
        set.iter().map(|id| universe.package(id).clone()).collect();
    names.sort_by(|a, b| a.package.cmp(&b.package));
    names
}

/// Each distinct request with the number of times it was made.
fn weighted(requested: &ResolvedRequests) -> Vec<WeightedTarget> {
    let mut counts = vec![0.0; requested.workload.targets.len()];
    for place in &requested.order {
        counts[*place as usize] += 1.0;
    }
    let targets = requested.workload.targets.iter().zip(counts);
    targets
        .map(|(packages, weight)| WeightedTarget { packages: packages.clone(), weight })
        .collect()
}

/// The median number of nodes.
fn median_nodes(events: &[RequestEvent]) -> u32 {
    let mut nodes: Vec<u32> = events.iter().map(|event| event.nodes).collect();
    nodes.sort_unstable();
    nodes.get(nodes.len() / 2).copied().unwrap_or(1)
}

/// How many images and layers there are.
fn contents(answer: &Answer) -> String {
    let is_layer = |image: &&Generated| image.listing.kind == ImageKind::Layer;
    let layers = answer.images.iter().filter(is_layer).count();
    let images = answer.images.len() - layers;
    match (images, layers) {
        (_, 0) => counted(images, "image"),
        (0, _) => counted(layers, "layer"),
        _ => format!("{} and {}", counted(images, "image"), counted(layers, "layer")),
    }
}

fn text(
    out: &mut impl Write,
    answer: &Answer,
    universe: &vclust_core::Universe,
    explain: bool,
) -> std::io::Result<()> {
    let bold = anstyle::Style::new().bold();
    writeln!(
        out,
        "{} over {}, {} each: {}, {} of {}",
        answer.policy,
        counted(answer.requests, "request"),
        counted(answer.nodes as usize, "node"),
        contents(answer),
        bytes(answer.bytes),
        bytes(answer.budget_bytes)
    )?;
    writeln!(
        out,
        "mean build {:.1} s; {:.1} s with what is there now, {:.1} s with the minimal image alone",
        answer.mean_seconds, answer.mean_seconds_before, answer.mean_seconds_minimal
    )?;
    if answer.failed_requests > 0 {
        let failed = counted(answer.failed_requests, "request");
        writeln!(out, "{failed} left out that cannot be fulfilled any longer")?;
    }
    if !answer.images.is_empty() {
        writeln!(
            out,
            "\n{bold}{:<20} {:>9} {:>9} {:>8} {:>8} {:>8} {:>10}{bold:#}",
            "image or layer", "packages", "size", "serves", "saves", "loss", "building"
        )?;
    }
    for image in &answer.images {
        let worth = &image.worth;
        writeln!(
            out,
            "{:<20} {:>9} {:>9} {:>7.1}% {:>6.1} s {:>6.2} s {:>8.1} s{}",
            image.listing.id,
            image.listing.packages.len(),
            bytes(image.listing.bytes),
            100.0 * worth.share,
            worth.saved_seconds,
            worth.expected_loss,
            worth.build_seconds,
            if image.exists { "  (there)" } else { "" }
        )?;
        if explain {
            let named: Vec<String> = image
                .adds
                .iter()
                .take(NAMED)
                .map(|(id, seconds)| format!("{} {seconds:.2} s", universe.package(*id).package))
                .collect();
            let rest = image.adds.len().saturating_sub(NAMED);
            let more = if rest > 0 { format!(", and {rest} more") } else { String::new() };
            writeln!(out, "    adds {}{more}", named.join(", "))?;
        }
    }
    if explain {
        writeln!(
            out,
            "\nserves: share of the requests that are built from it, be it under or over others; saves: \
             seconds each of these\ntakes less than from the minimal image; loss: seconds the mean build \
             would take longer without it;\nbuilding: seconds of the head node; a layer's packages and \
             size are what it adds over the minimal image"
        )?;
    }
    for id in &answer.evict {
        writeln!(out, "evict {id}")?;
    }
    Ok(())
}

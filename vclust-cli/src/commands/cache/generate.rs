//! `vclust cache generate`

use std::io::Write;

use serde::Serialize;
use vclust_core::{
    Catalogue, Conditions, Image, ImageListing, ImageSizes, ImageWorth, PackageSet, PackageVersion,
    PackageVersionId, Problem, Replay, Repository, RequestEvent, Strategy, WeightedTarget,
    parse_policy,
};

use crate::arguments::{Format, Generate, StrategyName};
use crate::commands::cache::known_images;
use crate::commands::plan::MINIMAL;
use crate::failure::Failure;
use crate::load::{self, Installed};
use crate::output::{bytes, counted};
use crate::progress;
use crate::requests::Requested;
use crate::site::{Learned, Past};

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
    images: Vec<Generated>,
    /// Images that were there and would go.
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
    let loaded = load::load(&arguments.source, &Installed::Minimal)?;
    let mut past = Past::of(arguments.history.as_deref())?;
    let events = past.requests()?;
    let mut requested = Requested::of_events(&loaded, &events)?;
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
    let there: Vec<Image> = {
        let mut others = listings;
        others.images.retain(|image| image.id != MINIMAL);
        let ids = others
            .add_to(&mut catalogue, &mut requested.workload.universe, &loaded.index)
            .map_err(|source| Failure::Images {
                path: arguments.images.clone().unwrap_or_default(),
                source,
            })?;
        ids.into_iter().filter_map(|id| catalogue.get(id).cloned()).collect()
    };

    let workload = &requested.workload;
    let learned = Learned::from(&loaded.index, &mut past)?;
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
    let decided = replay.decided(&replayed.images, policy.as_mut());
    let sets: Vec<PackageSet> = decided.iter().map(|image| image.packages.clone()).collect();
    let start: Vec<PackageSet> = there.iter().map(|image| image.packages.clone()).collect();

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
    let worth = problem.worth(&sets);
    let name = policy.name();
    let mut taken: Vec<String> = Vec::new();
    let images: Vec<Generated> = decided
        .iter()
        .zip(worth)
        .map(|(image, worth)| {
            let set = &image.packages;
            let known = there.iter().find(|other| other.packages == *set);
            let known = known.map(|image| image.id.clone());
            let exists = known.is_some();
            let id = known.unwrap_or_else(|| free_name(&name, &there, &taken));
            taken.push(id.clone());
            let mut adds: Vec<(PackageVersionId, f64)> = set
                .difference(&workload.minimal)
                .map(|id| (id, packages.get(id)))
                .map(|(id, cost)| (id, cost.unpack_seconds + cost.configure_seconds))
                .collect();
            adds.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let listing =
                ImageListing { id, bytes: image.bytes, packages: names(&workload.universe, set) };
            Generated { listing, exists, worth, adds }
        })
        .collect();
    let kept = |set: &PackageSet| sets.contains(set);
    let answer = Answer {
        policy: name,
        requests: requested.order.len(),
        failed_requests: requested.failed,
        nodes,
        budget_bytes: arguments.budget.bytes(),
        bytes: images.iter().map(|image| image.listing.bytes).sum(),
        strategies,
        mean_seconds_minimal: problem.mean_seconds(&[]),
        mean_seconds_before: problem.mean_seconds(&start),
        mean_seconds: problem.mean_seconds(&sets),
        evict: there
            .iter()
            .filter(|image| !kept(&image.packages))
            .map(|image| image.id.clone())
            .collect(),
        images,
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

/// A name that no image has: the policy's, and a number.
fn free_name(policy: &str, there: &[Image], taken: &[String]) -> String {
    let stem = policy.split(':').next().unwrap_or(policy);
    let used = |name: &String| taken.contains(name) || there.iter().any(|image| image.id == *name);
    let mut number = 1;
    loop {
        let name = format!("{stem}-{number}");
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
fn weighted(requested: &Requested) -> Vec<WeightedTarget> {
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
        counted(answer.images.len(), "image"),
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
            "image", "packages", "size", "serves", "saves", "loss", "building"
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
            "\nserves: share of the requests that are built from it; saves: seconds each of these takes \
             less than from\nthe minimal image; loss: seconds the mean build would take longer without \
             it; building: seconds of the head node"
        )?;
    }
    for id in &answer.evict {
        writeln!(out, "evict {id}")?;
    }
    Ok(())
}

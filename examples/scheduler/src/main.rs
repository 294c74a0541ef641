//! Prints where the clusters of the example's scenario go, and when they would be ready.

use std::error::Error;
use std::process::ExitCode;

use vclust_example_scheduler::{Cost, Placement, Problem, Scenario, first_fit, place, predict};
use vclust_grid::PackageSource;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let scenario = Scenario::shipped()?;
    let files: Vec<String> = std::env::args().skip(1).collect();
    let source =
        if files.is_empty() { PackageSource::of_machine() } else { PackageSource::of_files(files) };
    let predictions = predict(&source, &scenario)?;
    let problem = Problem::of(&scenario, &predictions);
    let placement = place(&problem);

    println!(
        "{:<11} {:>5} {:>8}  {:<8} {:<14} {:<22} {:>8} {:>8}",
        "cluster", "nodes", "memory", "site", "hosts", "how", "takes", "ready"
    );
    for (number, site) in scenario.sites.iter().enumerate() {
        let there = placement.on_site(number);
        let hosts = problem.pack_site(number, &there).ok_or("a site has more than it holds")?;
        for (cluster, ready) in problem.schedule(number, &there) {
            let spec = &scenario.clusters[cluster];
            let prediction = &predictions[cluster][number];
            let place = there.iter().position(|one| *one == cluster).ok_or("a cluster is lost")?;
            println!(
                "{:<11} {:>5} {:>8}  {:<8} {:<14} {:<22} {:>6.1} s {:>6.1} s",
                spec.name,
                spec.nodes,
                spec.memory.to_string(),
                site.name,
                nodes_by_host(&hosts[place]),
                format!("{} of {}", prediction.strategy, prediction.root),
                prediction.seconds,
                ready,
            );
        }
    }
    for (spec, site) in scenario.clusters.iter().zip(&placement.site_of) {
        if site.is_none() {
            println!(
                "{:<11} {:>5} {:>8}  has no place",
                spec.name,
                spec.nodes,
                spec.memory.to_string()
            );
        }
    }
    report("first fit", &problem, &first_fit(&problem));
    report("this placement", &problem, &placement);
    Ok(())
}

/// Nodes by host, such as `0:2 3:1`.
fn nodes_by_host(places: &[usize]) -> String {
    let mut counted: Vec<(usize, usize)> = Vec::new();
    for place in places {
        match counted.iter_mut().find(|(host, _)| host == place) {
            Some((_, nodes)) => *nodes += 1,
            None => counted.push((*place, 1)),
        }
    }
    counted.sort_unstable();
    let words: Vec<String> =
        counted.iter().map(|(host, nodes)| format!("{host}:{nodes}")).collect();
    words.join(" ")
}

fn report(name: &str, problem: &Problem, placement: &Placement) {
    let Cost { unplaced, ready_seconds } = problem.cost(placement);
    let placed = problem.clusters.len() - unplaced;
    println!(
        "{name}: {placed} of {} clusters have a place, and are ready after {:.1} s on average",
        problem.clusters.len(),
        ready_seconds / placed.max(1) as f64
    );
}

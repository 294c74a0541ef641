//! The two configurations of the paper that vclust builds on, resolved against this machine's
//! Debian suite: what each adds to a minimal root, what they share, and how long it took.
//!
//! `cargo run --release -p vclust-debian --example paper_configurations`

use std::error::Error;
use std::time::Instant;

use vclust_core::{
    Closure, FileOrigin, Index, MetaPackages, Policy, Request, VersionView, shared_versions,
};
use vclust_debian::{AptConfiguration, SourceKind, open_index};

/// Packages and megabytes of .debs, as the paper gives them.
const OF_THE_PAPER: [(&str, u32, f64); 2] =
    [("configuration 1", 47, 18.0), ("configuration 2", 51, 25.3)];
const SHARED_OF_THE_PAPER: (u32, f64) = (38, 9.9);

fn main() -> Result<(), Box<dyn Error>> {
    let apt = AptConfiguration::load()?;
    let policy = Policy::with_pins(apt.pins()?);
    let start = Instant::now();
    let empty = load(&apt, None)?;
    let minimal = Request::minimal_root(&empty).resolve(&empty, &policy)?;
    let index = load(&apt, Some(minimal.status_file()))?;
    println!(
        "{} packages in {} index files; a minimal root holds {} of them, {:.1} MB to download, \
         {:.1} MB installed ({:.0} ms)\n",
        index.package_count(),
        index.files().count() - 1,
        minimal.len(),
        megabytes(minimal.download_bytes()),
        megabytes(minimal.installed_bytes()),
        milliseconds(start),
    );

    let units = MetaPackages::shipped();
    let mut closures: Vec<Closure<'_>> = Vec::new();
    println!(
        "{:<40}{:>9}{:>9}{:>12}{:>11}{:>22}",
        "added to a minimal root", "packages", "MB", "MB unpacked", "ms", "paper (2006)"
    );
    for (number, (_, packages, size)) in OF_THE_PAPER.iter().enumerate() {
        let id = format!("paper-configuration-{}", number + 1);
        let title = units.get(&id).ok_or("a configuration is missing")?.title();
        let items = units.expand_names(&index, &[format!("meta:{id}")], false)?;
        let start = Instant::now();
        let closure = Request::new(items).resolve(&index, &policy)?;
        let took = milliseconds(start);
        println!(
            "{:<40}{:>9}{:>9.1}{:>12.1}{:>11.1}{:>22}",
            title.chars().take(39).collect::<String>(),
            closure.len(),
            megabytes(closure.download_bytes()),
            megabytes(closure.installed_bytes()),
            took,
            format!("{packages} packages, {size:.1} MB"),
        );
        closures.push(closure);
    }
    let shared = shared_versions(&closures);
    println!(
        "{:<40}{:>9}{:>9.1}{:>12.1}{:>11}{:>22}",
        "shared by both",
        shared.len(),
        megabytes(shared.iter().map(VersionView::size).sum()),
        megabytes(shared.iter().map(VersionView::installed_size).sum()),
        "",
        format!("{} packages, {:.1} MB", SHARED_OF_THE_PAPER.0, SHARED_OF_THE_PAPER.1),
    );
    Ok(())
}

fn load(apt: &AptConfiguration, status: Option<Vec<u8>>) -> Result<Index, Box<dyn Error>> {
    let mut builder = Index::builder(apt.architecture());
    let lists = apt.lists(SourceKind::Binary)?;
    if lists.is_empty() {
        return Err("apt has no package lists; run `apt-get update`".into());
    }
    for list in lists {
        let name = list.path.display().to_string();
        builder.packages(open_index(&list.path)?, FileOrigin::of_suite(name, list.suite()))?;
    }
    if let Some(status) = status {
        builder.status(status, FileOrigin::named("minimal root"));
    }
    Ok(builder.build()?)
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}

//! Packages are loaded and searched, and clusters planned, as whoever embeds vclust does it.

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;
use vclust_core::{
    ClusterSpec, Event, History, HistoryStore, ImageKind, ImageListing, ImageListings,
    PackageVersion, Phase, PhaseEvent, RequestEvent, Strategy,
};
use vclust_debian::StateDirectory;
use vclust_grid::{
    ClusterPlanError, ClusterPlanner, KnownEvents, KnownImages, PackageSearch, PackageSource,
    PackagesError, PastEvents, ReplayOrder, ResolvedRequests, RootState,
};

const PACKAGES: &str = "\
Package: base\nEssential: yes\nVersion: 1\nArchitecture: amd64\nSize: 9\nDescription: of all\n\n\
Package: apt\nVersion: 2\nArchitecture: amd64\nDepends: base\nSize: 5\nDescription: installs\n\n\
Package: tool\nVersion: 3\nArchitecture: amd64\nDepends: library\nSize: 7\nDescription: a Tool\n\n\
Package: library\nVersion: 4\nArchitecture: all\nSize: 8\nDescription: for the tool\n";

struct Site {
    directory: TempDir,
    planner: ClusterPlanner,
}

fn site() -> Site {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("Packages");
    std::fs::write(&file, PACKAGES).expect("a file");
    let planner = ClusterPlanner {
        state: Some(StateDirectory::at(directory.path().join("state"))),
        source: PackageSource {
            architecture: Some("amd64".to_owned()),
            ..PackageSource::of_files([file])
        },
        ..ClusterPlanner::default()
    };
    Site { directory, planner }
}

fn spec(text: &str) -> ClusterSpec {
    ClusterSpec::parse(&format!("name = \"c\"\nnodes = 4\n{text}")).expect("a spec")
}

fn boot(second: u32, seconds: f64) -> Event {
    Event::Phase(PhaseEvent {
        at: format!("2026-11-23T02:30:{second:02}Z").parse().expect("a moment"),
        site: "here".to_owned(),
        cluster: "c".to_owned(),
        strategy: "install".to_owned(),
        phase: Phase::Boot,
        nodes: 4,
        seconds,
        hypervisor: Some("qemu".to_owned()),
        memory_bytes: Some(320 << 20),
        bytes: None,
    })
}

#[test]
fn a_site_without_anything_plans_from_the_minimal_root() {
    let Site { directory, planner } = site();
    let plan = planner.plan(spec("packages = [\"tool\"]"), &|_| ()).expect("a plan");
    assert_eq!(plan.closure.request, ["tool"]);
    let names: Vec<&str> = plan.closure.install.iter().map(|added| &*added.package).collect();
    assert_eq!((names, plan.closure.download_bytes), (vec!["library", "tool"], 15));
    assert_eq!(plan.selection.considered, Strategy::ALL.len());
    assert_eq!(plan.feasible(), plan.selection.best());
    assert!(!directory.path().join("state").exists(), "planning makes nothing");
}

#[test]
fn a_plan_on_a_loaded_index_is_the_same_plan() {
    let Site { planner, directory: _directory } = site();
    let root = planner.root().expect("no repository");
    assert_eq!(root, RootState::Minimal);
    let loaded = Arc::new(planner.source.load(&root, &|_| ()).expect("an index"));
    let wanted = spec("packages = [\"tool\"]");
    let on = planner.plan_on(wanted.clone(), Arc::clone(&loaded)).expect("a plan");
    let alone = planner.plan(wanted, &|_| ()).expect("a plan");
    assert_eq!((on.selection, on.closure), (alone.selection, alone.closure));
}

#[test]
fn given_images_and_events_are_what_a_plan_is_made_of() {
    let Site { mut planner, directory: _directory } = site();
    let names = [("base", "1"), ("apt", "2"), ("library", "4"), ("tool", "3")];
    let packages = names.map(|(package, version)| PackageVersion {
        package: package.to_owned(),
        version: version.to_owned(),
    });
    planner.images = KnownImages::Given(ImageListings {
        images: vec![ImageListing {
            id: "tools".to_owned(),
            kind: ImageKind::Image,
            bytes: 1000,
            packages: packages.to_vec(),
        }],
    });
    let wanted = "packages = [\"tool\"]\n[deploy]\nstrategy = \"install\"\n";
    let before = planner.plan(spec(wanted), &|_| ()).expect("a plan");
    assert_eq!(before.selection.best().image, "tools");
    let mut history = History::default();
    history.append(&(0..30).map(|second| boot(second, 500.0)).collect::<Vec<_>>()).expect("events");
    planner.events = KnownEvents::Given(history);
    let after = planner.plan(spec(wanted), &|_| ()).expect("a plan");
    let seconds = after.selection.best().total.seconds;
    assert!(seconds > before.selection.best().total.seconds + 100.0, "{seconds}");
}

#[test]
fn what_is_wrong_is_told_by_what_it_is_about() {
    let Site { mut planner, directory } = site();
    let error = planner.plan(spec("packages = [\"tol\"]"), &|_| ()).expect_err("no such package");
    assert!(matches!(error, ClusterPlanError::Resolve(_)), "{error}");
    let missing = directory.path().join("images.json");
    planner.images = KnownImages::File(missing.clone());
    let error = planner.plan(spec(""), &|_| ()).expect_err("no such file");
    assert_eq!(error.to_string(), format!("cannot read {}", missing.display()));
    planner.source = PackageSource::of_files([PathBuf::from("/nonexistent/Packages")]);
    let error = planner.plan(spec(""), &|_| ()).expect_err("no such file");
    assert!(matches!(error, ClusterPlanError::Packages(PackagesError::IndexFile(_))), "{error}");
}

#[test]
fn a_search_looks_at_names_and_descriptions() {
    let Site { planner, directory: _directory } = site();
    let loaded = planner.source.load(&RootState::Empty, &|_| ()).expect("an index");
    let find = |patterns: &[&str], names_only| -> Vec<String> {
        let search = PackageSearch::new(patterns.iter().copied()).expect("patterns");
        let found = search.names_only(names_only).find(&loaded);
        found.iter().map(|version| version.name().into_owned()).collect()
    };
    assert_eq!(find(&["TOOL"], false), ["library", "tool"]);
    assert_eq!(find(&["tool"], true), ["tool"]);
    assert_eq!(find(&["tool", "for the"], false), ["library"]);
    let error = PackageSearch::new(["("]).expect_err("no pattern");
    assert_eq!(error.to_string(), "`(` is not a regular expression");
}

#[test]
fn requests_are_replayed_through_a_policy() {
    let Site { planner, directory: _directory } = site();
    let loaded = planner.source.load(&RootState::Minimal, &|_| ()).expect("an index");
    let request = |second: u32, package: &str| RequestEvent {
        at: format!("2026-11-23T02:30:{second:02}Z").parse().expect("a moment"),
        site: "here".to_owned(),
        nodes: 4,
        packages: vec![package.to_owned()],
    };
    let events =
        [request(1, "tool"), request(2, "gone"), request(3, "tool"), request(4, "library")];
    let units = &planner.meta_packages;
    let (distinct, order) = ResolvedRequests::distinct(&loaded.index, units, &events);
    assert_eq!((distinct.len(), order), (3, vec![0, 1, 0, 2]));
    let (distinct, order) = ResolvedRequests::distinct(&loaded.index, units, &events);
    let resolved = ResolvedRequests::resolve(&loaded, &distinct, &order, &|| ());
    assert_eq!((resolved.order.len(), resolved.failed), (3, 1));
    let learned = PastEvents::Given(History::default()).learn(&loaded.index).expect("in memory");
    let order = |policy: &str, budget| ReplayOrder {
        policy: policy.to_owned(),
        nodes: 4,
        budget,
        strategies: vec![Strategy::Layers],
        site: "here".to_owned(),
        started_together: 4,
    };
    let kept = resolved.replay(&learned, &order("keep-used", 1 << 40)).expect("a replay");
    assert_eq!(kept.outcome.requests, 3);
    assert!(kept.kept.images.iter().all(|image| image.id.starts_with("keep-used")));
    assert!(!kept.kept.images.is_empty());
    let nothing = resolved.replay(&learned, &order("keep-used", 0)).expect("a replay");
    assert!(nothing.kept.images.is_empty() && nothing.outcome.minimal > 0.99);
    assert!(resolved.replay(&learned, &order("none", 0)).is_err());
}

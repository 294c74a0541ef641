//! The install estimator as its users meet it: costs that add up, histories of every size, and
//! input that would poison a careless fit.

use vclust_core::{
    Estimator, FileOrigin, Index, InstallEstimator, InstallEvent, InstallStatistics, InstallTask,
    PackageVersion, Priors, RunCost, Step, StepKind,
};

const NAMES: [&str; 6] = ["locales", "zlib1g-dev", "made-up-a", "made-up-b", "gcc-12", "libgomp1"];

fn index() -> Index {
    let stanza = |(at, name): (usize, &&str)| {
        let (size, installed) = (100_000 * (at + 1), 400 * (at + 1));
        format!(
            "Package: {name}\nVersion: 1\nArchitecture: amd64\nSize: {size}\n\
             Installed-Size: {installed}\n\n"
        )
    };
    let text = NAMES.iter().enumerate().map(stanza).collect::<Vec<_>>().concat();
    let mut builder = Index::builder("amd64");
    builder.packages(text, FileOrigin::named("Packages")).expect("readable stanzas");
    builder.build().expect("a consistent index")
}

fn packages(names: &[&str]) -> Vec<PackageVersion> {
    let version = |name: &&str| PackageVersion { package: (*name).into(), version: "1".into() };
    names.iter().map(version).collect()
}

/// A run of dpkg whose unpacking takes `unpack` seconds a package.
fn run(second: usize, names: &[&str], nodes: u32, unpack: f64) -> InstallEvent {
    let step = |step, name: &&str, seconds| Step { step, package: (*name).into(), seconds };
    let mut steps = Vec::new();
    for name in names {
        steps.push(step(StepKind::Unpack, name, unpack));
        steps.push(step(StepKind::Configure, name, 0.01));
    }
    InstallEvent {
        at: format!("2026-11-23T02:{:02}:{:02}Z", second / 60, second % 60)
            .parse()
            .expect("a moment"),
        site: "a".into(),
        nodes,
        packages: packages(names),
        seconds: steps.iter().map(|step| step.seconds).sum::<f64>() + 0.03,
        hypervisor: None,
        request: Vec::new(),
        unpack_seconds: None,
        configure_seconds: None,
        steps,
    }
}

fn without_steps(event: &InstallEvent) -> InstallEvent {
    InstallEvent { steps: Vec::new(), ..event.clone() }
}

#[test]
fn costs_of_packages_add_up_to_the_estimate_of_their_run() {
    let index = index();
    let mut estimator = InstallEstimator::new(&index, Priors::shipped());
    for learned in 0..6 {
        let event =
            run(learned, &NAMES[learned % 3..learned % 3 + 3], 1 + learned as u32 % 3, 0.05);
        let event = if learned % 2 == 0 { event } else { without_steps(&event) };
        for nodes in [1, 16] {
            for names in [&NAMES[..], &NAMES[2..4], &NAMES[..1]] {
                let task = InstallTask { packages: packages(names), nodes };
                let whole = estimator.estimate(&task).expect("an estimate");
                let sum: RunCost =
                    task.packages.iter().map(|package| estimator.package_cost(package)).collect();
                assert_eq!(estimator.run_estimate(&sum, nodes), whole);
                let RunCost { unpack_seconds, configure_seconds, activates_ldconfig, .. } = sum;
                let scale = estimator.run_scale(nodes);
                let seconds = scale.seconds(
                    names.len(),
                    unpack_seconds,
                    configure_seconds,
                    activates_ldconfig,
                );
                assert!((seconds / whole.seconds - 1.0).abs() < 1e-12);
                assert!(0.0 <= whole.low && whole.low < seconds && seconds < whole.high);
            }
        }
        estimator.learn(&[&event]);
    }
}

#[test]
fn what_was_learned_survives_being_written_and_read() {
    let index = index();
    let mut learned = InstallEstimator::new(&index, Priors::shipped());
    let mut events: Vec<InstallEvent> = (0..40)
        .map(|at| run(at, &NAMES[at % 4..at % 4 + 3], 1 + at as u32 % 2, 0.03 + 0.001 * at as f64))
        .collect();
    events.extend((40..50).map(|at| without_steps(&run(at, &NAMES[..2], 1, 0.05))));
    learned.learn(&events.iter().collect::<Vec<_>>());
    learned.refit();
    let text = serde_json::to_string(learned.statistics()).expect("numbers");
    let read: InstallStatistics = serde_json::from_str(&text).expect("the same numbers");
    assert_eq!((read.runs(), read.packages()), (50, NAMES.len()));
    let mut again = InstallEstimator::with_statistics(&index, Priors::shipped(), read);
    let task = InstallTask { packages: packages(&NAMES), nodes: 3 };
    let close = |a: &InstallEstimator<'_>, b: &InstallEstimator<'_>| {
        let [a, b] = [a, b].map(|it| it.estimate(&task).expect("an estimate"));
        (a.seconds / b.seconds - 1.0).abs() < 1e-9 && (a.high / b.high - 1.0).abs() < 1e-9
    };
    assert!(close(&learned, &again));
    // And both go on learning alike.
    let next = run(50, &NAMES[..4], 2, 0.08);
    learned.learn(&[&next]);
    again.learn(&[&next]);
    assert!(close(&learned, &again));
}

#[test]
fn one_event_at_a_time_or_all_at_once_teaches_the_same() {
    let index = index();
    let events: Vec<InstallEvent> =
        (0..50).map(|at| run(at, &NAMES[at % 4..at % 4 + 3], 1, 0.05)).collect();
    let mut together = InstallEstimator::new(&index, Priors::shipped());
    together.learn(&events.iter().collect::<Vec<_>>());
    let mut apart = InstallEstimator::new(&index, Priors::shipped());
    for event in &events {
        apart.learn(&[event]);
    }
    together.refit();
    apart.refit();
    let task = InstallTask { packages: packages(&NAMES), nodes: 1 };
    let [a, b] = [&together, &apart].map(|it| it.estimate(&task).expect("an estimate"));
    assert!((a.seconds / b.seconds - 1.0).abs() < 1e-9, "{a:?} {b:?}");
}

#[test]
fn the_size_of_what_was_learned_does_not_grow_with_the_number_of_events() {
    let index = index();
    let mut estimator = InstallEstimator::new(&index, Priors::shipped());
    let size = |estimator: &InstallEstimator<'_>| {
        serde_json::to_string(estimator.statistics()).expect("numbers").len()
    };
    let mut sizes = Vec::new();
    for _ in 0..3 {
        let events: Vec<InstallEvent> =
            (0..300).map(|at| run(at, &NAMES[at % 4..at % 4 + 3], 1, 0.05)).collect();
        estimator.learn(&events.iter().collect::<Vec<_>>());
        sizes.push(size(&estimator));
    }
    // A digit more for a count, no more.
    assert!(sizes[2] < sizes[0] + 50, "{sizes:?}");
}

#[test]
fn without_history_and_with_a_single_event_there_are_wide_intervals() {
    let index = index();
    let mut estimator = InstallEstimator::new(&index, Priors::shipped());
    let task = InstallTask { packages: packages(&NAMES[..3]), nodes: 1 };
    let width = |estimator: &InstallEstimator<'_>| {
        let estimate = estimator.estimate(&task).expect("an estimate");
        assert!(estimate.seconds > 0.05 && estimate.seconds < 10.0, "{estimate:?}");
        (estimate.high - estimate.low) / estimate.seconds
    };
    let before = width(&estimator);
    estimator.learn(&[]);
    assert!((width(&estimator) - before).abs() < 1e-12 && before > 1.0, "{before}");
    estimator.learn(&[&run(0, &NAMES[..3], 1, 0.05)]);
    let after = width(&estimator);
    assert!(after < before && after > 0.2, "{after}");
}

#[test]
fn no_nodes_no_packages_and_vanished_packages_have_defined_answers() {
    let index = index();
    let mut estimator = InstallEstimator::new(&index, Priors::shipped());
    let task = |names: &[&str], nodes| InstallTask { packages: packages(names), nodes };
    assert_eq!(estimator.estimate(&task(&NAMES, 0)), None);
    let nothing = estimator.run_estimate(&RunCost::default(), 4);
    assert!(nothing.seconds.abs() < 1e-300 && nothing.high.abs() < 1e-300);
    assert_eq!(estimator.estimate(&task(&[], 4)), Some(nothing));
    // Never seen and in no index: taken for a small package, until it is measured.
    let vanished = task(&["no-such-package", "gone:arm64"], 1);
    let before = estimator.estimate(&vanished).expect("an estimate").seconds;
    assert!(before > 0.02 && before < 1.0, "{before}");
    for at in 0..5 {
        estimator.learn(&[&run(at, &["no-such-package", "gone:arm64"], 1, 2.0)]);
    }
    let after = estimator.estimate(&vanished).expect("an estimate");
    assert!((after.seconds / 4.05 - 1.0).abs() < 0.15, "{after:?}");
}

#[test]
fn impossible_events_teach_nothing() {
    let index = index();
    let mut estimator = InstallEstimator::new(&index, Priors::shipped());
    estimator.learn(&[&run(0, &NAMES[..3], 1, 0.05)]);
    let known = estimator.statistics().clone();
    let good = run(1, &NAMES[..3], 1, 0.05);
    let mut bad = Vec::new();
    for seconds in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e9] {
        bad.push(InstallEvent { seconds, ..good.clone() });
        let mut steps = good.steps.clone();
        steps[0].seconds = if seconds.abs() < 1e-9 { -0.5 } else { seconds };
        bad.push(InstallEvent { steps, ..good.clone() });
    }
    bad.push(InstallEvent { nodes: 0, ..good.clone() });
    bad.push(InstallEvent { packages: Vec::new(), ..good.clone() });
    let twice = packages(&[NAMES[0], NAMES[0]]);
    bad.push(InstallEvent { packages: twice, steps: Vec::new(), ..good.clone() });
    estimator.learn(&bad.iter().collect::<Vec<_>>());
    assert_eq!(estimator.statistics(), &known);
    estimator.learn(&[&good]);
    assert_ne!(estimator.statistics(), &known);
}

#[test]
fn a_few_wild_runs_move_estimates_little() {
    let index = index();
    let task = InstallTask { packages: packages(&NAMES), nodes: 1 };
    let learned = |wild: usize| {
        let mut estimator = InstallEstimator::new(&index, Priors::shipped());
        for at in 0..40 {
            let seconds = if at % 10 < wild { 50.0 } else { 0.05 };
            estimator.learn(&[&run(at, &NAMES, 1, seconds)]);
        }
        estimator.refit();
        estimator.estimate(&task).expect("an estimate").seconds
    };
    let (calm, wild) = (learned(0), learned(1));
    assert!((wild / calm - 1.0).abs() < 0.1, "{calm} {wild}");
}

#[test]
fn many_nodes_at_once_take_longer_and_the_site_says_how_much() {
    let index = index();
    let task = |nodes| InstallTask { packages: packages(&NAMES), nodes };
    let mut estimator = InstallEstimator::new(&index, Priors::shipped());
    let ratio = |estimator: &InstallEstimator<'_>| {
        let [one, many] = [1, 64].map(|nodes| estimator.estimate(&task(nodes)).expect("one"));
        many.seconds / one.seconds
    };
    let shipped = ratio(&estimator);
    assert!(shipped > 2.0 && shipped < 8.0, "{shipped}");
    for at in 0..40 {
        let nodes = [1, 8, 32, 64][at % 4];
        let slower = f64::from(nodes).powf(0.1);
        let mut event = run(at, &NAMES, nodes, 0.05);
        event.seconds *= slower;
        event.steps.iter_mut().for_each(|step| step.seconds *= slower);
        estimator.learn(&[&event]);
    }
    let learned = ratio(&estimator);
    assert!((learned / 64_f64.powf(0.1) - 1.0).abs() < 0.2, "{learned}");
    let one = estimator.estimate(&task(1)).expect("an estimate").seconds;
    assert!((one / 0.39 - 1.0).abs() < 0.1, "{one}");
}

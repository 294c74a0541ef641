//! The install estimator as its users meet it: costs that add up, histories of every size, and
//! input that would poison a careless fit.

use vclust_core::{
    Estimator, FileOrigin, Index, InstallEstimator, InstallEvent, InstallTask, PackageVersion,
    Priors, RunCost, Step, StepKind,
};

const NAMES: [&str; 6] = ["locales", "zlib1g-dev", "made-up-a", "made-up-b", "gcc-12", "libgomp1"];

fn index() -> Index {
    let mut text = String::new();
    for (at, name) in NAMES.iter().enumerate() {
        let (size, installed) = (100_000 * (at + 1), 400 * (at + 1));
        text += &format!(
            "Package: {name}\nVersion: 1\nArchitecture: amd64\nSize: {size}\n\
             Installed-Size: {installed}\n\n"
        );
    }
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

//! Debugging.
use vclust_benches::{Recorded, split_by_run};
use vclust_core::*;
fn main() {
    let recorded = Recorded::read();
    let all: Vec<&InstallEvent> = recorded.history.installs().collect();
    let mut splits: Vec<(
        String,
        Vec<&InstallEvent>,
        Vec<&InstallEvent>,
        std::collections::BTreeSet<&str>,
    )> = Vec::new();
    for seed in 0..24 {
        let s = split_by_run(recorded.history.installs(), seed + 5000, 0.0);
        splits.push((format!("split{seed}"), s.train, s.test, s.unseen));
    }
    let odd: Vec<_> = all.iter().step_by(2).copied().collect();
    let even: Vec<_> = all.iter().skip(1).step_by(2).copied().collect();
    splits.push(("oddeven".into(), odd.clone(), even.clone(), Default::default()));
    splits.push(("evenodd".into(), even, odd, Default::default()));
    let mode = std::env::args().nth(1).unwrap_or_default();
    for (name, train, test, unseen) in &splits {
        let priors = if mode == "unmeasured" {
            Priors::shipped().without_measurements_of(unseen.iter().copied())
        } else {
            Priors::shipped()
        };
        let bare: Vec<InstallEvent> =
            train.iter().map(|r| InstallEvent { steps: Vec::new(), ..(*r).clone() }).collect();
        let mut e = InstallEstimator::new(&recorded.index, priors);
        if mode == "bare" {
            e.learn(&bare.iter().collect::<Vec<_>>());
        } else {
            e.learn(train);
        }
        let misses = e.debug_misses();
        let names: std::collections::BTreeSet<&str> =
            train.iter().flat_map(|r| r.packages.iter().map(|p| p.package.as_str())).collect();
        print!("M {name}");
        for m in misses {
            print!(" {},{},{}", m.0, m.1, m.2);
        }
        println!();
        for run in test.iter() {
            let t = InstallTask::from(*run);
            let (s, p, k) = e.debug_parts(&t);
            let est = e.estimate(&t).unwrap();
            let un = run.packages.iter().filter(|p| !names.contains(p.package.as_str())).count()
                as f64
                / run.packages.len() as f64;
            println!(
                "T {name} {s} {p} {k} {} {} {} {un} {} {}",
                run.seconds,
                est.low,
                est.high,
                run.packages.len(),
                run.request.join(",")
            );
        }
    }
}

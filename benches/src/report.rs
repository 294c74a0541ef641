//! The accuracy of the install estimators over many splits of the recorded runs.

use std::collections::BTreeMap;

use vclust_core::{
    Accuracy, Estimate, Estimator, FileOrigin, History, Index, InstallEstimator, InstallEvent,
    InstallLine, InstallTask, OnError, Priors,
};

use crate::split::{Split, split_by_run};

/// The recorded installs: see `benches/data/README.md`.
const INSTALLS: &str = include_str!("../data/installs.jsonl");
/// The stanzas of their packages.
const PACKAGES: &[u8] = include_bytes!("../data/packages");

/// The recorded runs with the index of their packages.
#[derive(Debug)]
pub struct Recorded {
    /// The index.
    pub index: Index,
    /// The runs.
    pub history: History,
}

impl Recorded {
    /// Reads the data that is part of this crate.
    ///
    /// # Panics
    ///
    /// If that data is damaged.
    #[must_use]
    pub fn read() -> Self {
        let mut builder = Index::builder("amd64");
        builder.packages(PACKAGES, FileOrigin::named("packages")).expect("readable stanzas");
        let (history, _) =
            History::parse(INSTALLS.as_bytes(), OnError::Stop).expect("possible events");
        Self { index: builder.build().expect("a consistent index"), history }
    }

    /// Accuracy of each estimator over `trials` splits by run from `seed` on, predicting the runs
    /// of whose packages a share of at least `unseen` was not in training.
    #[must_use]
    pub fn accuracies(&self, trials: u64, seed: u64, unseen: f64) -> Vec<Accuracy> {
        let mut pairs: [Vec<(Option<Estimate>, f64)>; 5] = Default::default();
        for trial in 0..trials {
            let split = split_by_run(self.history.installs(), seed * 1000 + trial, unseen);
            let bare: Vec<InstallEvent> =
                split.train.iter().map(|run| without_steps(run)).collect();
            let priors = || Priors::shipped().without_measurements_of(split.unseen.iter().copied());
            let ours = |priors| InstallEstimator::new(&self.index, priors);
            pairs[0].extend(asked(InstallLine::new(&self.index), &split.train, &split));
            pairs[1].extend(asked(ours(priors()), &split.train, &split));
            pairs[2].extend(asked(ours(Priors::shipped()), &split.train, &split));
            let bare: Vec<&InstallEvent> = bare.iter().collect();
            pairs[3].extend(asked(ours(Priors::shipped()), &bare, &split));
            pairs[4].extend(asked(ours(Priors::shipped()), &[], &split));
        }
        let names = [
            "paper: line over .deb size",
            "vclust, unseen packages measured nowhere",
            "vclust",
            "vclust, history without steps",
            "vclust, no history",
        ];
        names.iter().zip(&pairs).map(|(name, pairs)| Accuracy::of(name, pairs)).collect()
    }

    /// Accuracy of ours over the same splits, where each distinct set counts once, however many
    /// splits and repeats predicted it: by its mean relative error.
    #[must_use]
    pub fn accuracy_by_set(&self, trials: u64, seed: u64, unseen: f64) -> Accuracy {
        let mut sets: BTreeMap<Vec<&str>, Vec<(f64, bool)>> = BTreeMap::new();
        for trial in 0..trials {
            let split = split_by_run(self.history.installs(), seed * 1000 + trial, unseen);
            let ours = InstallEstimator::new(&self.index, Priors::shipped());
            for (run, (estimate, seconds)) in
                split.test.iter().zip(asked(ours, &split.train, &split))
            {
                let mut names: Vec<_> = run.packages.iter().map(|p| p.package.as_str()).collect();
                names.sort_unstable();
                let Some(estimate) = estimate else { continue };
                let error = (estimate.seconds / seconds - 1.0).abs();
                sets.entry(names).or_default().push((error, estimate.covers(seconds)));
            }
        }
        let pairs: Vec<_> = sets
            .values()
            .map(|runs| {
                let count = runs.len() as f64;
                let error = runs.iter().map(|(error, _)| error).sum::<f64>() / count;
                let inside = runs.iter().filter(|(_, covered)| *covered).count() as f64 / count;
                // A set counts as inside if most of its runs are.
                let low = if inside >= 0.5 { 0.0 } else { 1.0 + error };
                (Some(Estimate { seconds: 1.0 + error, low, high: 2.0 + error }), 1.0)
            })
            .collect();
        Accuracy::of("vclust, each set once", &pairs)
    }

    /// Accuracy of each estimator that learned from every second run and predicts the others: from
    /// the first, third and so on, then the other way round. Repeats of a set fall on both sides.
    #[must_use]
    pub fn halves(&self) -> [Vec<Accuracy>; 2] {
        let (odd, even): (Vec<_>, Vec<_>) =
            self.history.installs().enumerate().partition(|(at, _)| at % 2 == 0);
        let runs = |half: &[(usize, &'_ InstallEvent)]| -> Vec<InstallEvent> {
            half.iter().map(|(_, run)| (*run).clone()).collect()
        };
        let (odd, even) = (runs(&odd), runs(&even));
        [(&odd, &even), (&even, &odd)].map(|(train, test)| {
            let train: Vec<&InstallEvent> = train.iter().collect();
            let test: Vec<_> =
                test.iter().map(|run| (InstallTask::from(run), run.seconds)).collect();
            let mut line = InstallLine::new(&self.index);
            let mut ours = InstallEstimator::new(&self.index, Priors::shipped());
            line.learn(&train);
            ours.learn(&train);
            vec![Accuracy::of_estimator(&line, &test), Accuracy::of_estimator(&ours, &test)]
        })
    }

    /// How repeats of the same set differ: no estimator can be better than that.
    #[must_use]
    pub fn noise(&self) -> Accuracy {
        let names = |run: &InstallEvent| {
            let mut names: Vec<_> = run.packages.iter().map(|p| p.package.clone()).collect();
            names.sort_unstable();
            names
        };
        let runs: Vec<_> = self.history.installs().map(|run| (names(run), run.seconds)).collect();
        let mut pairs = Vec::new();
        for (at, (names, seconds)) in runs.iter().enumerate() {
            for (_, before) in runs[..at].iter().filter(|(earlier, _)| earlier == names) {
                let estimate = Estimate { seconds: *seconds, low: 0.0, high: 0.0 };
                pairs.push((Some(estimate), *before));
            }
        }
        Accuracy::of("noise: pairs of repeats", &pairs)
    }
}

fn without_steps(event: &InstallEvent) -> InstallEvent {
    InstallEvent { steps: Vec::new(), ..event.clone() }
}

fn asked<E: Estimator<Task = InstallTask, Event = InstallEvent>>(
    mut estimator: E,
    train: &[&InstallEvent],
    split: &Split<'_>,
) -> Vec<(Option<Estimate>, f64)> {
    estimator.learn(train);
    let tests = split.test.iter();
    tests.map(|run| (estimator.estimate(&InstallTask::from(*run)), run.seconds)).collect()
}

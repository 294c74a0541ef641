//! The coefficients that are shipped, and how they were fitted: to dpkg runs that we timed on a
//! machine of our own, `benches/data/own-installs.jsonl.gz`. `make priors` fits them anew.

use std::fmt::Write;
use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::configure::Beta;
use super::facts::Facts;
use super::statistics::InstallStatistics;
use super::unpack::{self, Sample, Theta};
use crate::estimate::robust::{median, quantile};
use crate::history::{InstallEvent, Step, StepKind};
use crate::index::Index;

const TEXT: &str = include_str!("../../../data/estimates/coefficients.tsv");

/// Coefficients of the cost model in seconds a unit: see `docs/src/estimators.md`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Coefficients {
    pub(super) theta: Theta,
    pub(super) beta: Beta,
    /// Seconds of a run outside its packages, and of its runs of `ldconfig`.
    pub(super) overhead: f64,
    pub(super) ldconfig: f64,
}

/// Orders of magnitude to start from, where nothing was measured at all: a process takes
/// milliseconds to start, an interpreter tens of them, a file fractions of one to write.
const START: Coefficients = Coefficients {
    theta: [0.02, 0.04, 0.004, 3e-4, 2e-4, 1e-3, 1e-3, 5e-3],
    beta: Beta {
        scripts: [
            0.0025, 0.003, 0.0015, 0.02, 0.03, 0.1, 0.0025, 0.004, 0.04, 0.06, 0.03, 0.004, 0.015,
            0.003, 0.03, 0.005,
        ],
        by_index: [0.0025, 0.002, 0.1, 0.0025, 0.03, 0.015, 0.05, 0.05, 0.05, 0.001],
    },
    overhead: 0.03,
    ldconfig: 0.04,
};
/// Fits and estimates of the runs' speeds take turns so often.
const TURNS: usize = 5;
/// A run's own speed is drawn to the usual one as so many packages would.
const SPEED_SHRINKAGE: f64 = 3.0;
/// The share of quiet runs that were at the machine's own speed.
const FAST: f64 = 0.25;

impl Coefficients {
    /// What is shipped.
    pub(super) fn shipped() -> &'static Self {
        static SHIPPED: LazyLock<Coefficients> = LazyLock::new(|| Coefficients::parse(TEXT));
        &SHIPPED
    }

    /// Reads the shipped file; what it lacks keeps the value to start from, and a test sees to it
    /// that it lacks nothing.
    fn parse(text: &str) -> Self {
        let mut coefficients = START;
        for line in text.lines() {
            let mut fields = line.split('\t');
            let name = fields.next();
            let numbers = fields.filter_map(|field| field.parse().ok());
            let place: &mut [f64] = match name {
                Some("unpack") => &mut coefficients.theta,
                Some("scripts") => &mut coefficients.beta.scripts,
                Some("by_index") => &mut coefficients.beta.by_index,
                Some("overhead") => std::slice::from_mut(&mut coefficients.overhead),
                Some("ldconfig") => std::slice::from_mut(&mut coefficients.ldconfig),
                _ => continue,
            };
            for (coefficient, number) in place.iter_mut().zip(numbers) {
                *coefficient = number;
            }
        }
        coefficients
    }

    fn to_tsv(&self) -> String {
        let mut text = String::new();
        let rows: [(&str, &[f64]); 5] = [
            ("unpack", &self.theta),
            ("scripts", &self.beta.scripts),
            ("by_index", &self.beta.by_index),
            ("overhead", &[self.overhead]),
            ("ldconfig", &[self.ldconfig]),
        ];
        for (name, numbers) in rows {
            text += name;
            for number in numbers {
                // Writing to a string cannot fail.
                let _ = write!(text, "\t{number:.4e}");
            }
            text.push('\n');
        }
        text
    }
}

/// The priors that measurements of one's own machine give, in the form in which they are shipped.
#[derive(Debug, Clone)]
pub struct FittedPriors {
    /// `coefficients.tsv`.
    pub coefficients: String,
    /// `measured.tsv.gz`, before it is compressed: seconds of packages at the usual speed of the machine.
    pub measured: String,
}

/// One run as it is fitted to: its packages with their seconds to unpack and to configure, 0 where
/// there are none.
struct Run {
    quiet: bool,
    steps: Vec<(usize, f64, f64)>,
    /// Seconds outside them, and of `ldconfig` in a run of usual size.
    fixed: [f64; 2],
    unpack_speed: f64,
    configure_speed: f64,
}

impl FittedPriors {
    /// Fits to runs on one machine, those on which it did little else, and the others. A package of
    /// any quiet run is judged by quiet runs only; each run's own speed is taken out of it.
    #[must_use]
    pub fn fit(index: &Index, quiet: &[&InstallEvent], loaded: &[&InstallEvent]) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut facts: Vec<(Facts, Facts)> = Vec::new();
        let mut ids = FxHashMap::default();
        let mut runs = Vec::new();
        let events = quiet.iter().map(|event| (true, *event));
        for (quiet, event) in events.chain(loaded.iter().map(|event| (false, *event))) {
            let event = &without_triggers(event);
            let mut alone = InstallStatistics::default();
            alone.add_steps(event, 1.0);
            let mut steps = Vec::new();
            for package in &event.packages {
                let id = *ids.entry(package.package.clone()).or_insert_with(|| {
                    names.push(package.package.clone());
                    facts.push((Facts::of(index, package), Facts::without_deb(index, package)));
                    names.len() - 1
                });
                let known = &alone.packages[&package.package];
                let seconds = |series: &super::series::Series| series.median().unwrap_or(0.0);
                steps.push((id, seconds(&known.unpack), seconds(&known.configure)));
            }
            let fixed = [alone.overhead(0.0), alone.trigger(0.0)];
            runs.push(Run { quiet, steps, fixed, unpack_speed: 0.0, configure_speed: 0.0 });
        }
        let mut fitted = START;
        for _ in 0..TURNS {
            fit_unpack(&mut fitted, &mut runs, &facts);
            fit_configure(&mut fitted, &mut runs, &facts);
        }
        for (place, part) in [(0, &mut fitted.overhead), (1, &mut fitted.ldconfig)] {
            let quiet = runs.iter().filter(|run| run.quiet && run.fixed[place] > 0.0);
            *part = median(
                &mut quiet.map(|run| run.fixed[place] / run.unpack_speed.exp()).collect::<Vec<_>>(),
            );
        }
        let mut measured =
            String::from("package\tconfigure\tconfigure_runs\tunpack\tunpack_runs\n");
        // Unpacking waits for disks and other processes, so only quiet runs tell of it.
        let unpack = per_package(&runs, names.len(), |run, step| {
            if run.quiet { step.1 / run.unpack_speed.exp() } else { 0.0 }
        });
        let configure =
            per_package(&runs, names.len(), |run, step| step.2 / run.configure_speed.exp());
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_unstable_by_key(|id| &names[*id]);
        for id in order {
            let _ = write!(measured, "{}", names[id]);
            for values in [&configure[id], &unpack[id]] {
                let (seconds, count) = (median(&mut values.clone()), values.len());
                let _ = write!(measured, "\t{seconds:.5}\t{count}");
            }
            measured.push('\n');
        }
        Self { coefficients: fitted.to_tsv(), measured }
    }
}

/// What triggers do, but for `ldconfig`, depends on what else a run installs: no prior for others.
fn without_triggers(event: &InstallEvent) -> InstallEvent {
    let mut event = event.clone();
    let kept = |step: &Step| step.step != StepKind::Trigger || step.package == "libc-bin";
    let other: f64 = event.steps.iter().filter(|step| !kept(step)).map(|step| step.seconds).sum();
    event.steps.retain(kept);
    event.seconds -= other;
    event
}

fn fit_unpack(fitted: &mut Coefficients, runs: &mut [Run], facts: &[(Facts, Facts)]) {
    for run in runs.iter_mut() {
        run.unpack_speed =
            speed(run.steps.iter().filter(|step| step.1 > 0.0).map(|step| {
                (step.1 / unpack::seconds(&fitted.theta, &facts[step.0].0.unpack)).ln()
            }));
    }
    centre(runs, |run| &mut run.unpack_speed);
    let values = per_package(runs, facts.len(), |run, step| step.1 / run.unpack_speed.exp());
    let samples: Vec<Sample> = values
        .into_iter()
        .zip(facts)
        .filter(|(values, _)| !values.is_empty())
        .map(|(mut values, facts)| Sample {
            terms: facts.0.unpack,
            seconds: median(&mut values),
            count: values.len() as f64,
        })
        .collect();
    fitted.theta = unpack::fit(&samples, &START.theta);
}

fn fit_configure(fitted: &mut Coefficients, runs: &mut [Run], facts: &[(Facts, Facts)]) {
    for run in runs.iter_mut() {
        let own = speed(
            run.steps
                .iter()
                .filter(|step| step.2 > 0.0)
                .map(|step| (step.2 / fitted.beta.seconds(&facts[step.0].0.configure)).ln()),
        );
        run.configure_speed = 0.5 * run.unpack_speed + 0.5 * own;
    }
    centre(runs, |run| &mut run.configure_speed);
    let values = per_package(runs, facts.len(), |run, step| step.2 / run.configure_speed.exp());
    let mut samples = Vec::new();
    for (mut values, facts) in
        values.into_iter().zip(facts).filter(|(values, _)| !values.is_empty())
    {
        let seconds = median(&mut values);
        samples.push((&facts.0.configure, seconds));
        samples.push((&facts.1.configure, seconds));
    }
    fitted.beta = START.beta.fit(&samples);
}

/// Logarithm of a run's speed by those of its steps, drawn to the usual one.
fn speed(logs: impl Iterator<Item = f64>) -> f64 {
    let mut logs: Vec<f64> = logs.collect();
    let count = logs.len() as f64;
    median(&mut logs) * count / (count + SPEED_SHRINKAGE)
}

/// Makes the speed of the faster of quiet runs the usual one: the others waited for something.
fn centre(runs: &mut [Run], speed: impl Fn(&mut Run) -> &mut f64) {
    let mut quiet: Vec<f64> =
        runs.iter_mut().filter(|run| run.quiet).map(|run| *speed(run)).collect();
    let usual = quantile(&mut quiet, FAST);
    for run in runs {
        *speed(run) -= usual;
    }
}

/// The seconds of each package: in quiet runs, else in the others.
fn per_package(
    runs: &[Run],
    packages: usize,
    seconds: impl Fn(&Run, &(usize, f64, f64)) -> f64,
) -> Vec<Vec<f64>> {
    let mut values = vec![Vec::new(); packages];
    for quiet in [true, false] {
        let found = values.clone();
        for run in runs.iter().filter(|run| run.quiet == quiet) {
            for step in &run.steps {
                let seconds = seconds(run, step);
                if seconds > 0.0 && (quiet || found[step.0].is_empty()) {
                    values[step.0].push(seconds);
                }
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::super::facts::{BY_INDEX, SCRIPTS, UNPACK};
    use super::*;

    #[test]
    fn the_shipped_coefficients_are_complete_and_positive() {
        let counts: Vec<(&str, usize)> = TEXT
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(name, numbers)| (name, numbers.split('\t').count()))
            .collect();
        let expected = [
            ("unpack", UNPACK),
            ("scripts", SCRIPTS),
            ("by_index", BY_INDEX),
            ("overhead", 1),
            ("ldconfig", 1),
        ];
        assert_eq!(counts, expected);
        let shipped = Coefficients::shipped();
        assert_eq!(shipped.to_tsv(), TEXT);
        assert!(shipped.theta.iter().chain(&shipped.beta.scripts).all(|number| *number > 0.0));
    }
}

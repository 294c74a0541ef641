//! `vclust simulate`: policies replayed on requests.

mod report;
mod workload;

use vclust_core::{
    Catalogue, Clairvoyant, Conditions, Designs, ExpectedTimeOptions, GenerationPolicy, History,
    Image, ImageSizes, PackagePrices, Prices, Replay, Repository, Stored, Target, hindsight,
    parse_policy,
};
use vclust_grid::PastEvents;

use crate::arguments::{Format, Simulate, StrategyName};
use crate::failure::Failure;
use crate::progress;
use report::{Answer, Oracles, Run};
use workload::Drawn;

/// The policies that are replayed where none is named.
const ALL: [&str; 6] = ["paper", "keep-used", "golden", "static", "landlord", "expected-time"];
/// Distinct requests that the oracle which never changes its images looks at.
const HINDSIGHT: usize = 4000;

pub(crate) fn run(arguments: &Simulate, format: Format) -> Result<(), Failure> {
    let names: Vec<&str> = if arguments.policy.is_empty() {
        ALL.to_vec()
    } else {
        arguments.policy.iter().map(String::as_str).collect()
    };
    for name in &names {
        // A misspelt name is told before minutes of work, not after.
        parse_policy(name)?;
    }
    let drawn = workload::draw(arguments)?;
    let targets = drawn.workload.compared();
    let mut past = match &arguments.history {
        Some(path) => PastEvents::of_file(path)?,
        None => PastEvents::Given(History::default()),
    };
    let learned = past.learn(&drawn.loaded.index)?;
    let strategies = StrategyName::each_once(&arguments.strategy);
    let sizes = ImageSizes::default();
    let mut runs = Vec::new();
    for nodes in &arguments.nodes {
        let mut conditions = Conditions::new(&arguments.site, *nodes);
        // Each node has a host of its own.
        conditions.started_together = 1;
        let universe = &drawn.workload.universe;
        let (packages, prices) =
            learned.prices(universe, &conditions, &strategies, &Catalogue::new());
        for budget in &arguments.budget {
            let at = Setting {
                drawn: &drawn,
                targets: &targets,
                packages: &packages,
                prices: &prices,
                sizes: &sizes,
                budget: budget.bytes(),
            };
            let mut outcomes = Vec::new();
            for name in &names {
                outcomes.push(at.replay(parse_policy(name)?.as_mut(), &Stored::default())?);
            }
            let oracles = if arguments.no_oracle { None } else { Some(at.oracles(&outcomes)?) };
            runs.push(Run { nodes: *nodes, budget: budget.bytes(), outcomes, oracles });
        }
    }
    let answer = Answer::new(arguments, &drawn, &strategies, runs);
    report::print(&answer, format)
}

/// One number of nodes with one budget.
struct Setting<'a> {
    drawn: &'a Drawn,
    targets: &'a [Target],
    packages: &'a PackagePrices,
    prices: &'a Prices,
    sizes: &'a ImageSizes,
    budget: u64,
}

impl Setting<'_> {
    fn replay(
        &self,
        policy: &mut dyn GenerationPolicy,
        start: &Stored,
    ) -> Result<report::Timed, Failure> {
        let requests = &self.drawn.requests;
        let bar = progress::steps(requests.len(), &policy.name());
        let begun = std::time::Instant::now();
        let outcome = self.site().run(self.targets, requests, start, policy, |done| {
            if done % 64 == 0 {
                bar.set_position(done as u64);
            }
        })?;
        bar.finish_and_clear();
        Ok(report::Timed { outcome, replay_seconds: begun.elapsed().as_secs_f64() })
    }

    fn site(&self) -> Replay<'_> {
        Replay {
            universe: &self.drawn.workload.universe,
            packages: self.packages,
            prices: self.prices,
            sizes: self.sizes,
            minimal: &self.drawn.workload.minimal,
            budget: self.budget,
        }
    }

    /// What someone who knows the trace would have made of it. The best images that never change are those
    /// of a search, with layers or without, or those that some policy ended with, whichever are better for
    /// the whole trace.
    fn oracles(&self, outcomes: &[report::Timed]) -> Result<Oracles, Failure> {
        let bar = progress::steps(1, "oracle");
        let workload = &self.drawn.workload;
        let mut catalogue = Catalogue::new();
        let minimal = catalogue.add(Image {
            id: "minimal".to_owned(),
            packages: workload.minimal.clone(),
            bytes: self.sizes.of(&workload.universe, &workload.minimal),
        })?;
        let repository = Repository {
            universe: &workload.universe,
            packages: self.packages,
            prices: self.prices,
            sizes: self.sizes,
            catalogue: &catalogue,
            minimal,
            budget: self.budget,
        };
        let search = |designs| {
            let found =
                hindsight(&repository, self.targets, &self.drawn.requests, HINDSIGHT, designs);
            let (images, layers) =
                (self.site().images(&found.images), self.site().layers(&found.layers));
            Stored { images, layers }
        };
        let images = search(Designs::Images);
        let layers = self.stacks().then(|| search(Designs::Layers));
        bar.finish_and_clear();
        let mut best_fixed = self.replay(&mut Still, &images)?;
        let ended = outcomes.iter().map(|ended| &ended.outcome.stored);
        for stored in layers.iter().chain(ended) {
            let fixed = self.replay(&mut Still, stored)?;
            if fixed.outcome.mean_seconds < best_fixed.outcome.mean_seconds {
                best_fixed = fixed;
            }
        }
        let best_adapting = self.best_adapting()?;
        Ok(Oracles { best_fixed, best_adapting })
    }

    /// Whether some strategy stacks layers.
    fn stacks(&self) -> bool {
        self.prices.strategies.iter().any(|strategy| strategy.stack.is_some())
    }

    /// What the oracle of each next period makes of the trace, with layers or without, whichever is better.
    fn best_adapting(&self) -> Result<report::Timed, Failure> {
        let period = ExpectedTimeOptions::default().period;
        let run = |designs| {
            let mut knowing = Clairvoyant::new(self.targets, &self.drawn.requests, period, designs);
            self.replay(&mut knowing, &Stored::default())
        };
        let images = run(Designs::Images)?;
        if !self.stacks() {
            return Ok(images);
        }
        let layers = run(Designs::Layers)?;
        let with = layers.outcome.mean_seconds < images.outcome.mean_seconds;
        Ok(if with { layers } else { images })
    }
}

/// A policy that leaves the repository as it is.
struct Still;

impl GenerationPolicy for Still {
    fn name(&self) -> String {
        "oracle: best fixed images".to_owned()
    }

    fn served(&mut self, _: &vclust_core::Served<'_>, _: &Repository<'_>) -> vclust_core::Changes {
        vclust_core::Changes::default()
    }

    fn decide(&mut self, _: &Repository<'_>) -> vclust_core::Changes {
        vclust_core::Changes::default()
    }
}

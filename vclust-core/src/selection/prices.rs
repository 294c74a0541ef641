//! What each strategy costs at one site for one number of nodes, ready to be added up.

use super::stack_price::StackPrice;
use crate::catalogue::{PackageSet, PackageVersionId, Universe};
use crate::estimate::{Estimate, InstallEstimator, PackageCost, RunCost, RunScale};
use crate::history::Phase;
use crate::strategy::Strategy;

/// What each package of a universe costs to install.
#[derive(Debug, Clone, Default)]
pub struct PackagePrices {
    costs: Vec<PackageCost>,
}

impl PackagePrices {
    /// Prices as an estimator knows them.
    #[must_use]
    pub fn of(universe: &Universe, estimator: &InstallEstimator<'_>) -> Self {
        let mut prices = Self::default();
        prices.extend(universe, |id| estimator.package_cost(universe.package(id)));
        prices
    }

    /// Prices what the universe has learned of since.
    pub fn extend(
        &mut self,
        universe: &Universe,
        price: impl FnMut(PackageVersionId) -> PackageCost,
    ) {
        self.costs.extend(universe.ids().skip(self.costs.len()).map(price));
    }

    /// The price of a package; nothing where it was never priced.
    #[must_use]
    pub fn get(&self, id: PackageVersionId) -> PackageCost {
        self.costs.get(id.index()).copied().unwrap_or_default()
    }

    /// The sum over a set.
    #[must_use]
    pub fn sum(&self, packages: impl IntoIterator<Item = PackageVersionId>) -> RunCost {
        packages.into_iter().map(|id| self.get(id)).collect()
    }

    /// The sum over what a set has and another lacks.
    #[must_use]
    pub fn sum_of_difference(&self, wanted: &PackageSet, there: &PackageSet) -> RunCost {
        self.sum(wanted.difference(there))
    }
}

/// Seconds as a straight line over bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BytesPrice {
    /// Seconds of an empty image.
    pub start: f64,
    /// Seconds for each byte.
    pub per_byte: f64,
    /// Half the 90 % interval, relative to the seconds.
    pub relative_half_width: f64,
}

impl BytesPrice {
    /// Seconds of so many bytes.
    #[must_use]
    pub fn seconds(&self, bytes: u64) -> f64 {
        self.start + self.per_byte * bytes as f64
    }

    /// The same with its interval.
    #[must_use]
    pub fn estimate(&self, bytes: u64) -> Estimate {
        let seconds = self.seconds(bytes);
        Estimate::around(seconds, seconds * self.relative_half_width)
    }
}

/// What one strategy costs besides packages.
#[derive(Debug, Clone)]
pub struct StrategyPrices {
    /// Which.
    pub strategy: Strategy,
    /// Phases that neither image nor packages change, such as booting.
    pub fixed: Vec<(Phase, Estimate)>,
    /// Phases that grow with the image, such as its transfer.
    pub by_bytes: Vec<(Phase, BytesPrice)>,
    /// What is known better of some images, by their names: their transfers were measured.
    pub measured: Vec<(String, Phase, Estimate)>,
    /// How sums of packages become seconds: on all nodes at once, or once on the head node.
    pub run: RunPrice,
    /// What follows installing, where there is anything to install: writing a layer.
    pub layer: Option<Estimate>,
    /// What stacks of layers cost; `None` where nodes cannot be given any.
    pub stack: Option<StackPrice>,
}

impl StrategyPrices {
    /// Seconds of installing what an image lacks, and of what follows that.
    #[must_use]
    pub fn run_seconds(&self, packages: usize, unpack: f64, configure: f64, trigger: bool) -> f64 {
        if packages == 0 {
            return 0.0;
        }
        let layer = self.layer.map_or(0.0, |layer| layer.seconds);
        layer + self.run.seconds(packages, unpack, configure, trigger)
    }

    /// The same for a stack of so many parts, with what merging them takes. Where there is anything to
    /// install or to merge, a layer is written; one part is an image or a layer over the minimal one.
    #[must_use]
    pub fn stacked_run_seconds(
        &self,
        parts: usize,
        packages: usize,
        unpack: f64,
        configure: f64,
        trigger: bool,
    ) -> f64 {
        let Some(stack) = self.stack.filter(|_| parts >= 2) else {
            return self.run_seconds(packages, unpack, configure, trigger);
        };
        let layer = self.layer.map_or(0.0, |layer| layer.seconds);
        layer + stack.seconds(parts) + self.run.seconds(packages, unpack, configure, trigger)
    }

    /// Seconds that neither image nor packages change.
    #[must_use]
    pub fn fixed_seconds(&self) -> f64 {
        self.fixed.iter().map(|(_, estimate)| estimate.seconds).sum()
    }

    /// Seconds that an image of so many bytes costs, nothing having been measured of it.
    #[must_use]
    pub fn bytes_seconds(&self, bytes: u64) -> f64 {
        self.by_bytes.iter().map(|(_, price)| price.seconds(bytes)).sum()
    }

    /// The same for an image of a name, with what is known of it, and so many bytes with what lies
    /// over it.
    #[must_use]
    pub fn image_seconds(&self, image: &str, bytes: u64) -> f64 {
        let seconds = |(phase, price): &(Phase, BytesPrice)| {
            let known = self.measured.iter().find(|(name, of, _)| name == image && of == phase);
            known.map_or_else(|| price.seconds(bytes), |(_, _, known)| known.seconds)
        };
        self.by_bytes.iter().map(seconds).sum()
    }

    /// Seconds that each further byte of an image costs.
    #[must_use]
    pub fn seconds_per_byte(&self) -> f64 {
        self.by_bytes.iter().map(|(_, price)| price.per_byte).sum()
    }
}

/// How the sums of a run become seconds.
#[derive(Debug, Clone, Copy)]
pub enum RunPrice {
    /// Our estimator's way.
    Scale {
        /// The scale.
        scale: RunScale,
        /// Half the 90 % interval relative to the seconds, besides what single packages add.
        relative_half_width: f64,
    },
    /// The paper's straight line, where a package's `unpack_seconds` are its share of it.
    Line {
        /// Seconds of a run without packages.
        start: f64,
        /// Half the 90 % interval, in seconds.
        half_width: f64,
    },
}

/// A standard normal that leaves 5 % on each side.
const NORMAL_90: f64 = 1.645;

impl RunPrice {
    /// Seconds of a run; none without packages.
    #[must_use]
    pub fn seconds(&self, packages: usize, unpack: f64, configure: f64, trigger: bool) -> f64 {
        match self {
            _ if packages == 0 => 0.0,
            Self::Scale { scale, .. } => scale.seconds(packages, unpack, configure, trigger),
            Self::Line { start, .. } => start + unpack + configure,
        }
    }

    /// The same with its interval.
    #[must_use]
    pub fn estimate(&self, cost: &RunCost) -> Estimate {
        let seconds = self.seconds(
            cost.packages,
            cost.unpack_seconds,
            cost.configure_seconds,
            cost.activates_ldconfig,
        );
        let half_width = match self {
            _ if cost.packages == 0 => 0.0,
            Self::Scale { relative_half_width, .. } => {
                let own = cost.unpack_seconds + cost.configure_seconds;
                let slower = if own > 0.0 { seconds / own } else { 1.0 };
                let packages = NORMAL_90 * cost.variance.sqrt() * slower;
                packages.hypot(relative_half_width * seconds)
            }
            Self::Line { half_width, .. } => *half_width,
        };
        Estimate::around(seconds, half_width)
    }
}

/// What builds cost at a site, for clusters of one size.
#[derive(Debug, Clone)]
pub struct Prices {
    /// Number of nodes.
    pub nodes: u32,
    /// The strategies that may be taken, each once.
    pub strategies: Vec<StrategyPrices>,
}

//! Costs that add up, so that whoever compares many subsets of the same packages asks for each
//! package once and then only adds.

use std::ops::AddAssign;
use std::sync::LazyLock;

use super::statistics::{crowding, linking};

/// What one package adds to a run, in seconds on one node, with everything that was learned.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PackageCost {
    /// Seconds to unpack it in a run of 40 packages; in larger runs each takes a little longer.
    pub unpack_seconds: f64,
    /// Seconds to configure it.
    pub configure_seconds: f64,
    /// Variance of the two together, in square seconds.
    pub variance: f64,
    /// Whether it has dpkg run `ldconfig` once more, which a run does once however many ask for it.
    pub activates_ldconfig: bool,
}

/// What the packages of a run cost together: a sum of [`PackageCost`]s. The caller sees to it that
/// no package is in it twice.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RunCost {
    /// Number of packages.
    pub packages: usize,
    /// Sum of their [`PackageCost::unpack_seconds`].
    pub unpack_seconds: f64,
    /// Sum of their [`PackageCost::configure_seconds`].
    pub configure_seconds: f64,
    /// Sum of their [`PackageCost::variance`].
    pub variance: f64,
    /// Whether any of them has dpkg run `ldconfig`.
    pub activates_ldconfig: bool,
}

impl AddAssign<&PackageCost> for RunCost {
    fn add_assign(&mut self, package: &PackageCost) {
        self.packages += 1;
        self.unpack_seconds += package.unpack_seconds;
        self.configure_seconds += package.configure_seconds;
        self.variance += package.variance;
        self.activates_ldconfig |= package.activates_ldconfig;
    }
}

impl FromIterator<PackageCost> for RunCost {
    fn from_iter<I: IntoIterator<Item = PackageCost>>(packages: I) -> Self {
        let mut run = Self::default();
        for package in packages {
            run += &package;
        }
        run
    }
}

/// Runs up to this size have their crowding in a table.
const TABULATED: usize = 1024;
static CROWDING: LazyLock<Vec<f64>> = LazyLock::new(|| (0..TABULATED).map(crowding).collect());

/// How the sums of a run become its seconds, for a site and a number of nodes.
#[derive(Debug, Clone, Copy)]
pub struct RunScale {
    factor: f64,
    overhead: f64,
    ldconfig: f64,
    crowding: &'static [f64],
}

impl RunScale {
    /// A scale of runs that are slower by `factor`, and whose fixed parts take so many seconds.
    pub(super) fn new(factor: f64, overhead: f64, ldconfig: f64) -> Self {
        Self { factor, overhead, ldconfig, crowding: &CROWDING }
    }

    /// The scale of runs that take so many times longer.
    #[must_use]
    pub fn slowed(self, factor: f64) -> Self {
        Self { factor: self.factor * factor, ..self }
    }

    /// How many times longer everything takes than one package on one node of a usual site.
    pub(super) fn factor(&self) -> f64 {
        self.factor
    }

    /// How much slower packages unpack in a run of so many.
    pub(super) fn crowding(&self, packages: usize) -> f64 {
        self.crowding.get(packages).copied().unwrap_or_else(|| crowding(packages))
    }

    /// Seconds of a run of so many packages whose costs add up to `unpack` and `configure`, of
    /// which some or none has dpkg run `ldconfig`: what [`InstallEstimator::run_estimate`] answers
    /// without its interval. A run of no packages takes no time.
    ///
    /// [`InstallEstimator::run_estimate`]: super::InstallEstimator::run_estimate
    #[must_use]
    pub fn seconds(&self, packages: usize, unpack: f64, configure: f64, ldconfig: bool) -> f64 {
        if packages == 0 {
            return 0.0;
        }
        let trigger = if ldconfig { self.ldconfig * linking(packages) } else { 0.0 };
        self.factor * (unpack * self.crowding(packages) + configure + self.overhead + trigger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_crowding_agrees_with_the_formula_and_goes_on_beyond_its_end() {
        let scale = RunScale::new(1.0, 0.0, 0.0);
        for packages in [1, 40, TABULATED - 1, TABULATED, 100_000] {
            let seconds = scale.seconds(packages, 2.0, 0.0, true);
            assert!((seconds / (2.0 * crowding(packages)) - 1.0).abs() < 1e-12, "{packages}");
        }
        assert!(scale.seconds(0, 1.0, 1.0, true).abs() < 1e-300);
    }
}

//! Which version of a package is its candidate: apt's priorities (`apt_preferences(5)`).

use crate::index::{Index, PackageId, VersionId};
use crate::pin::{Pin, PinTarget, Suite};
use crate::version::compare_versions;

/// Priorities of suites and packages.
///
/// Without pins, an archive's packages have priority 500, those of a `NotAutomatic` suite 1, or
/// 100 if it is also `ButAutomaticUpgrades`, and what is only installed 100.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    pins: Vec<Pin>,
    default_release: Option<String>,
}

/// Priority of what only dpkg's status knows.
const INSTALLED: i32 = 100;
/// Priority of the default release (`APT::Default-Release`).
const DEFAULT_RELEASE: i32 = 990;

impl Policy {
    /// A policy with pins, the first that matches a version deciding.
    #[must_use]
    pub fn with_pins(pins: Vec<Pin>) -> Self {
        Self { pins, default_release: None }
    }

    /// Prefers the suite of this archive name or codename, as `apt-get -t` does.
    #[must_use]
    pub fn default_release(mut self, name: impl Into<String>) -> Self {
        self.default_release = Some(name.into());
        self
    }

    /// The candidate version of a package: the highest version of the highest priority that does
    /// not downgrade; a priority of 1000 may.
    #[must_use]
    pub fn candidate(&self, index: &Index, package: PackageId) -> Option<VersionId> {
        let current = index.package_record(package).current;
        let mut best = None;
        let mut best_priority = -1;
        for version in index.version_ids(package) {
            let priority = self.priority(index, version);
            if priority == 0 || priority <= best_priority {
                continue;
            }
            let downgrades = current.some().is_some_and(|current| {
                compare_versions(index.version_text(version), index.version_text(current)).is_lt()
            });
            if priority < 1000 && downgrades {
                continue;
            }
            best_priority = priority;
            best = Some(version);
        }
        best
    }

    /// The priority of a version: its first pin's, else the highest of its files'.
    #[must_use]
    pub fn priority(&self, index: &Index, version: VersionId) -> i32 {
        if let Some(priority) = self.pinned(index, version) {
            return priority;
        }
        let current = index.package_record(index.version_record(version).package).current;
        index
            .files_of(version)
            .map(|file| match index.file_is_status(file) {
                false => self.suite_priority(&index.file_origin(file).suite),
                true if version == current => INSTALLED,
                true => -1,
            })
            .max()
            .unwrap_or(0)
    }

    fn pinned(&self, index: &Index, id: VersionId) -> Option<i32> {
        if self.pins.iter().all(is_default) {
            return None;
        }
        let version = index.version(id);
        let (name, source, text) = (version.name(), version.source(), version.version());
        let target = PinTarget {
            package: &name,
            source: &source,
            architecture: version.package().architecture(),
            native: index.native_architecture(),
        };
        let matching = self
            .pins
            .iter()
            .filter(|pin| !is_default(pin))
            .find(|pin| version.files().any(|file| pin.matches(&target, &text, &file.suite)));
        matching.map(|pin| pin.priority)
    }

    fn suite_priority(&self, suite: &Suite) -> i32 {
        if let Some(release) = &self.default_release {
            if suite.archive.as_ref() == Some(release) || suite.codename.as_ref() == Some(release) {
                return DEFAULT_RELEASE;
            }
        }
        let pin = self.pins.iter().find(|pin| is_default(pin) && pin.selector.matches("", suite));
        match (pin, suite.not_automatic, suite.but_automatic_upgrades) {
            (Some(pin), _, _) => pin.priority,
            (None, true, false) => 1,
            (None, true, true) => 100,
            (None, false, _) => 500,
        }
    }
}

/// `Package: *` sets the priority of whole files, except where it selects versions by number.
fn is_default(pin: &Pin) -> bool {
    pin.packages.is_all() && !pin.selector.is_version()
}

//! The runs of dpkg that install packages where nothing but dpkg does it: on a node's own disk.
//!
//! dpkg unpacks no package whose pre-dependencies are not configured, and does not configure them of
//! its own accord. So there are rounds: whatever needs nothing that is to come is unpacked together.

use std::collections::HashSet;
use std::path::PathBuf;

use super::classify::Needs;
use crate::deb::{DebError, DebLimits};
use crate::parallel::in_parallel;
use crate::unpack::PackageToUnpack;

/// Bytes of compressed data that a package of directories alone stays below.
const DIRECTORIES: u64 = 64 << 10;

/// A run of dpkg. Packages are numbers in the list that the course was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DpkgRun {
    /// Unpacks packages.
    Unpack(Vec<usize>),
    /// Configures packages, by the names that dpkg takes.
    Configure(Vec<String>),
    /// Configures all packages that are not configured, and runs all triggers.
    Finish,
}

/// The runs that install package files, which are in the order in which apt would give them to dpkg.
pub fn dpkg_course(packages: &[PathBuf]) -> Result<Vec<DpkgRun>, DebError> {
    if packages.is_empty() {
        return Ok(Vec::new());
    }
    let limits = DebLimits::default();
    let look = |path: &PathBuf| {
        let package = PackageToUnpack::read(path, limits)?;
        // whoever ships directories alone has few bytes
        let only_directories =
            package.data_bytes() < DIRECTORIES && package.contents(limits)?.only_directories;
        Ok::<_, DebError>((package, only_directories))
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let opened: Vec<(PackageToUnpack, bool)> = in_parallel(packages, threads, look)?;
    let last = opened.iter().enumerate().filter(|(_, (_, only))| *only).map(|(number, _)| number);
    let last: HashSet<usize> = last.collect();
    let opened: Vec<PackageToUnpack> = opened.into_iter().map(|(package, _)| package).collect();
    let name = |number: usize| {
        let description = opened[number].description();
        match description.architecture.as_str() {
            "all" => description.name.clone(),
            architecture => format!("{}:{architecture}", description.name),
        }
    };
    Ok(course(&Needs::of(&opened), last, name))
}

fn course(needs: &Needs, last: HashSet<usize>, name: impl Fn(usize) -> String) -> Vec<DpkgRun> {
    let mut runs = Vec::new();
    let mut configured = HashSet::new();
    let mut rounds = Rounds::new(needs, (0..needs.len()).collect(), last);
    while let Some(Round { first, unpack }) = rounds.next_after(&configured) {
        if !first.is_empty() {
            runs.push(DpkgRun::Configure(first.iter().map(|number| name(*number)).collect()));
        }
        configured.extend(first);
        runs.push(DpkgRun::Unpack(unpack));
    }
    runs.push(DpkgRun::Finish);
    runs
}

/// Packages that can be unpacked together.
pub(super) struct Round {
    /// What has to be configured before and is not.
    pub(super) first: Vec<usize>,
    /// What is unpacked.
    pub(super) unpack: Vec<usize>,
}

/// The rounds in which dpkg can unpack packages.
pub(super) struct Rounds<'a> {
    needs: &'a Needs,
    left: Vec<usize>,
    /// Packages that come when no other can: see [`through_dpkg`](super::through_dpkg).
    last: HashSet<usize>,
}

impl<'a> Rounds<'a> {
    /// Rounds for some of the packages.
    pub(super) fn new(needs: &'a Needs, packages: Vec<usize>, last: HashSet<usize>) -> Self {
        Self { needs, left: packages, last }
    }

    /// The next round, if some packages are configured.
    pub(super) fn next_after(&mut self, configured: &HashSet<usize>) -> Option<Round> {
        if self.left.is_empty() {
            return None;
        }
        let waiting: HashSet<usize> = self.left.iter().copied().collect();
        let ready = |number: &usize| self.needs.before(*number).is_disjoint(&waiting);
        let ready: Vec<usize> = self.left.iter().copied().filter(ready).collect();
        let sooner = ready.iter().copied().filter(|number| !self.last.contains(number));
        let mut unpack: Vec<usize> = sooner.collect();
        if unpack.is_empty() {
            unpack = ready;
        }
        if unpack.is_empty() {
            // pre-dependencies that need each other: dpkg says what is wrong with them
            unpack.clone_from(&self.left);
        }
        self.left.retain(|number| !unpack.contains(number));
        let first: HashSet<usize> = unpack
            .iter()
            .flat_map(|number| self.needs.before(*number))
            .filter(|number| !configured.contains(number) && !unpack.contains(number))
            .collect();
        let mut first: Vec<usize> = first.into_iter().collect();
        first.sort_unstable();
        Some(Round { first, unpack })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pre_depended_on_is_configured_before_what_needs_it_is_unpacked() {
        // 0 needs nothing, 1 pre-depends on 2, which depends on 3; 4 ships directories alone
        let needs = Needs::from_numbers(
            vec![vec![], vec![], vec![3], vec![], vec![]],
            vec![vec![], vec![2], vec![], vec![], vec![]],
        );
        let runs = course(&needs, HashSet::from([4]), |number| number.to_string());
        let first = vec!["2".to_owned(), "3".to_owned()];
        let expected = [
            DpkgRun::Unpack(vec![0, 2, 3]),
            DpkgRun::Configure(first),
            DpkgRun::Unpack(vec![1]),
            DpkgRun::Unpack(vec![4]),
            DpkgRun::Finish,
        ];
        assert_eq!(runs, expected);
    }
}

//! Packages that go through dpkg, because it alone can tell what unpacking them has to do.
//!
//! dpkg drops a package from its database when another one is unpacked and everything the first one
//! ships is shipped by others, too. A package of shared directories alone is such a package from the
//! moment it is there. So those that this crate unpacked are kept from dpkg's sight until it has nothing
//! to unpack any more, and those that it has to unpack itself come last.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;

use super::InstallError;
use super::classify::Needs;
use super::course::{Round, Rounds};
use super::run::{Run, access};
use crate::deb::{DebError, DebLimits};
use crate::parallel::in_parallel;
use crate::unpack::{PackageContents, UnpackedPackage};

/// Where dpkg finds packages while it runs.
const PACKAGES: &str = ".vclust-packages";

impl Run<'_> {
    /// Looks through the packages that go through dpkg, by their numbers.
    pub(super) fn contents(
        &self,
        packages: &[usize],
    ) -> Result<HashMap<usize, PackageContents>, InstallError> {
        let look = |number: &usize| {
            let contents = self.opened[*number].contents(DebLimits::default())?;
            Ok::<_, DebError>((*number, contents))
        };
        let threads = self.installation.threads.get();
        Ok(in_parallel(packages, threads, look)?.into_iter().collect())
    }

    /// Enters what this crate unpacked into dpkg's database, but for what is held back.
    pub(super) fn add_all_to_database(
        &mut self,
        added: &[(usize, UnpackedPackage)],
        through_dpkg: &[usize],
    ) -> Result<(), InstallError> {
        let is_held = |package: &UnpackedPackage| {
            !through_dpkg.is_empty() && package.only_directories && !package.files.is_empty()
        };
        let (held, others): (Vec<_>, Vec<_>) =
            added.iter().cloned().partition(|(_, package)| is_held(package));
        self.held_back = held;
        self.add_to_database(&others)
    }

    /// Lets dpkg know of packages that were held back, those in `chosen`.
    fn release(&mut self, chosen: impl Fn(usize) -> bool) -> Result<(), InstallError> {
        let held = std::mem::take(&mut self.held_back);
        let (released, held): (Vec<_>, Vec<_>) =
            held.into_iter().partition(|(number, _)| chosen(*number));
        self.held_back = held;
        if released.is_empty() { Ok(()) } else { self.add_to_database(&released) }
    }

    /// Has dpkg unpack packages, in rounds: what a package pre-depends on is configured before.
    pub(super) fn unpack_by_dpkg(
        &mut self,
        packages: &[usize],
        contents: &HashMap<usize, PackageContents>,
        needs: &Needs,
        configured: &mut HashSet<usize>,
    ) -> Result<(), InstallError> {
        let only_directories =
            contents.iter().filter(|(_, contents)| contents.only_directories).map(|(n, _)| *n);
        let mut rounds = Rounds::new(needs, packages.to_vec(), only_directories.collect());
        while let Some(Round { first, unpack }) = rounds.next_after(configured) {
            self.release(|number| first.contains(&number))?;
            self.configure_some(&first)?;
            configured.extend(first);
            self.unpack_round(&unpack)?;
        }
        self.release(|_| true)
    }

    fn unpack_round(&mut self, round: &[usize]) -> Result<(), InstallError> {
        let directory = self.installation.root.join(PACKAGES);
        fs::create_dir(&directory).map_err(access("make", &directory))?;
        let mut arguments: Vec<OsString> = ["--no-triggers", "--unpack"].map(OsString::from).into();
        for number in round {
            let name = format!("{number}.deb");
            let from = &self.installation.packages[*number];
            let to = directory.join(&name);
            // never a link: scripts could write through it into the pool
            fs::copy(from, &to).map_err(access("copy", from))?;
            arguments.push(format!("/{PACKAGES}/{name}").into());
        }
        let done = self.dpkg(arguments);
        fs::remove_dir_all(&directory).map_err(access("remove", &directory))?;
        done
    }
}

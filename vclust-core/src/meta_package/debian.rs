//! Debian's own functional units: tasks and metapackages.
//!
//! Debian names such units in three ways: a package of section `tasks` (`task-ssh-server`), a
//! package of section `metapackages`, which is how the Blends publish theirs (`science-physics`,
//! `med-bio`), and a `Task` field in the control data of each member, which is what apt's `NAME^`
//! reads. The first two are packages that install like any other; the third is only a list.

use std::collections::BTreeMap;

use super::error::near_names;

/// How Debian expresses a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DebianUnitKind {
    /// A package of section `tasks`, named `task-NAME`.
    TaskPackage,
    /// A package of section `metapackages`.
    Metapackage,
    /// The packages whose `Task` field holds the name.
    TaskMembers,
}

/// A unit that Debian's package index defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebianUnit {
    kind: DebianUnitKind,
    packages: Vec<String>,
}

impl DebianUnit {
    /// How Debian expresses this unit.
    #[must_use]
    pub fn kind(&self) -> DebianUnitKind {
        self.kind
    }

    /// The packages to install, in the order of the index: a single one unless the unit is a list
    /// of members.
    #[must_use]
    pub fn packages(&self) -> &[String] {
        &self.packages
    }
}

/// Debian's units by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DebianUnits {
    tasks: BTreeMap<String, DebianUnit>,
    metapackages: BTreeMap<String, DebianUnit>,
}

impl DebianUnits {
    /// Collects the units from an index, given as `(package name, section, Task field)`.
    ///
    /// A section may have an area before it (`contrib/metapackages`). The `Task` field is a list
    /// separated by commas. Where one task has both a package and members, the package counts, as
    /// it is the newer form.
    pub fn collect<'a>(
        packages: impl IntoIterator<Item = (&'a str, Option<&'a str>, Option<&'a str>)>,
    ) -> Self {
        let mut units = Self::default();
        for (package, section, task_field) in packages {
            let section = section.map(|text| text.rsplit('/').next().unwrap_or(text));
            let task = package.strip_prefix("task-").filter(|task| !task.is_empty());
            match (section, task) {
                (Some("tasks") | None, Some(task)) => {
                    let unit = single(DebianUnitKind::TaskPackage, package);
                    units.tasks.insert(task.to_owned(), unit);
                }
                (Some("metapackages"), _) => {
                    let unit = single(DebianUnitKind::Metapackage, package);
                    units.metapackages.insert(package.to_owned(), unit);
                }
                _ => {}
            }
            for task in task_field.unwrap_or_default().split(',').map(str::trim) {
                if !task.is_empty() {
                    units.add_member(task, package);
                }
            }
        }
        units
    }

    fn add_member(&mut self, task: &str, package: &str) {
        let unit = self.tasks.entry(task.to_owned()).or_insert_with(|| DebianUnit {
            kind: DebianUnitKind::TaskMembers,
            packages: Vec::new(),
        });
        let known = unit.packages.iter().any(|member| member == package);
        if unit.kind == DebianUnitKind::TaskMembers && !known {
            unit.packages.push(package.to_owned());
        }
    }

    /// The task of this name, with or without the `task-` that its package has in front.
    #[must_use]
    pub fn task(&self, name: &str) -> Option<&DebianUnit> {
        self.tasks.get(name).or_else(|| self.tasks.get(name.strip_prefix("task-")?))
    }

    /// The metapackage of this name, a package of section `metapackages`.
    #[must_use]
    pub fn metapackage(&self, name: &str) -> Option<&DebianUnit> {
        self.metapackages.get(name)
    }

    /// All units by name: first the tasks, without `task-`, then the metapackages.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &DebianUnit)> {
        let all = self.tasks.iter().chain(&self.metapackages);
        all.map(|(name, unit)| (name.as_str(), unit))
    }

    /// Up to three task names that look like `name`, the nearest first.
    #[must_use]
    pub fn tasks_near(&self, name: &str) -> Vec<String> {
        near_names(name, self.tasks.keys().map(String::as_str))
    }
}

fn single(kind: DebianUnitKind, package: &str) -> DebianUnit {
    DebianUnit { kind, packages: vec![package.to_owned()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &[(&str, Option<&str>, Option<&str>)] = &[
        ("task-ssh-server", Some("tasks"), None),
        ("task-spooler", Some("misc"), None),
        ("science-physics", Some("metapackages"), None),
        ("casper", Some("contrib/metapackages"), Some("live, desktop")),
        ("firefox", Some("web"), Some("desktop")),
        ("openssh-server", Some("net"), Some("ssh-server")),
    ];

    #[test]
    fn tasks_are_found_with_and_without_their_prefix() {
        let units = DebianUnits::collect(INDEX.iter().copied());
        let unit = units.task("ssh-server").expect("the task exists");
        assert_eq!(unit.kind(), DebianUnitKind::TaskPackage);
        assert_eq!(unit.packages(), ["task-ssh-server"]);
        assert_eq!(units.task("task-ssh-server"), Some(unit));
        assert_eq!(units.task("spooler"), None, "task-spooler is an ordinary program");
    }

    #[test]
    fn members_of_a_task_field_are_listed_in_order() {
        let units = DebianUnits::collect(INDEX.iter().copied());
        let unit = units.task("desktop").expect("the task exists");
        assert_eq!(unit.kind(), DebianUnitKind::TaskMembers);
        assert_eq!(unit.packages(), ["casper", "firefox"]);
        assert_eq!(units.tasks_near("dekstop"), ["desktop"]);
    }

    #[test]
    fn metapackages_are_found_by_section() {
        let units = DebianUnits::collect(INDEX.iter().copied());
        for name in ["science-physics", "casper"] {
            let unit = units.metapackage(name).expect("the metapackage exists");
            assert_eq!(unit.kind(), DebianUnitKind::Metapackage);
        }
        assert_eq!(units.iter().count(), 5);
    }
}

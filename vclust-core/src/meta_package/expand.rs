//! From the names a user gives to the items a [`Request`](crate::Request) takes.

use super::debian::DebianUnits;
use super::error::MetaPackageError;
use super::member::Need;
use super::request::NameRequest;
use super::set::MetaPackages;
use crate::closure::RequestItem;
use crate::index::Index;

impl MetaPackages {
    /// Replaces meta-packages and tasks among `names` by their packages and leaves everything else
    /// as it is, in order and without repeats. `recommended` are included where asked for and
    /// where the index has them.
    pub fn expand_names(
        &self,
        index: &Index,
        names: &[String],
        recommended: bool,
    ) -> Result<Vec<String>, MetaPackageError> {
        let mut items: Vec<String> = Vec::new();
        let mut add = |item: &str| {
            if !items.iter().any(|known| known == item) {
                items.push(item.to_owned());
            }
        };
        let exists = |name: &str| index.find(name).is_some();
        for name in names {
            match NameRequest::parse(name) {
                NameRequest::Plain(text) => {
                    let known = index.knows(&RequestItem::parse(index, text).name);
                    if known || self.get(text).is_none() {
                        add(text);
                    } else {
                        self.add_members(text, recommended, &exists, &mut add)?;
                    }
                }
                NameRequest::MetaPackage(id) => {
                    self.add_members(id, recommended, &exists, &mut add)?;
                }
                NameRequest::Task(task) => {
                    let units = DebianUnits::of_index(index);
                    let unit = units.task(task).ok_or_else(|| MetaPackageError::UnknownTask {
                        name: task.to_owned(),
                        suggestions: units.tasks_near(task),
                    })?;
                    for package in unit.packages() {
                        add(package);
                    }
                }
            }
        }
        Ok(items)
    }

    fn add_members(
        &self,
        id: &str,
        recommended: bool,
        exists: &dyn Fn(&str) -> bool,
        add: &mut dyn FnMut(&str),
    ) -> Result<(), MetaPackageError> {
        for member in self.expand(id)? {
            let chosen = member.choose(exists);
            let available =
                member.need() == Need::Required || recommended && member.alternatives().any(exists);
            if available {
                add(chosen);
            }
        }
        Ok(())
    }
}

impl DebianUnits {
    /// The units in an index. It looks at every stanza: about 0.1 s for a Debian suite.
    #[must_use]
    pub fn of_index(index: &Index) -> Self {
        let stanzas: Vec<_> = index
            .packages()
            .filter_map(|package| package.versions().next())
            .map(|version| (version.name(), version.field("Section"), version.field("Task")))
            .collect();
        Self::collect(
            stanzas
                .iter()
                .map(|(name, section, task)| (&**name, section.as_deref(), task.as_deref())),
        )
    }
}

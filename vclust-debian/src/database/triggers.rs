//! Triggers: who is interested in what, and which of that was set off (deb-triggers(5)).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::error::DatabaseError;
use super::{Database, Record};

/// A package's control file `triggers`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TriggerFile {
    /// What the package wants to hear of: a name, or a path that everything below counts for.
    pub(crate) interests: Vec<Interest>,
    /// What it sets off when it is unpacked and when it is configured.
    pub(crate) activates: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Interest {
    pub(crate) trigger: String,
    /// Whether the package that sets it off need not wait for it.
    pub(crate) no_await: bool,
}

impl TriggerFile {
    /// Reads the file; directives that this version does not know are left to dpkg to complain of.
    pub(crate) fn parse(content: &[u8]) -> Self {
        let mut file = Self::default();
        for line in String::from_utf8_lossy(content).lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let (Some(directive), Some(trigger)) = (words.next(), words.next()) else { continue };
            if !is_trigger(trigger) {
                continue;
            }
            let trigger = trigger.to_owned();
            match directive {
                "interest" | "interest-await" => {
                    file.interests.push(Interest { trigger, no_await: false });
                }
                "interest-noawait" => file.interests.push(Interest { trigger, no_await: true }),
                "activate" | "activate-await" | "activate-noawait" => file.activates.push(trigger),
                _ => {}
            }
        }
        file
    }
}

/// Whether dpkg takes a name for a trigger's: a path, or a name that is none of a file of its own.
fn is_trigger(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.:_".contains(&byte);
    name.starts_with('/')
        || (name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
            && name.bytes().all(is_plain)
            && !["File", "Unincorp", "Lock"].contains(&name))
}

/// All interests of the packages in a root, in the order in which they came up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Interests(Vec<Interested>);

/// That a package is interested in a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Interested {
    trigger: String,
    package: String,
    no_await: bool,
}

impl Interests {
    pub(super) fn extend(&mut self, records: &[Record<'_>]) {
        for record in records {
            for Interest { trigger, no_await } in &record.triggers.interests {
                self.add(trigger, &record.stem, *no_await);
            }
        }
    }

    /// A package's interest is told once; what it said last counts.
    fn add(&mut self, trigger: &str, package: &str, no_await: bool) {
        let same = |known: &&mut Interested| known.trigger == trigger && known.package == package;
        if let Some(known) = self.0.iter_mut().find(same) {
            known.no_await = no_await;
            return;
        }
        let (trigger, package) = (trigger.to_owned(), package.to_owned());
        self.0.push(Interested { trigger, package, no_await });
    }

    /// The triggers that new packages set off in others, of which `ready` says whether their
    /// triggers run.
    pub(super) fn activations(
        &self,
        records: &[Record<'_>],
        ready: impl Fn(&str) -> bool,
    ) -> BTreeSet<String> {
        let waiting: BTreeSet<&String> = self
            .0
            .iter()
            .filter(|interested| ready(&interested.package))
            .map(|interested| &interested.trigger)
            .collect();
        let mut activated = BTreeSet::new();
        for trigger in waiting {
            let set_off = if let Some(directory) = trigger.strip_prefix('/') {
                let below = |path: &Vec<u8>| is_at_or_below(path, directory.as_bytes());
                records.iter().any(|record| record.paths.iter().any(below))
            } else {
                records.iter().any(|record| record.triggers.activates.contains(trigger))
            };
            if set_off {
                activated.insert(trigger.clone());
            }
        }
        activated
    }
}

fn is_at_or_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

impl Database {
    /// Reads `triggers/File` and the files of named triggers.
    pub(super) fn interests(&self) -> Result<Interests, DatabaseError> {
        let mut interests = Interests::default();
        let mut add = |trigger: &str, package: &str| {
            let (name, no_await) = match package.strip_suffix("/noawait") {
                Some(name) => (name, true),
                None => (package, false),
            };
            interests.add(trigger, name, no_await);
        };
        let file = self.read_if_there("triggers/File")?;
        for (number, line) in String::from_utf8_lossy(&file).lines().enumerate() {
            let Some((trigger, package)) = line.split_once(' ') else {
                return Err(DatabaseError::Line {
                    path: self.admin.join("triggers/File"),
                    line: number + 1,
                    text: line.to_owned(),
                });
            };
            add(trigger, package.trim());
        }
        let directory = self.admin.join("triggers");
        let entries = std::fs::read_dir(&directory).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().into_string());
        let mut names: Vec<String> = names.filter_map(Result::ok).collect();
        names.sort();
        for name in names {
            if ["File", "Unincorp", "Lock"].contains(&name.as_str()) {
                continue;
            }
            let content = self.read_if_there(&format!("triggers/{name}"))?;
            for line in String::from_utf8_lossy(&content).lines() {
                add(&name, line.trim());
            }
        }
        Ok(interests)
    }

    pub(super) fn write_interests(&self, interests: &Interests) -> Result<(), DatabaseError> {
        let mut file = String::new();
        let mut named: BTreeMap<&str, String> = BTreeMap::new();
        for Interested { trigger, package, no_await } in &interests.0 {
            let suffix = if *no_await { "/noawait" } else { "" };
            if trigger.starts_with('/') {
                let _ = writeln!(file, "{trigger} {package}{suffix}");
            } else {
                let _ = writeln!(named.entry(trigger).or_default(), "{package}{suffix}");
            }
        }
        for (trigger, packages) in named {
            self.write(&format!("triggers/{trigger}"), packages.as_bytes())?;
        }
        self.write("triggers/File", file.as_bytes())
    }

    /// Notes triggers that were set off, for dpkg to take up when it starts next; nobody waits for
    /// them, as all are run before the installation ends.
    pub(super) fn add_pending(&self, triggers: &BTreeSet<String>) -> Result<(), DatabaseError> {
        if triggers.is_empty() {
            return Ok(());
        }
        let mut content = self.read_if_there("triggers/Unincorp")?;
        for trigger in triggers {
            content.extend_from_slice(format!("{trigger} -\n").as_bytes());
        }
        self.write("triggers/Unincorp", &content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(stem: &str, paths: &'a [Vec<u8>], triggers: &str) -> Record<'a> {
        Record {
            name: "",
            stem: stem.to_owned(),
            stanza: Vec::new(),
            paths,
            members: Vec::new(),
            triggers: TriggerFile::parse(triggers.as_bytes()),
        }
    }

    #[test]
    fn directives_are_read_and_comments_skipped() {
        let text = "# by hand\ninterest-noawait /usr/share/man # all\nactivate-noawait ldconfig\n\
                    interest one\n";
        let file = TriggerFile::parse(text.as_bytes());
        let interest = |trigger: &str, no_await| Interest { trigger: trigger.to_owned(), no_await };
        assert_eq!(file.interests, [interest("/usr/share/man", true), interest("one", false)]);
        assert_eq!(file.activates, ["ldconfig"]);
    }

    #[test]
    fn paths_set_off_the_triggers_of_directories_above_them() {
        let mut interests = Interests::default();
        let none = Vec::new();
        interests.extend(&[
            record("man-db", &none, "interest-noawait /usr/share/man"),
            record("libc-bin", &none, "interest-noawait ldconfig"),
            record("new", &none, "interest-noawait /usr/share"),
        ]);
        let paths = [b"usr/share/man/man1/a.1.gz".to_vec()];
        let manual = [record("a", &paths, "activate ldconfig")];
        let ready = |name: &str| name != "new";
        let activated: Vec<String> = interests.activations(&manual, ready).into_iter().collect();
        assert_eq!(activated, ["/usr/share/man", "ldconfig"]);
        let paths = [b"usr/share/manual".to_vec()];
        let other = [record("a", &paths, "")];
        assert!(interests.activations(&other, ready).is_empty());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let root = tempfile::tempdir().unwrap();
        let database = Database::of(root.path());
        database.create("amd64").unwrap();
        let none = Vec::new();
        let mut interests = Interests::default();
        interests.extend(&[
            record("man-db", &none, "interest-noawait /usr/share/man"),
            record("other", &none, "interest /usr/share/man\ninterest /usr/lib\ninterest man"),
        ]);
        database.write_interests(&interests).unwrap();
        assert_eq!(database.interests().unwrap(), interests);
    }
}

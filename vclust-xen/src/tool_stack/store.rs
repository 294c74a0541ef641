//! xenstored, which every domain and the tool stack share: a tree of small values.

use std::time::{Duration, Instant};

use vclust_core::HypervisorProblem;

use super::{ToolStack, failed, unreadable};
use crate::parse::{StoreEntry, store_entries};
use crate::problem::Outcome;

/// The Debian package with the programs that read and write the store.
pub(super) const PACKAGE: &str = "xenstore-utils";
/// What a program says where there is no such path.
const ABSENT: [&str; 2] = ["couldn't read path", "No such file or directory"];
/// How long a watch is waited for before the value is read all the same: a change between the reading
/// and the watching is told by no watch.
const WATCHED: Duration = Duration::from_secs(1);

impl ToolStack {
    /// The value of a path; none if it is not there.
    pub fn read(&self, path: &str) -> Result<Option<String>, HypervisorProblem> {
        self.read_within(path, self.answer)
    }

    fn read_within(&self, path: &str, deadline: Duration) -> Outcome<Option<String>> {
        let output = self.run(self.call("xenstore-read").arg(path), deadline)?;
        if output.status.success() {
            let text = String::from_utf8_lossy(&output.stdout);
            // the program ends the value with a line's end of its own
            return Ok(Some(text.strip_suffix('\n').unwrap_or(&text).to_owned()));
        }
        if ABSENT.iter().any(|text| output.stderr.contains(text)) {
            return Ok(None);
        }
        Err(failed(&output))
    }

    /// Everything below a path; nothing if it is not there.
    pub fn entries(&self, path: &str) -> Result<Vec<StoreEntry>, HypervisorProblem> {
        let output = self.run(self.call("xenstore-ls").arg("-f").arg(path), self.answer)?;
        if !output.status.success() {
            let absent = ABSENT.iter().any(|text| output.stderr.contains(text));
            return if absent { Ok(Vec::new()) } else { Err(failed(&output)) };
        }
        let text = String::from_utf8_lossy(&output.stdout);
        store_entries(&text).map_err(unreadable("xenstore-ls"))
    }

    /// Writes a value.
    pub fn write(&self, path: &str, value: &str) -> Result<(), HypervisorProblem> {
        self.done(self.call("xenstore-write").arg(path).arg(value), self.answer)
    }

    /// Waits until the value of a path is as wanted, and answers it. The store tells of changes, so
    /// that waiting costs nothing.
    pub fn wait_for(
        &self,
        path: &str,
        mut wanted: impl FnMut(&str) -> bool,
        deadline: Duration,
    ) -> Result<String, HypervisorProblem> {
        let end = Instant::now() + deadline;
        loop {
            let value = self.read(path)?;
            if let Some(value) = value.as_deref().filter(|value| wanted(value)) {
                return Ok(value.to_owned());
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let value = value.unwrap_or_else(|| "absent".to_owned());
                let said = format!("nothing; {path} is {value}");
                return Err(HypervisorProblem::Late { deadline, said });
            }
            // the first of the two events only says that the watch is there
            let watch = self.call("xenstore-watch").args(["-n", "2", path]).command();
            match watch.timeout(left.min(WATCHED)).run() {
                Ok(_) | Err(vclust_process::CommandError::TimedOut { .. }) => {}
                Err(vclust_process::CommandError::Missing { program, package }) => {
                    return Err(HypervisorProblem::Missing { program, package });
                }
                Err(other) => return Err(HypervisorProblem::Other(Box::new(other))),
            }
        }
    }

    /// Whether the store is there for anybody.
    pub(super) fn store_answers(&self, within: Duration) -> bool {
        // a program that is missing or a path that is not there says nothing against the store
        !matches!(self.read_within("/", within), Err(HypervisorProblem::Late { .. }))
    }
}

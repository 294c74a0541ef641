//! Calls of Xen's programs, each with a deadline, and what they answered.
//!
//! No answer of these calls says that something was done; see [`crate::Xen`] for that. Every call is one
//! program, and a program that hangs is killed with its children. As everything but `xl info` waits
//! for xenstored, a call that takes too long asks it, and says so if it is silent.

mod store;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vclust_core::{ByteSize, HypervisorProblem};
use vclust_process::{CommandError, CommandOutput, ExternalCommand, Mark};

use crate::options::XenOptions;
use crate::parse::{
    Configured, Failure, HostInformation, Listed, Unreadable, Uuid, classify, configured,
    host_information, listed, telling,
};
use crate::problem::{Outcome, XenProblem};

/// The Debian package that has `xl`.
const PACKAGE: &str = "xen-utils-common";
/// What does not wait for xenstored, or is how it is asked.
const INDEPENDENT: [&str; 2] = ["xl info", "xenstore-read"];
/// How long xenstored may take to say that it is there, once something has waited for long.
const PROBE: Duration = Duration::from_secs(5);

/// The programs of Xen's tool stack.
#[derive(Debug, Clone)]
pub struct ToolStack {
    programs: Option<PathBuf>,
    answer: Duration,
    patience: Duration,
}

impl ToolStack {
    /// The programs, as they are chosen.
    #[must_use]
    pub fn new(options: &XenOptions) -> Self {
        let XenOptions { programs, answer, patience, .. } = options.clone();
        Self { programs, answer, patience }
    }

    /// What the host is and has.
    pub fn information(&self) -> Result<HostInformation, HypervisorProblem> {
        let text = self.text(self.xl("info"), self.answer)?;
        host_information(&text).map_err(unreadable("xl info"))
    }

    /// All domains, the control domain included.
    pub fn list(&self) -> Result<Vec<Listed>, HypervisorProblem> {
        let text = self.text(self.xl("list").arg("-v"), self.answer)?;
        listed(&text).map_err(unreadable("xl list -v"))
    }

    /// The domain with a UUID, whatever its number is by now.
    pub fn find(&self, uuid: Uuid) -> Result<Option<Listed>, HypervisorProblem> {
        Ok(self.list()?.into_iter().find(|domain| domain.uuid == Some(uuid)))
    }

    /// What a domain is configured as; none if there is no domain of that number.
    pub fn configured(&self, id: u32) -> Result<Option<Configured>, HypervisorProblem> {
        let call = self.xl("list").arg("-l").arg(id.to_string());
        let output = self.run(call, self.answer)?;
        if !output.status.success() {
            return match classify(&output.stderr) {
                Failure::NoDomain => Ok(None),
                _ => Err(failed(&output)),
            };
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let all = configured(&text).map_err(unreadable("xl list -l"))?;
        Ok(all.into_iter().find(|domain| domain.id == id))
    }

    /// Makes a domain. What goes on for it in this system carries the mark.
    pub fn create(&self, configuration: &Path, mark: &Mark) -> Result<(), HypervisorProblem> {
        let call = self.xl("create").arg(configuration).mark(mark);
        self.done(call, self.patience)
    }

    /// What `xl` understands of a configuration, as a document; nothing is made.
    pub fn understood(&self, configuration: &Path) -> Result<serde_json::Value, HypervisorProblem> {
        let text = self.text(self.xl("create").arg("-n").arg(configuration), self.answer)?;
        serde_json::from_str(&text).map_err(|error| unreadable("xl create -n")(error.into()))
    }

    /// Holds a domain. Xen counts: who is held twice goes on after two calls of [`Self::unpause`].
    pub fn pause(&self, id: u32) -> Result<(), HypervisorProblem> {
        self.done(self.xl("pause").arg(id.to_string()), self.answer)
    }

    /// Takes one hold from a domain.
    pub fn unpause(&self, id: u32) -> Result<(), HypervisorProblem> {
        self.done(self.xl("unpause").arg(id.to_string()), self.answer)
    }

    /// Asks a guest to switch itself off. A guest that does not hear it keeps the program for a minute.
    pub fn shut_down(&self, id: u32, deadline: Duration) -> Result<(), HypervisorProblem> {
        self.done(self.xl("shutdown").arg(id.to_string()), deadline)
    }

    /// Asks a guest to start again.
    pub fn reboot(&self, id: u32, deadline: Duration) -> Result<(), HypervisorProblem> {
        self.done(self.xl("reboot").arg(id.to_string()), deadline)
    }

    /// Removes a domain.
    pub fn destroy(&self, id: u32) -> Result<(), HypervisorProblem> {
        self.done(self.xl("destroy").arg(id.to_string()), self.patience)
    }

    /// Writes memory and state of a domain into a file, and removes it.
    pub fn save(&self, id: u32, file: &Path) -> Result<(), HypervisorProblem> {
        self.done(self.xl("save").arg(id.to_string()).arg(file), self.patience)
    }

    /// Makes a domain of a configuration, with memory and state of a file.
    pub fn restore(
        &self,
        configuration: &Path,
        file: &Path,
        mark: &Mark,
    ) -> Result<(), HypervisorProblem> {
        let call = self.xl("restore").arg(configuration).arg(file).mark(mark);
        self.done(call, self.patience)
    }

    /// Asks a guest to have so much memory.
    pub fn set_memory(&self, id: u32, memory: ByteSize) -> Result<(), HypervisorProblem> {
        let mebibytes = memory.bytes().div_ceil(1 << 20);
        self.done(self.xl("mem-set").arg(id.to_string()).arg(mebibytes.to_string()), self.answer)
    }

    fn xl(&self, command: &str) -> Call {
        self.call("xl").arg(command)
    }

    fn call(&self, program: &'static str) -> Call {
        let path = match &self.programs {
            Some(directory) => directory.join(program).into_os_string(),
            None => program.into(),
        };
        Call { path, words: vec![program.into()], mark: None }
    }

    /// Runs a program to its end within the deadline, of which a part is kept to find out why it waits.
    fn run(&self, call: Call, deadline: Duration) -> Outcome<CommandOutput> {
        let start = Instant::now();
        let probe = PROBE.min(deadline / 4);
        let own = deadline.saturating_sub(probe);
        let described = call.described();
        let waits_for_store = !INDEPENDENT.contains(&described.as_str());
        let command = call.command();
        match command.timeout(own).run() {
            Ok(output) => Ok(output),
            Err(CommandError::TimedOut { stderr, .. }) => {
                if waits_for_store && !self.store_answers(probe) {
                    let (program, waited) = (described, start.elapsed());
                    return Err(XenProblem::Store { program, waited }.into());
                }
                Err(HypervisorProblem::Late { deadline, said: telling(&stderr) })
            }
            Err(CommandError::Missing { program, package }) => {
                Err(HypervisorProblem::Missing { program, package })
            }
            Err(other) => Err(HypervisorProblem::Other(Box::new(other))),
        }
    }

    /// Runs a program that has to say that it succeeded.
    fn done(&self, call: Call, deadline: Duration) -> Outcome<()> {
        let output = self.run(call, deadline)?;
        if output.status.success() { Ok(()) } else { Err(failed(&output)) }
    }

    fn text(&self, call: Call, deadline: Duration) -> Outcome<String> {
        let output = self.run(call, deadline)?;
        if !output.status.success() {
            return Err(failed(&output));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// A program with its arguments, before it is run.
struct Call {
    path: OsString,
    /// The program and its arguments.
    words: Vec<OsString>,
    mark: Option<Mark>,
}

impl Call {
    fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.words.push(word.as_ref().to_owned());
        self
    }

    fn args<W: AsRef<OsStr>>(self, words: impl IntoIterator<Item = W>) -> Self {
        words.into_iter().fold(self, Self::arg)
    }

    fn mark(mut self, mark: &Mark) -> Self {
        self.mark = Some(mark.clone());
        self
    }

    /// The program with its command, if it has commands, for people.
    fn described(&self) -> String {
        let words = if self.words[0] == "xl" { 2 } else { 1 };
        let words: Vec<_> =
            self.words.iter().take(words).map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    fn command(self) -> ExternalCommand {
        let package = match self.words.first().and_then(|program| program.to_str()) {
            Some("xl") => PACKAGE,
            _ => store::PACKAGE,
        };
        let command = ExternalCommand::new(&self.path, package).args(self.words.iter().skip(1));
        match &self.mark {
            // what looks after a domain goes on in the background
            Some(mark) => command.env(Mark::VARIABLE, mark.as_str()).leave_children(),
            None => command,
        }
    }
}

fn unreadable(program: &'static str) -> impl FnOnce(Unreadable) -> HypervisorProblem {
    move |source| XenProblem::Output { program: program.to_owned(), source }.into()
}

/// What a program that says it failed was hindered by.
fn failed(output: &CommandOutput) -> HypervisorProblem {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let said = if output.stderr.is_empty() { stdout.trim() } else { output.stderr.as_str() };
    let told = telling(said);
    match classify(said) {
        Failure::NoDomain => HypervisorProblem::Unknown,
        Failure::NameTaken => HypervisorProblem::InUse,
        Failure::NoXen => XenProblem::NoXen.into(),
        Failure::Rights => XenProblem::Rights.into(),
        Failure::Kernel => XenProblem::Kernel { said: told }.into(),
        Failure::Disk => XenProblem::Disk { said: told }.into(),
        Failure::Interface => XenProblem::Interface { said: told }.into(),
        _ => {
            let said = if told.is_empty() { output.status.to_string() } else { told };
            HypervisorProblem::Failed { said }
        }
    }
}

//! The backend: what of a domain's directory, process and lines each call touches.

mod end;
mod save;
mod start;
mod state;

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::json;
use vclust_core::{
    Domain, DomainConfiguration, DomainLine, DomainName, DomainState, Hypervisor, HypervisorError,
    HypervisorProblem,
};
use vclust_process::{Looks, Mark, ProcessId};

use crate::acceleration::Acceleration;
use crate::domain::{
    CHANNEL, CONSOLE, CONSOLE_LOG, CONSOLE_OLD, Directory, QMP, Run, checked, connect, define,
    line, sweep,
};
use crate::options::QemuOptions;
use crate::problem::{Outcome, QemuProblem};
use crate::qmp::Qmp;

/// How long a killed process may take to be gone.
const GONE: Duration = Duration::from_secs(10);
/// How often a domain that is waited for is looked at, at first and in the end.
const LOOKS: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));
/// File in which it is kept what was found out about acceleration.
const FOUND: &str = ".acceleration.json";

/// Domains under QEMU, below one directory.
#[derive(Debug)]
pub struct Qemu {
    directory: PathBuf,
    mark: Mark,
    options: QemuOptions,
    acceleration: OnceLock<Acceleration>,
}

impl Qemu {
    /// Opens the domains below a directory, which is made if it is not there. Their processes are
    /// marked with their names below `mark`, which must be no other directory's.
    pub fn open(
        directory: &Path,
        mark: Mark,
        options: QemuOptions,
    ) -> Result<Self, HypervisorError> {
        let failed =
            |problem| HypervisorError { action: "open the domains", domain: None, problem };
        let directory = std::path::absolute(directory)
            .map_err(|error| failed(HypervisorProblem::file("find", directory)(error)))?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(|error| failed(HypervisorProblem::file("make", &directory)(error)))?;
        sweep(&directory);
        let acceleration = options.acceleration.map(OnceLock::from).unwrap_or_default();
        Ok(Self { directory, mark, options, acceleration })
    }

    /// How guests run here. The first call of all on a machine since its start tries, which takes up to
    /// five seconds; the answer is kept for later ones.
    pub fn acceleration(&self) -> Result<Acceleration, HypervisorError> {
        let failed = |problem| HypervisorError { action: "run guests", domain: None, problem };
        self.find_acceleration().map_err(failed)
    }

    fn find_acceleration(&self) -> Outcome<Acceleration> {
        if let Some(known) = self.acceleration.get() {
            return Ok(*known);
        }
        let program = &self.options.program;
        let default = self.directory.join(FOUND);
        let found = self.options.found.as_deref().unwrap_or(&default);
        let acceleration =
            Acceleration::find(program, found).map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => HypervisorProblem::Missing {
                    program: program.display().to_string(),
                    package: start::PACKAGE,
                },
                _ => HypervisorProblem::file("run", program)(error),
            })?;
        Ok(*self.acceleration.get_or_init(|| acceleration))
    }

    /// A domain, held against all others who hold it.
    fn held(&self, name: &DomainName) -> Outcome<Directory> {
        let directory = Directory::find(&self.directory, name)?;
        directory.hold(self.options.patience)?;
        Ok(directory)
    }

    /// What the processes of a domain are marked with.
    fn mark_of(&self, directory: &Directory) -> Outcome<Mark> {
        let name = directory.path().file_name().unwrap_or_default().to_string_lossy();
        self.mark.part(&name).map_err(|error| HypervisorProblem::Other(Box::new(error)))
    }

    /// The process of a domain, if it runs.
    fn process(&self, directory: &Directory) -> Outcome<Option<ProcessId>> {
        let mark = self.mark_of(directory)?;
        Ok(Run::of(directory)?.and_then(|run| run.alive(&mark)))
    }

    /// Has a domain's QEMU do something that holds it or lets it go on.
    fn switch(&self, name: &DomainName, command: &str, to: DomainState) -> Outcome<()> {
        let directory = self.held(name)?;
        let state = self.condition(&directory, self.options.answer)?;
        if state == to {
            return Ok(());
        }
        if !state.is_active() {
            return Err(HypervisorProblem::State { state });
        }
        let mut qmp = qmp_of(&directory, self.options.answer)?;
        qmp.execute(command, &json!({}))?;
        Ok(())
    }

    fn line_of(&self, name: &DomainName, socket: &str, what: &'static str) -> Outcome<DomainLine> {
        let directory = Directory::find(&self.directory, name)?;
        if self.process(&directory)?.is_none() {
            return Err(HypervisorProblem::State { state: self.look(&directory)? });
        }
        line(&directory, socket, what, self.options.answer)
    }

    fn console_tail(&self, name: &DomainName, most: u64) -> Outcome<Vec<u8>> {
        let directory = Directory::find(&self.directory, name)?;
        if let Some(run) = Run::of(&directory)? {
            run.settle();
        }
        let mut text = tail(&directory.file(CONSOLE_LOG), most)?;
        let left = most.saturating_sub(text.len() as u64);
        if left > 0 {
            let newest = std::mem::replace(&mut text, tail(&directory.file(CONSOLE_OLD), left)?);
            text.extend(newest);
        }
        Ok(text)
    }

    fn wait_for(
        &self,
        name: &DomainName,
        states: &[DomainState],
        deadline: Duration,
    ) -> Outcome<DomainState> {
        let mut looks = Looks::within(deadline, LOOKS.0, LOOKS.1);
        loop {
            let directory = Directory::find(&self.directory, name)?;
            let state = self.look(&directory)?;
            if states.contains(&state) {
                return Ok(state);
            }
            let process = self.process(&directory)?;
            let is_time = looks.again_with(|pause| match process {
                // its end is seen at once, while QEMU is asked but now and then
                Some(process) => drop(process.ends_within(pause)),
                None => std::thread::sleep(pause),
            });
            if !is_time {
                let said = format!("nothing; it is {}", state.name());
                return Err(HypervisorProblem::Late { deadline, said });
            }
        }
    }
}

/// The end of a file; nothing if it is not there.
fn tail(path: &Path, most: u64) -> Outcome<Vec<u8>> {
    let mut log = match File::open(path) {
        Ok(log) => log,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(HypervisorProblem::file("read", path)(error)),
    };
    let read = || {
        let length = log.metadata()?.len();
        log.seek(SeekFrom::Start(length.saturating_sub(most)))?;
        let mut text = Vec::new();
        log.take(most).read_to_end(&mut text)?;
        Ok(text)
    };
    read().map_err(HypervisorProblem::file("read", path))
}

/// A connection to a domain's QEMU.
fn qmp_of(directory: &Directory, answer: Duration) -> Outcome<Qmp> {
    Ok(Qmp::greet(connect(directory, QMP, answer)?, answer)?)
}

/// Puts what was tried and the domain's name to what was in the way.
fn of<T>(
    action: &'static str,
    name: &DomainName,
    outcome: Outcome<T>,
) -> Result<T, HypervisorError> {
    outcome.map_err(|problem| HypervisorError::of(action, name, problem))
}

impl Hypervisor for Qemu {
    fn name(&self) -> &'static str {
        "qemu"
    }

    fn define(&self, configuration: &DomainConfiguration) -> Result<(), HypervisorError> {
        let name = &configuration.name;
        let outcome = checked(configuration).and_then(|own| {
            // the mark is what a domain is found by
            self.mark.part(name.as_str()).map_err(|error| {
                HypervisorProblem::from(QemuProblem::Configuration(error.to_string()))
            })?;
            define(&self.directory, &own)
        });
        of("define", name, outcome)
    }

    fn start(&self, domain: &DomainName) -> Result<(), HypervisorError> {
        of("start", domain, self.start_from(domain, None))
    }

    fn restore(&self, domain: &DomainName, from: &Path) -> Result<(), HypervisorError> {
        of("restore", domain, self.start_from(domain, Some(from)))
    }

    fn save(&self, domain: &DomainName, to: &Path) -> Result<(), HypervisorError> {
        of("save", domain, self.save_to(domain, to))
    }

    fn pause(&self, domain: &DomainName) -> Result<(), HypervisorError> {
        of("pause", domain, self.switch(domain, "stop", DomainState::Paused))
    }

    fn resume(&self, domain: &DomainName) -> Result<(), HypervisorError> {
        of("resume", domain, self.switch(domain, "cont", DomainState::Running))
    }

    fn stop(&self, domain: &DomainName, deadline: Duration) -> Result<(), HypervisorError> {
        of("stop", domain, self.stop_within(domain, deadline))
    }

    fn kill(&self, domain: &DomainName) -> Result<(), HypervisorError> {
        of("kill", domain, self.kill_now(domain))
    }

    fn undefine(&self, domain: &DomainName) -> Result<(), HypervisorError> {
        of("remove", domain, self.forget(domain))
    }

    fn state(&self, domain: &DomainName) -> Result<DomainState, HypervisorError> {
        let outcome = Directory::find(&self.directory, domain).and_then(|found| self.look(&found));
        of("look at", domain, outcome)
    }

    fn list(&self) -> Result<Vec<Domain>, HypervisorError> {
        let failed =
            |problem| HypervisorError { action: "list the domains", domain: None, problem };
        self.list_all().map_err(failed)
    }

    fn wait(
        &self,
        domain: &DomainName,
        states: &[DomainState],
        deadline: Duration,
    ) -> Result<DomainState, HypervisorError> {
        of("wait for", domain, self.wait_for(domain, states, deadline))
    }

    fn console_log(&self, domain: &DomainName, most: u64) -> Result<Vec<u8>, HypervisorError> {
        of("read the console of", domain, self.console_tail(domain, most))
    }

    fn console(&self, domain: &DomainName) -> Result<DomainLine, HypervisorError> {
        of("reach the console of", domain, self.line_of(domain, CONSOLE, "console"))
    }

    fn channel(&self, domain: &DomainName) -> Result<DomainLine, HypervisorError> {
        of("reach the agent of", domain, self.line_of(domain, CHANNEL, "channel"))
    }
}

//! The backend: which of its files, calls and lines each request for a domain touches.

mod end;
mod line;
mod queue;
mod record;
mod save;
mod script;
mod start;
mod state;

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use vclust_core::{
    ByteSize, Domain, DomainConfiguration, DomainLine, DomainName, DomainState, Hypervisor,
    HypervisorError, HypervisorProblem, OnReboot,
};
use vclust_process::{Looks, Mark};

use crate::configuration::XlConfiguration;
use crate::options::{GuestKind, XenOptions};
use crate::parse::{HostInformation, Listed};
use crate::problem::{Outcome, XenProblem};
use crate::tool_stack::ToolStack;
use queue::Queue;
use record::{Record, define};

/// How often a domain that is waited for is looked at, at first and in the end.
const LOOKS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// Domains under Xen, below one directory.
#[derive(Debug)]
pub struct Xen {
    directory: PathBuf,
    mark: Mark,
    options: XenOptions,
    tools: ToolStack,
    queue: Queue,
    kind: OnceLock<GuestKind>,
}

impl Xen {
    /// Opens the domains below a directory, which is made if it is not there. What looks after them in
    /// this system is marked with their names below `mark`, which must be no other directory's.
    pub fn open(
        directory: &Path,
        mark: Mark,
        options: XenOptions,
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
        let tools = ToolStack::new(&options);
        let queue = Queue::new(options.at_once);
        Ok(Self { directory, mark, options, tools, queue, kind: OnceLock::new() })
    }

    /// The tool stack that this backend calls.
    #[must_use]
    pub fn tools(&self) -> &ToolStack {
        &self.tools
    }

    /// What the host is and has.
    pub fn host(&self) -> Result<HostInformation, HypervisorError> {
        let failed =
            |problem| HypervisorError { action: "look at the host", domain: None, problem };
        self.tools.information().map_err(failed)
    }

    /// How guests are virtualised here.
    pub fn kind(&self) -> Result<GuestKind, HypervisorError> {
        let failed =
            |problem| HypervisorError { action: "look at the host", domain: None, problem };
        self.find_kind().map_err(failed)
    }

    fn find_kind(&self) -> Outcome<GuestKind> {
        if let Some(kind) = self.options.kind.or_else(|| self.kind.get().copied()) {
            return Ok(kind);
        }
        let kind = if self.tools.information()?.has_hvm { GuestKind::Pvh } else { GuestKind::Pv };
        Ok(*self.kind.get_or_init(|| kind))
    }

    /// Has a guest start again, and waits until it does. The domain has another number then.
    pub fn reboot(&self, domain: &DomainName, deadline: Duration) -> Result<(), HypervisorError> {
        of("restart", domain, self.restart(domain, deadline))
    }

    /// Has a guest give memory back, or take back what it gave, and waits until it has.
    pub fn balloon(
        &self,
        domain: &DomainName,
        memory: ByteSize,
        deadline: Duration,
    ) -> Result<(), HypervisorError> {
        of("change the memory of", domain, self.resize(domain, memory, deadline))
    }

    /// Waits until the value of a path below a running domain's part of the store is as wanted, such as
    /// `control/feature-poweroff`, which a guest writes when it can be asked to end.
    pub fn wait_for_store(
        &self,
        domain: &DomainName,
        path: &str,
        wanted: impl FnMut(&str) -> bool,
        deadline: Duration,
    ) -> Result<String, HypervisorError> {
        let wait = || {
            let (_, found) = self.active(domain)?;
            self.tools.wait_for(&format!("/local/domain/{}/{path}", found.id), wanted, deadline)
        };
        of("wait for", domain, wait())
    }

    /// A domain, held against all others who hold it.
    fn held(&self, name: &DomainName) -> Outcome<Record> {
        let record = Record::find(&self.directory, name)?;
        record.hold(self.options.patience)?;
        Ok(record)
    }

    /// A domain that runs or is paused.
    fn active(&self, name: &DomainName) -> Outcome<(Record, Listed)> {
        let record = Record::find(&self.directory, name)?;
        match self.tools.find(record.uuid())? {
            Some(found) if state::of(&found).is_active() => Ok((record, found)),
            Some(found) => Err(HypervisorProblem::State { state: state::of(&found) }),
            None => Err(HypervisorProblem::State { state: DomainState::Off }),
        }
    }

    /// What the programs of a domain are marked with.
    fn mark_of(&self, name: &DomainName) -> Outcome<Mark> {
        self.mark.part(name.as_str()).map_err(|error| HypervisorProblem::Other(Box::new(error)))
    }

    fn console_tail(&self, name: &DomainName, most: u64) -> Outcome<Vec<u8>> {
        let record = Record::find(&self.directory, name)?;
        // it was never started
        let Some(run) = record.run()? else { return Ok(Vec::new()) };
        let path = self.log_of(name);
        let mut log = match File::open(&path) {
            Ok(log) => log,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(XenProblem::NoLog(path).into());
            }
            Err(error) => return Err(HypervisorProblem::file("read", &path)(error)),
        };
        let read = || {
            let length = log.metadata()?.len();
            // somebody may have emptied the file meanwhile
            let begin = if run.log_begin > length { 0 } else { run.log_begin };
            log.seek(SeekFrom::Start(begin.max(length.saturating_sub(most))))?;
            let mut text = Vec::new();
            log.take(most).read_to_end(&mut text)?;
            Ok(text)
        };
        read().map_err(HypervisorProblem::file("read", &path))
    }

    /// Where xenconsoled keeps what a guest says.
    fn log_of(&self, name: &DomainName) -> PathBuf {
        self.options.console_logs.join(format!("guest-{name}.log"))
    }

    fn wait_until(
        &self,
        name: &DomainName,
        states: &[DomainState],
        deadline: Duration,
    ) -> Outcome<DomainState> {
        let mut looks = looks(deadline);
        loop {
            let state = self.look(name)?;
            if states.contains(&state) {
                return Ok(state);
            }
            if !looks.again() {
                let said = format!("nothing; it is {}", state.name());
                return Err(HypervisorProblem::Late { deadline, said });
            }
        }
    }
}

/// Looks at a domain until a deadline.
fn looks(deadline: Duration) -> Looks {
    Looks::within(deadline, LOOKS.0, LOOKS.1)
}

/// Puts what was tried and the domain's name to what was in the way.
fn of<T>(
    action: &'static str,
    name: &DomainName,
    outcome: Outcome<T>,
) -> Result<T, HypervisorError> {
    outcome.map_err(|problem| HypervisorError::of(action, name, problem))
}

/// The configuration with absolute paths, as `xl` may look for them elsewhere.
fn with_absolute_paths(configuration: &DomainConfiguration) -> Outcome<DomainConfiguration> {
    let absolute = |path: &mut PathBuf| -> Outcome<()> {
        *path = std::path::absolute(&*path).map_err(HypervisorProblem::file("find", path))?;
        Ok(())
    };
    let mut own = configuration.clone();
    if let vclust_core::DomainBoot::Kernel { image, initramfs, .. } = &mut own.boot {
        absolute(image)?;
        initramfs.iter_mut().try_for_each(absolute)?;
    }
    own.disks.iter_mut().try_for_each(|disk| absolute(&mut disk.path))?;
    Ok(own)
}

impl Hypervisor for Xen {
    fn name(&self) -> &'static str {
        "xen"
    }

    fn define(&self, configuration: &DomainConfiguration) -> Result<(), HypervisorError> {
        let name = &configuration.name;
        let outcome = with_absolute_paths(configuration).and_then(|own| {
            self.mark_of(name)?;
            let record = record::Definition::new(own)?;
            // what Xen would make of it is found out before anything counts on it
            let script = self.directory.join(script::NAME);
            XlConfiguration::of(&record.configuration, record.uuid, GuestKind::Pvh, Some(&script))
                .map_err(XenProblem::Configuration)?;
            define(&self.directory, &record)
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
        of("pause", domain, self.hold_domain(domain))
    }

    fn resume(&self, domain: &DomainName) -> Result<(), HypervisorError> {
        of("resume", domain, self.let_go_on(domain))
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
        of("look at", domain, self.look(domain))
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
        of("wait for", domain, self.wait_until(domain, states, deadline))
    }

    fn console_log(&self, domain: &DomainName, most: u64) -> Result<Vec<u8>, HypervisorError> {
        of("read the console of", domain, self.console_tail(domain, most))
    }

    fn console(&self, domain: &DomainName) -> Result<DomainLine, HypervisorError> {
        of("reach the console of", domain, self.line_of(domain, line::Use::Console))
    }

    fn channel(&self, domain: &DomainName) -> Result<DomainLine, HypervisorError> {
        of("reach the agent of", domain, self.line_of(domain, line::Use::Channel))
    }
}

/// Whether a domain starts again by itself.
fn restarts(configuration: &DomainConfiguration) -> bool {
    configuration.on_reboot == OnReboot::Restart
}

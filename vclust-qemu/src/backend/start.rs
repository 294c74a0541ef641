//! Starting domains, from their configuration or from a saved state.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vclust_core::{
    ByteSize, DomainBoot, DomainConfiguration, DomainMemory, DomainName, HypervisorProblem,
};
use vclust_process::Daemon;

use super::Qemu;
use crate::acceleration::Acceleration;
use crate::domain::{
    CHANNEL, CONSOLE, CONSOLE_LOG, CONSOLE_OLD, Directory, LOG, MEMORY, QMP, Run, connect, lock,
};
use crate::host::{
    Cgroup, NETWORK_ROM, NETWORK_ROM_PACKAGE, available, keep_console, network_rom, private_file,
};
use crate::machine::{Shape, Start, command, mebibytes};
use crate::problem::{Outcome, daemon_problem};
use crate::qmp::Qmp;
use crate::saved::Saved;

/// The Debian package that has QEMU.
pub(super) const PACKAGE: &str = "qemu-system-x86";
/// Memory of the QEMU process besides the guest's: measured 30 to 50 MiB, and the translation cache.
const OVERHEAD: u64 = 64 << 20;

impl Qemu {
    pub(super) fn start_from(&self, name: &DomainName, from: Option<&Path>) -> Outcome<()> {
        let directory = self.held(name)?;
        let configuration = directory.configuration()?;
        let state = self.condition(&directory, self.options.answer)?;
        if state.is_active() {
            return Err(HypervisorProblem::State { state });
        }
        if configuration.boot == DomainBoot::Network && network_rom().is_none() {
            let program = NETWORK_ROM.to_owned();
            return Err(HypervisorProblem::Missing { program, package: NETWORK_ROM_PACKAGE });
        }
        self.tidy(&directory)?;
        let acceleration = self.find_acceleration()?;
        let saved = match from {
            Some(from) => Some(Saved::open(from, &Shape::of(&configuration, acceleration)?)?),
            None => None,
        };
        let run = self.reserve(&directory, &configuration, saved.is_some())?;
        let started = self.launch(&directory, &configuration, acceleration, saved.as_ref(), run);
        if started.is_err() {
            let _ = self.tidy(&directory);
        }
        started
    }

    /// Writes down that a domain is started, if the host has the memory for it beside what it promised
    /// to others.
    fn reserve(
        &self,
        directory: &Directory,
        configuration: &DomainConfiguration,
        cloned: bool,
    ) -> Outcome<Run> {
        let whole = mebibytes(configuration.memory) << 20;
        let guest = if cloned { self.options.clone_share.of(whole) } else { whole };
        let promised = ByteSize::new(guest + OVERHEAD);
        let run = Run { process: None, console: None, promised, cloned, cgroup: None };
        // others must see this promise before they make their own
        let all = std::fs::File::open(&self.directory)
            .map_err(HypervisorProblem::file("open", &self.directory))?;
        lock(&all, &self.directory, self.options.patience)?;
        let mut outstanding = 0;
        let entries = std::fs::read_dir(&self.directory)
            .map_err(HypervisorProblem::file("read", &self.directory))?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_str().and_then(|name| name.parse().ok());
            let Some(other) = name.map(|name| Directory::find(&self.directory, &name)) else {
                continue;
            };
            // what cannot be read promises nothing
            if let Ok(Ok(Some(run))) = other.map(|other| Run::of(&other)) {
                outstanding += run.outstanding();
            }
        }
        let meminfo = Path::new("/proc/meminfo");
        let free = available().map_err(HypervisorProblem::file("read", meminfo))?.bytes();
        let free = ByteSize::new(free.saturating_sub(outstanding));
        if promised > free {
            return Err(HypervisorProblem::Memory { needed: promised, free });
        }
        run.write(directory)?;
        Ok(run)
    }

    fn launch(
        &self,
        directory: &Directory,
        configuration: &DomainConfiguration,
        acceleration: Acceleration,
        saved: Option<&Saved>,
        mut run: Run,
    ) -> Outcome<()> {
        let fresh = |name: &str| {
            let path = directory.file(name);
            private_file(&path).map_err(HypervisorProblem::file("make", &path))
        };
        fresh(LOG)?;
        fresh(CONSOLE_LOG)?;
        directory.remove(CONSOLE_OLD)?;
        let memory = saved.map(Saved::memory);
        if memory.is_none() && configuration.memory_use == DomainMemory::Saveable {
            let size = mebibytes(configuration.memory) << 20;
            fresh(MEMORY)?
                .set_len(size)
                .map_err(HypervisorProblem::file("size", &directory.file(MEMORY)))?;
        }
        let mark = self.mark_of(directory)?;
        let group_name = format!("vclust-{}", mark.as_str().replace('/', "-"));
        let cgroup = Cgroup::make(&group_name, &configuration.limits)?;
        if let Some(cgroup) = &cgroup {
            run.cgroup = Some(cgroup.path().to_owned());
            if let Err(error) = run.write(directory) {
                Cgroup::remove(cgroup.path());
                return Err(error);
            }
        }
        let start = match &memory {
            Some(memory) => Start::Saved { memory },
            None => Start::Boot,
        };
        let program = &self.options.program;
        let command = command(program, acceleration, directory, configuration, start);
        let log = directory.file(LOG);
        // by the domain's own mark its QEMU is found, and nothing else
        let (keeper, console) = keep_console(directory.path(), &self.mark, &log)?;
        run.console = Some(keeper);
        let mut daemon = Daemon::start_with_input(command, PACKAGE, &mark, &log, console)
            .map_err(daemon_problem)?;
        run.process = Some(daemon.id());
        let up = run
            .write(directory)
            .and_then(|()| cgroup.as_ref().map_or(Ok(()), |group| group.add(daemon.id().number)))
            .and_then(|()| self.bring_up(directory, &mut daemon, saved));
        match up {
            Ok(()) => {
                daemon.detach();
                Ok(())
            }
            Err(problem) => Err(with_last_words(problem, &daemon.kill())),
        }
    }

    /// Waits until a QEMU answers, and has it take up a saved state.
    fn bring_up(
        &self,
        directory: &Directory,
        daemon: &mut Daemon,
        saved: Option<&Saved>,
    ) -> Outcome<()> {
        let patience = self.options.patience;
        let end = Instant::now() + patience;
        let mut pause = Duration::from_millis(1);
        let stream = loop {
            if directory.has(QMP) {
                // between its making and its listening a socket refuses
                if let Ok(stream) = connect(directory, QMP, Duration::ZERO) {
                    break stream;
                }
            }
            if !daemon.is_alive() {
                return Err(HypervisorProblem::Failed { said: String::new() });
            }
            if Instant::now() >= end {
                return Err(HypervisorProblem::Late { deadline: patience, said: String::new() });
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(8));
        };
        // QEMU greets when it has made the whole machine
        let left = end.saturating_duration_since(Instant::now()).max(self.options.answer);
        let mut qmp = Qmp::greet(stream, left)?;
        for name in [QMP, CONSOLE, CHANNEL] {
            let path = directory.file(name);
            std::fs::set_permissions(&path, Permissions::from_mode(0o600))
                .map_err(HypervisorProblem::file("restrict", &path))?;
        }
        match saved {
            Some(saved) => take_up(&mut qmp, saved, left),
            None => Ok(()),
        }
    }
}

/// Has a waiting QEMU take up a saved state and let it run.
fn take_up(qmp: &mut Qmp, saved: &Saved, patience: Duration) -> Outcome<()> {
    saved.check_version(qmp.version())?;
    migration_capabilities(qmp)?;
    qmp.hand("state", &saved.state()?)?;
    qmp.execute("migrate-incoming", &json!({ "uri": "fd:state" }))?;
    migration_ends(qmp, patience)?;
    let status = qmp.execute("query-status", &json!({}))?;
    if status["status"] != "running" {
        qmp.execute("cont", &json!({}))?;
    }
    Ok(())
}

/// The guest's memory is in a file and not in the stream, and QEMU says when it is done.
pub(super) fn migration_capabilities(qmp: &mut Qmp) -> Outcome<()> {
    let on = |name: &str| json!({ "capability": name, "state": true });
    let capabilities = json!({ "capabilities": [on("x-ignore-shared"), on("events")] });
    qmp.execute("migrate-set-capabilities", &capabilities)?;
    Ok(())
}

/// Waits until a state is written or read.
pub(super) fn migration_ends(qmp: &mut Qmp, patience: Duration) -> Outcome<()> {
    let last = |data: &Value| {
        let status = data["status"].as_str()?;
        matches!(status, "completed" | "failed" | "cancelled").then(|| status == "completed")
    };
    if qmp.wait("MIGRATION", patience, last)? {
        return Ok(());
    }
    let answer = qmp.execute("query-migrate", &json!({}))?;
    let said = answer["error-desc"].as_str().unwrap_or("the state is not taken").to_owned();
    Err(HypervisorProblem::Failed { said })
}

/// What QEMU wrote when it ended says more than that it did.
fn with_last_words(problem: HypervisorProblem, words: &str) -> HypervisorProblem {
    if words.is_empty() {
        return problem;
    }
    match problem {
        HypervisorProblem::Failed { .. } => HypervisorProblem::Failed { said: words.to_owned() },
        HypervisorProblem::Late { deadline, .. } => {
            HypervisorProblem::Late { deadline, said: words.to_owned() }
        }
        other => other,
    }
}

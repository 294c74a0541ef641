//! Ctrl-C and its kind: what a command leaves unfinished goes with it, at once.
//!
//! A command that makes something runs in a process of its own, the worker, and this process waits for it.
//! Asked to end, it kills the worker, the kernel ends what that had started, and what is left then
//! belongs to nobody and is removed. So it does not matter what the worker was doing: unpacking, waiting
//! for a mirror or for a script. A worker that was killed by others is cleaned up after, too.
//!
//! Signals that this process was started to ignore, as by `nohup`, stay ignored.

use std::io;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use vclust_debian::start_worker;

use crate::failure::Failure;

/// How long processes that a killed worker started may take to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Set in the environment of a worker: the process that waits for it.
const SUPERVISOR: &str = "VCLUST_SUPERVISOR";

/// What a process does with its child when it is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// It kills it.
    Kill,
    /// It passes that on: the child knows better how to end.
    PassOn,
}

/// Goes on in a worker and never returns, or returns in the worker.
///
/// `clean_up` removes what a worker with this process id left when it was killed.
pub(crate) fn supervised(clean_up: impl FnOnce(u32) -> Result<(), Failure>) -> Result<(), Failure> {
    supervised_with(|| Ok(()), clean_up)
}

/// As [`supervised`], for a worker that starts programs which go on by themselves: `end` ends those
/// of a killed one, which nobody else would, before what is left is waited for.
pub(crate) fn supervised_with(
    end: impl FnOnce() -> Result<(), Failure>,
    clean_up: impl FnOnce(u32) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if is_worker() {
        return Ok(());
    }
    let signals = signals().map_err(Failure::Restart)?;
    // what the worker leaves running is inherited, and can be waited for
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let child = start_worker(SUPERVISOR).map_err(Failure::Restart)?;
    let worker = child.id();
    let (status, asked) = wait(child, signals, Asked::Kill).map_err(Failure::Restart)?;
    if status.code().is_none() {
        let ended = end();
        reap(PATIENCE);
        clean_up(worker)?;
        ended?;
    }
    end_as(status, asked)
}

/// Waits for processes that the worker left: the kernel is ending them.
fn reap(patience: Duration) {
    let deadline = Instant::now() + patience;
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            // none is left, or one does not end
            Ok(None) | Err(_) => return,
        }
    }
}

/// Waits for a child that does this process's work, and ends as it did.
pub(crate) fn stand_in(start: impl FnOnce() -> Result<Child, Failure>) -> Result<(), Failure> {
    let signals = signals().map_err(Failure::Restart)?;
    let child = start()?;
    let (status, asked) = wait(child, signals, Asked::PassOn).map_err(Failure::Restart)?;
    end_as(status, asked)
}

/// Whether the process that started this one waits for it as its supervisor.
fn is_worker() -> bool {
    let supervisor = std::env::var(SUPERVISOR).ok().and_then(|text| text.parse::<i32>().ok());
    let parent = rustix::process::getppid().map(Pid::as_raw_nonzero);
    parent.is_some_and(|parent| Some(parent.get()) == supervisor)
}

/// The signals by which people and systems ask a program to end, less those that are ignored.
fn signals() -> io::Result<Signals> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let heard = [SIGINT, SIGTERM, SIGHUP].into_iter();
    Signals::new(heard.filter(|signal| ignored >> (signal - 1) & 1 == 0))
}

/// Waits for a child; the signal, if any, by which this process was asked to end meanwhile.
fn wait(
    mut child: Child,
    mut signals: Signals,
    asked: Asked,
) -> io::Result<(ExitStatus, Option<i32>)> {
    let process = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
    let handle = signals.handle();
    let listener = thread::spawn(move || {
        let mut first = None;
        for signal in signals.forever() {
            first.get_or_insert(signal);
            let sent = match (asked, signal) {
                (Asked::Kill, _) => Signal::KILL,
                (Asked::PassOn, SIGINT) => Signal::INT,
                (Asked::PassOn, SIGHUP) => Signal::HUP,
                (Asked::PassOn, _) => Signal::TERM,
            };
            // one that has just ended needs no signal
            let _ = rustix::process::pidfd_send_signal(&process, sent);
        }
        first
    });
    let status = child.wait();
    handle.close();
    let first = listener.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    Ok((status?, first))
}

/// Ends with the same exit code, or by a signal: the one that was asked for, or else the child's.
fn end_as(status: ExitStatus, asked: Option<i32>) -> Result<(), Failure> {
    use std::os::unix::process::ExitStatusExt;
    if let Some(code) = status.code() {
        std::process::exit(code);
    }
    let signal = asked.or(status.signal()).unwrap_or(SIGTERM);
    signal_hook::low_level::emulate_default_handler(signal).map_err(Failure::Restart)
}

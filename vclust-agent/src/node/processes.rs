//! Programs that the agent starts, and the orphans that the first process of a machine inherits.
//!
//! Whoever ends is reaped in one place, which passes on how the agent's own programs ended; nothing
//! else may wait for a child.

use std::collections::HashMap;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions};

use super::error::AgentError;
use crate::protocol::{Report, Run};

/// Bytes of a program's output that are kept: the last of it.
const KEPT: usize = 16 << 10;

/// Bytes of it that an error quotes.
const QUOTED: usize = 2500;
/// Characters of a command that an error shows.
const SHOWN: usize = 300;

/// Where programs are looked for.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    /// Its exit status; none if a signal ended it.
    pub(super) status: Option<i32>,
}

#[derive(Default)]
struct Children {
    waiting: HashMap<u32, Sender<Ended>>,
    /// Programs started so far.
    started: u64,
}

struct Shared {
    children: Mutex<Children>,
    started: Condvar,
}

/// The one who reaps, from its first use on.
fn reaper() -> Arc<Shared> {
    static REAPER: OnceLock<Arc<Shared>> = OnceLock::new();
    let made = REAPER.get_or_init(|| {
        let shared = Arc::new(Shared { children: Mutex::default(), started: Condvar::new() });
        let reaping = Arc::clone(&shared);
        thread::spawn(move || reap(&reaping));
        shared
    });
    Arc::clone(made)
}

fn lock(shared: &Shared) -> MutexGuard<'_, Children> {
    shared.children.lock().unwrap_or_else(PoisonError::into_inner)
}

fn reap(shared: &Shared) {
    loop {
        let seen = lock(shared).started;
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) => {
                let number = pid.as_raw_nonzero().get().unsigned_abs();
                let sender = lock(shared).waiting.remove(&number);
                if let Some(sender) = sender {
                    let _ = sender.send(Ended { status: status.exit_status() });
                }
            }
            Ok(None) => {}
            // there is nobody to wait for until somebody is started
            Err(_) => {
                let mut children = lock(shared);
                while children.started == seen {
                    children =
                        shared.started.wait(children).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

/// A program that was started.
pub(super) struct Started {
    pub(super) child: Child,
    ended: Receiver<Ended>,
}

/// Starts a program.
pub(super) fn start(command: &mut Command) -> io::Result<Started> {
    let shared = reaper();
    let mut children = lock(&shared);
    let child = command.spawn()?;
    let (sender, ended) = mpsc::channel();
    children.waiting.insert(child.id(), sender);
    children.started += 1;
    drop(children);
    shared.started.notify_all();
    Ok(Started { child, ended })
}

impl Started {
    /// Waits until it has ended.
    pub(super) fn wait(&self) -> Ended {
        self.ended.recv().unwrap_or(Ended { status: None })
    }

    /// Waits until it has ended; after the time it is killed with its group.
    fn ends_within(&self, time: Duration) -> Ended {
        match self.ended.recv_timeout(time) {
            Ok(ended) => ended,
            Err(RecvTimeoutError::Disconnected) => Ended { status: None },
            Err(RecvTimeoutError::Timeout) => {
                let group = Pid::from_child(&self.child);
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
                let _ = self.ended.recv();
                Ended { status: None }
            }
        }
    }
}

/// Runs a program to its end, and answers how it ended with the end of its output. After the time it is
/// killed.
pub(super) fn run(command: &mut Command, time: Duration) -> io::Result<(Ended, String)> {
    run_with(command, Stdio::null(), time, |_| ()).map(|(ended, output, ())| (ended, output))
}

/// As [`run`], with what the program reads; if that is a pipe, `feed` writes into it meanwhile.
fn run_with<T: Send>(
    command: &mut Command,
    input: Stdio,
    time: Duration,
    feed: impl FnOnce(Option<ChildStdin>) -> T + Send,
) -> io::Result<(Ended, String, T)> {
    // the kernel gives the first process none
    if !command.get_envs().any(|(name, _)| name == "PATH") {
        command.env("PATH", PATH);
    }
    command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut started = start(command)?;
    let kept = Arc::new(Mutex::new(Vec::new()));
    let outputs = [
        started.child.stdout.take().map(|pipe| collect(pipe, &kept)),
        started.child.stderr.take().map(|pipe| collect(pipe, &kept)),
    ];
    let pipe = started.child.stdin.take();
    let (ended, outcome) = thread::scope(|scope| {
        let feeding = scope.spawn(|| feed(pipe));
        let ended = started.ends_within(time);
        (ended, feeding.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    // a program in the background may hold the pipes open for ever; what it says later is lost
    for output in outputs.into_iter().flatten() {
        let _ = output.recv_timeout(Duration::from_millis(500));
    }
    let text = kept.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((ended, String::from_utf8_lossy(&text).into_owned(), outcome))
}

fn collect(mut pipe: impl Read + Send + 'static, kept: &Arc<Mutex<Vec<u8>>>) -> Receiver<()> {
    let (sender, receiver) = mpsc::channel();
    let kept = Arc::clone(kept);
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut chunk) {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend_from_slice(&chunk[..read]);
            let excess = kept.len().saturating_sub(KEPT);
            kept.drain(..excess);
        }
        let _ = sender.send(());
    });
    receiver
}

/// Runs a program that must succeed.
pub(super) fn succeed(command: &mut Command, time: Duration) -> Result<String, AgentError> {
    succeed_with(command, Stdio::null(), time)
}

/// Runs a program that must succeed, with what it reads.
pub(super) fn succeed_with(
    command: &mut Command,
    input: Stdio,
    time: Duration,
) -> Result<String, AgentError> {
    let ran = run_with(command, input, time, |_| ());
    let (ended, said, ()) = ran.map_err(|error| not_started(command, error))?;
    success(command, time, ended, said)
}

/// Runs a program that must succeed, while `feed` writes what it reads. Answers what came of both; an
/// error says that the program did not start.
#[expect(clippy::type_complexity, reason = "two results side by side")]
pub(super) fn succeed_fed<T: Send>(
    command: &mut Command,
    time: Duration,
    feed: impl FnOnce(ChildStdin) -> Result<T, AgentError> + Send,
) -> Result<(Result<String, AgentError>, Result<T, AgentError>), AgentError> {
    let feed = |pipe: Option<ChildStdin>| match pipe {
        Some(pipe) => feed(pipe),
        None => Err(AgentError::Missing("a program has no input".to_owned())),
    };
    let ran = run_with(command, Stdio::piped(), time, feed);
    let (ended, said, outcome) = ran.map_err(|error| not_started(command, error))?;
    Ok((success(command, time, ended, said), outcome))
}

fn not_started(command: &Command, error: io::Error) -> AgentError {
    AgentError::doing(format!("run {}", shortened(command)))(error)
}

fn success(
    command: &Command,
    time: Duration,
    ended: Ended,
    said: String,
) -> Result<String, AgentError> {
    let status = match ended.status {
        Some(0) => return Ok(said),
        Some(status) => format!("exit status {status}"),
        None => format!("killed, perhaps after its {} s were over", time.as_secs()),
    };
    let said = last(said.trim(), QUOTED).to_owned();
    Err(AgentError::Command { command: shortened(command), status, said })
}

/// The end of a text, from a line's beginning if that is possible.
fn last(text: &str, bytes: usize) -> &str {
    let mut from = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let end = &text[from..];
    match end.split_once('\n') {
        Some((_, rest)) if from > 0 => rest,
        _ => end,
    }
}

/// A command as an error shows it: a run of dpkg may name a thousand packages.
fn shortened(command: &Command) -> String {
    let arguments = command.get_args().map(std::ffi::OsStr::to_string_lossy);
    let program = command.get_program().to_string_lossy();
    let text = std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Runs what the head node orders, as the user it names.
pub(super) fn run_order(order: &Run) -> Report {
    let mut command = Command::new("/bin/su");
    command.args(["-", &order.user, "-s", "/bin/sh", "-c", &order.command]);
    if order.user == "root" {
        command = Command::new("/bin/sh");
        command.args(["-c", &order.command]).current_dir("/").env("HOME", "/root");
    }
    let time = Duration::from_secs(u64::from(order.timeout));
    match run(&mut command, time) {
        Ok((ended, output)) => Report::Ran { id: order.id, status: ended.status, output },
        Err(error) => Report::Ran {
            id: order.id,
            status: None,
            output: format!("it does not start: {error}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn programs_are_waited_for_and_killed_in_time() {
        let (ended, output) = run(&mut shell("echo a; echo b >&2; exit 3"), Duration::MAX).unwrap();
        assert_eq!(ended.status, Some(3));
        assert_eq!(output.len(), 4);
        let (ended, _) =
            run(&mut shell("sleep 60 & sleep 60"), Duration::from_millis(100)).unwrap();
        assert_eq!(ended.status, None);
        let (_, output) =
            run(&mut shell("head -c 100000 /dev/zero; echo end"), Duration::MAX).unwrap();
        assert!(output.len() == KEPT && output.ends_with("end\n"));
        let error = succeed(&mut shell("echo no; exit 1"), Duration::MAX).unwrap_err();
        assert!(error.to_string().ends_with("failed (exit status 1): no"), "{error}");
    }
}

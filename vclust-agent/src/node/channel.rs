//! The line to the head node: a port of the virtual machine, which is there before any network.
//!
//! The kernel's command line may name a terminal instead, as under Xen, where console and channel are one.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::termios::{OptionalActions, isatty, tcgetattr, tcsetattr};

use super::error::AgentError;
use crate::protocol::{LONGEST_ORDER, Lines, Order, PORT, Report, with_causes, write_line};

/// How long the machine's ports may take to appear.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait where nobody is at the other end.
const PAUSE: Duration = Duration::from_millis(3);

/// Where orders come from.
pub(super) struct Orders {
    lines: Lines<File, Order>,
}

/// Where reports go.
pub(super) struct Reports {
    port: Mutex<File>,
}

/// Opens the channel.
pub(super) fn open() -> Result<(Orders, Reports), AgentError> {
    let path = find()?;
    let mut options = OpenOptions::new();
    // a terminal must not become one that ends this process
    let flags = i32::try_from(OFlags::NOCTTY.bits()).unwrap_or(0);
    let port = options.read(true).write(true).custom_flags(flags).open(&path);
    let port = port.map_err(AgentError::doing(format!("open {path}")))?;
    if isatty(&port) {
        let plain = || {
            let mut settings = tcgetattr(&port)?;
            // no echo, no lines of limited length, no letters with a meaning
            settings.make_raw();
            tcsetattr(&port, OptionalActions::Now, &settings)
        };
        plain().map_err(AgentError::doing(format!("set up the terminal {path}")))?;
    }
    let other = port.try_clone().map_err(AgentError::doing(format!("open {path} twice")))?;
    Ok((Orders { lines: Lines::new(port, LONGEST_ORDER) }, Reports { port: Mutex::new(other) }))
}

/// The device that the kernel's command line names.
pub(super) fn named() -> Option<String> {
    let line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let mut words = line.split_ascii_whitespace();
    words.find_map(|word| word.strip_prefix("vclust.channel=")).map(str::to_owned)
}

/// The device of the port; the kernel's command line may name another one.
fn find() -> Result<String, AgentError> {
    let named = named();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let device = named.clone().or_else(by_name);
        let is_there = |path: &String| {
            fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_char_device())
        };
        if let Some(path) = device.filter(is_there) {
            return Ok(path);
        }
        if Instant::now() >= deadline {
            let what = format!("this machine has no port {PORT} to the head node");
            return Err(AgentError::Missing(what));
        }
        thread::sleep(PAUSE);
    }
}

fn by_name() -> Option<String> {
    let ports = fs::read_dir("/sys/class/virtio-ports").ok()?;
    ports.flatten().find_map(|port| {
        let name = fs::read_to_string(port.path().join("name")).ok()?;
        (name.trim() == PORT).then(|| format!("/dev/{}", port.file_name().to_string_lossy()))
    })
}

impl Orders {
    /// Waits for the next order.
    pub(super) fn next(&mut self) -> Order {
        loop {
            match self.lines.next_document() {
                Ok(Some(order)) => return order,
                // nobody is there; whoever comes will say something
                Ok(None) => thread::sleep(PAUSE),
                Err(error) => {
                    super::console::say(&with_causes(&error));
                    thread::sleep(PAUSE);
                }
            }
        }
    }
}

impl Reports {
    /// Tells the head node something. If nobody is there to hear it, it is lost: the head node asks
    /// again where it matters.
    pub(super) fn send(&self, report: &Report) {
        if let Ok(mut port) = self.port.lock() {
            let _ = write_line(&mut *port, report);
        }
    }

    /// Tells that a step is done, and since when it was being done.
    pub(super) fn done(&self, step: crate::protocol::Step, since: Instant) {
        self.send(&Report::Done { step, seconds: since.elapsed().as_secs_f64() });
    }
}

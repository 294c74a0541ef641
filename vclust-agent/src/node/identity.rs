//! What makes a node this node and no other.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_settime};

use super::error::AgentError;
use super::files;
use super::random;
use super::root::ROOT;
use crate::protocol::{Become, Install};

/// Sets the clock to seconds since 1970.
pub(super) fn set_clock(seconds: f64) -> Result<(), AgentError> {
    let time = Duration::try_from_secs_f64(seconds)
        .map_err(|_| AgentError::Missing(format!("{seconds} is no time")))?;
    let time = Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    };
    clock_settime(ClockId::Realtime, time).map_err(AgentError::doing("set the clock"))
}

/// What has to come before anything else: the name, the clock and the random numbers.
pub(super) fn of_kernel(order: &Become) -> Result<(), AgentError> {
    set_clock(order.time)?;
    random::reseed(&order.seed)?;
    set_host_name(&order.host_name)
}

/// The same for a machine that installs.
pub(super) fn of_installer(order: &Install) -> Result<(), AgentError> {
    set_clock(order.time)?;
    random::reseed(&order.seed)?;
    set_host_name(&order.host_name)
}

fn set_host_name(name: &str) -> Result<(), AgentError> {
    rustix::system::sethostname(name.as_bytes()).map_err(AgentError::doing("set the host name"))
}

/// What the root says about the node.
pub(super) fn of_root(order: &Become) -> Result<(), AgentError> {
    let root = Path::new(ROOT);
    files::write(&root.join("etc/hostname"), 0o644, &format!("{}\n", order.host_name))?;
    files::write(&root.join("etc/machine-id"), 0o444, &format!("{}\n", order.machine_id))?;
    let keys = root.join("etc/ssh");
    if keys.is_dir() {
        for key in &order.host_keys {
            let path = keys.join(format!("ssh_host_{}_key", key.algorithm));
            files::write(&path, 0o600, &key.private)?;
            files::write(&path.with_extension("pub"), 0o644, &key.public)?;
        }
    }
    Ok(())
}

/// Random numbers that programs kept on disk are of the image, and every node has the same.
pub(super) fn forget_seed() {
    let path = Path::new(ROOT).join("var/lib/systemd/random-seed");
    if File::open(&path).is_ok() {
        let _ = std::fs::remove_file(path);
    }
}

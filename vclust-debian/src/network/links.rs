//! The links of a network, made by one run of `ip`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use super::error::NetworkError;
use super::{BRIDGE, NetworkPlan};
use crate::command::ExternalCommand;

/// Longest name that the kernel gives to a link.
const LONGEST: usize = 15;

/// Refuses names that `ip` would take for something else.
pub(super) fn check(taps: &[String]) -> Result<(), NetworkError> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = |name: &&String| {
        (1..=LONGEST).contains(&name.len())
            && name.bytes().all(letter)
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && !["all", "default", "lo", BRIDGE].contains(&name.as_str())
    };
    match taps.iter().find(|name| !fits(name)) {
        Some(name) => Err(NetworkError::TapName(name.clone())),
        None => Ok(()),
    }
}

/// Whether taps can be made at all: `ip` would not say what to do about it.
pub(super) fn check_device() -> Result<(), NetworkError> {
    match File::options().read(true).write(true).open("/dev/net/tun") {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(NetworkError::NoDevice),
        Err(error) => Err(NetworkError::DeviceRefused(error)),
    }
}

/// Makes a network's links in the namespace of this thread.
pub(super) fn make(plan: &NetworkPlan, directory: &Path) -> Result<(), NetworkError> {
    let NetworkPlan { head, prefix, mac, taps } = plan;
    let mut lines = format!(
        "link set dev lo up\n\
         link add name {BRIDGE} address {mac} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n\
         address add {head}/{prefix} broadcast + dev {BRIDGE}\n\
         link set dev {BRIDGE} up\n"
    );
    tap_lines(&mut lines, taps);
    run(&lines, directory)
}

/// Makes taps in the namespace of this thread.
pub(super) fn add_taps(taps: &[String], directory: &Path) -> Result<(), NetworkError> {
    let mut lines = String::new();
    tap_lines(&mut lines, taps);
    run(&lines, directory)
}

fn tap_lines(lines: &mut String, taps: &[String]) {
    for tap in taps {
        // writing to a string does not fail
        let _ = writeln!(lines, "tuntap add dev {tap} mode tap");
        let _ = writeln!(lines, "link set dev {tap} master {BRIDGE} up");
    }
}

/// Runs `ip` on lines of its arguments, in the namespace of this thread.
pub(super) fn run(lines: &str, directory: &Path) -> Result<(), NetworkError> {
    let failed = |source| NetworkError::Write { path: directory.to_owned(), source };
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    file.write_all(lines.as_bytes()).map_err(failed)?;
    ExternalCommand::new("ip", "iproute2").arg("-batch").arg(file.path()).succeed()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_be_read_otherwise_are_refused() {
        for name in ["", "tap 1", "tap1\nlink", "-batch", "a-name-too-long!", "lo", "br0", "1"] {
            let error = check(&[name.to_owned()]).unwrap_err();
            assert!(matches!(error, NetworkError::TapName(_)), "{name}");
        }
        check(&["tap1".to_owned(), "tap1000".to_owned()]).unwrap();
    }
}

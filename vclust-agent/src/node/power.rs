//! The end of a node.

use std::fs::File;
use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode};
use rustix::process::{Signal, kill_process};
use rustix::system::{RebootCommand, reboot};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

/// How long programs may take to end after they are asked to.
const GRACE: Duration = Duration::from_millis(300);

/// Ends all programs, writes what is to be written, and switches the machine off.
pub(super) fn off() -> ! {
    end(RebootCommand::PowerOff)
}

/// As [`off`], and starts the machine again, if its hypervisor does.
pub(super) fn restart() -> ! {
    end(RebootCommand::Restart)
}

fn end(command: RebootCommand) -> ! {
    rustix::fs::sync();
    if std::process::id() == 1 {
        all(Signal::TERM);
        thread::sleep(GRACE);
        all(Signal::KILL);
    }
    rustix::fs::sync();
    let _ = reboot(command);
    loop {
        thread::sleep(GRACE);
    }
}

/// Sends a signal to everybody else. The threads of the kernel do not mind.
fn all(signal: Signal) {
    let Ok(processes) = std::fs::read_dir("/proc") else { return };
    for process in processes.flatten() {
        let number = process.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        if let Some(pid) =
            number.filter(|number| *number > 1).and_then(rustix::process::Pid::from_raw)
        {
            let _ = kill_process(pid, signal);
        }
    }
}

/// Where System V's init takes requests: what systemd's `reboot` and `poweroff` turn to where systemd is
/// not the first process.
const REQUESTS: &str = "/run/initctl";
/// A request there, see initreq.h of sysvinit: a magic number, a command, a run level, and more.
const REQUEST_BYTES: usize = 384;
const MAGIC: u32 = 0x0309_1969;
const CHANGE_RUN_LEVEL: u32 = 1;

/// Does what programs ask the first process for, as `reboot` and `poweroff` do: by signals, or by
/// requests for a run level.
pub(super) fn listen() {
    if let Err(error) = listen_for_requests() {
        super::console::say(&format!("nobody can ask this node to end: {REQUESTS}: {error}"));
    }
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGUSR1, SIGUSR2])
    else {
        return;
    };
    thread::spawn(move || match signals.forever().next() {
        Some(SIGINT | SIGTERM) => restart(),
        _ => off(),
    });
}

fn listen_for_requests() -> io::Result<()> {
    rustix::fs::mknodat(CWD, REQUESTS, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    // open for writing, too, it has no end
    let mut requests = File::options().read(true).write(true).open(REQUESTS)?;
    thread::spawn(move || {
        let mut request = [0; REQUEST_BYTES];
        while requests.read_exact(&mut request).is_ok() {
            match run_level(&request) {
                Some(b'0') => off(),
                Some(b'6') => restart(),
                _ => {}
            }
        }
    });
    Ok(())
}

/// The run level that a request asks for.
fn run_level(request: &[u8; REQUEST_BYTES]) -> Option<u8> {
    let word = |at: usize| {
        let bytes = request[at * 4..].first_chunk().copied().unwrap_or_default();
        u32::from_ne_bytes(bytes)
    };
    let asked = word(0) == MAGIC && word(1) == CHANGE_RUN_LEVEL;
    asked.then(|| u8::try_from(word(2)).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_for_a_run_level_is_one() {
        let request = |words: [u32; 3]| {
            let mut bytes = [0; REQUEST_BYTES];
            for (place, word) in words.into_iter().enumerate() {
                bytes[place * 4..][..4].copy_from_slice(&word.to_ne_bytes());
            }
            bytes
        };
        assert_eq!(run_level(&request([MAGIC, 1, u32::from(b'0')])), Some(b'0'));
        assert_eq!(run_level(&request([MAGIC, 1, 300])), None);
        assert_eq!(run_level(&request([MAGIC, 2, u32::from(b'0')])), None);
        assert_eq!(run_level(&request([1, 1, u32::from(b'6')])), None);
    }
}

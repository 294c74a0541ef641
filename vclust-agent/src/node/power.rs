//! The end of a node.

use std::thread;
use std::time::Duration;

use rustix::process::{Signal, kill_process};
use rustix::system::{RebootCommand, reboot};

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

/// Does what programs ask the first process for by signals, as `reboot` and `poweroff` do.
pub(super) fn listen() {
    use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGUSR1, SIGUSR2])
    else {
        return;
    };
    thread::spawn(move || match signals.forever().next() {
        Some(SIGINT | SIGTERM) => restart(),
        _ => off(),
    });
}

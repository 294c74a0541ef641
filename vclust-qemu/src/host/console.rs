//! What a guest writes to its console, kept up to a bound.
//!
//! QEMU would write all of it to one file for ever. So it writes into a pipe, and a shell at the other
//! end puts that into files of a fixed size, of which the newest two are kept. It ends when QEMU does,
//! as nobody else has the pipe open.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use rustix::pipe::{PipeFlags, pipe_with};
use vclust_core::HypervisorProblem;
use vclust_process::{Daemon, Mark, ProcessId};

use crate::problem::{Outcome, daemon_problem};

/// Bytes of a file of the console; twice that is kept at most.
pub(crate) const PART: u64 = 1 << 20;
/// What QEMU writes the console to: its standard input, which is the pipe.
pub(crate) const PIPE: &str = "/proc/self/fd/0";

/// `head` alone would write its file only now and then.
const KEEP: &str = r#"
umask 077
while :; do
    stdbuf -o0 head -c "$1" >console.log || exit
    [ "$(stat -c %s console.log)" -lt "$1" ] && exit
    mv console.log console.old
done
"#;

/// Starts what keeps the console of a domain with a directory; answers its process, and where QEMU has
/// to write. What it says itself goes to `log`.
pub(crate) fn keep_console(
    directory: &Path,
    mark: &Mark,
    log: &Path,
) -> Outcome<(ProcessId, File)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)
        .map_err(|error| HypervisorProblem::file("keep the console in", directory)(error.into()))?;
    let mut command = Command::new("sh");
    command.current_dir(directory).args(["-c", KEEP, "sh", &PART.to_string()]);
    let daemon =
        Daemon::start_with_input(command, "dash", mark, log, reader).map_err(daemon_problem)?;
    Ok((daemon.detach(), File::from(writer)))
}

//! The first process of a namespace: it waits, and ends with the program.
//!
//! Maintainer scripts ask `ischroot` whether the system they belong to is running, and do other things
//! if it is: that of `libc6` has init start anew, and waits a second for it. `ischroot` compares what the
//! first process has mounted with what it has itself. So the first process is not of the root: it lives
//! in a directory where nothing is, like the init of a machine that a chroot knows nothing of.

use std::io;

use rustix::process::{Pid, WaitOptions, WaitStatus};

/// Where the first process lives: a directory that each root has here, and that nothing is mounted below.
const HOME: &str = "/dev/shm";

/// Splits a process that is to become a program: it goes on as a child, and what it was waits.
///
/// For a process with a single thread, between fork and exec. Allocates nothing.
#[expect(unsafe_code, reason = "rustix has no fork, and a thread is no process")]
pub(super) fn leave_to_init() -> io::Result<()> {
    // SAFETY: the process has one thread, and on both sides only system calls follow until one of them
    // runs a program and the other ends.
    match unsafe { libc::fork() } {
        0 => Ok(()),
        child => match Pid::from_raw(child) {
            Some(child) => wait_for(child),
            None => Err(io::Error::last_os_error()),
        },
    }
}

/// Waits for a program, and for the orphans that it makes, and ends as it does.
fn wait_for(program: Pid) -> ! {
    close_all();
    let _ = rustix::process::chroot(HOME).and_then(|()| rustix::process::chdir("/"));
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((ended, status))) if ended == program => end(code(status)),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => end(255),
        }
    }
}

/// The exit code that tells how a program ended, as shells have it.
fn code(status: WaitStatus) -> i32 {
    let signal = || status.terminating_signal().map(|signal| 128 + signal);
    status.exit_status().or_else(signal).unwrap_or(255)
}

/// Closes all descriptors: who reads from the program's pipes waits for the last one to be closed.
#[expect(unsafe_code, reason = "there is no safe call, as descriptors may belong to somebody")]
fn close_all() {
    // SAFETY: nothing of this process is used any more but system calls without descriptors.
    unsafe { libc::close_range(0, u32::MAX, 0) };
}

#[expect(unsafe_code, reason = "what is registered to run at an exit is the parent's")]
fn end(code: i32) -> ! {
    // SAFETY: ends the process, and nothing else.
    unsafe { libc::_exit(code) }
}

//! Network namespaces, taken on by threads.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};
use vclust_process::ProcessId;

use super::error::NetworkError;

/// Calls `work` in a thread with a network namespace of its own; answers the namespace, too.
pub(super) fn in_new<T: Send>(
    work: impl FnOnce() -> T + Send,
) -> Result<(OwnedFd, T), NetworkError> {
    in_thread(|| {
        unshare()?;
        let own = File::open("/proc/thread-self/ns/net");
        let own = own.map_err(|source| NetworkError::Namespace { step: "opening it", source })?;
        Ok((OwnedFd::from(own), work()))
    })
}

/// Calls `work` in a thread inside a namespace.
pub(super) fn inside<T: Send>(
    namespace: &OwnedFd,
    work: impl FnOnce() -> T + Send,
) -> Result<T, NetworkError> {
    in_thread(|| {
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(namespace.as_fd(), kind).map_err(|error| {
            NetworkError::Namespace { step: "joining it", source: error.into() }
        })?;
        Ok(work())
    })
}

fn in_thread<T: Send>(
    work: impl FnOnce() -> Result<T, NetworkError> + Send,
) -> Result<T, NetworkError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("network".to_owned()).spawn_scoped(scope, work);
        let thread = thread
            .map_err(|source| NetworkError::Namespace { step: "starting a thread", source })?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[expect(unsafe_code, reason = "a namespace can be had in no other way")]
fn unshare() -> Result<(), NetworkError> {
    // SAFETY: what `unshare` can break is the sharing of file descriptors between threads, which is
    // not asked for; the network namespace concerns this thread alone.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }
        .map_err(|error| NetworkError::Namespace { step: "unshare", source: error.into() })
}

/// The network namespace of a process.
pub(super) fn of(process: ProcessId) -> io::Result<OwnedFd> {
    File::open(format!("/proc/{}/ns/net", process.number)).map(OwnedFd::from)
}

/// Whether a process is in the user namespace of this one.
pub(super) fn has_same_user_namespace(process: ProcessId) -> io::Result<bool> {
    let theirs = fs::read_link(format!("/proc/{}/ns/user", process.number))?;
    Ok(theirs == fs::read_link("/proc/self/ns/user")?)
}

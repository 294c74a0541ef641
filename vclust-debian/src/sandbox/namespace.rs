//! Namespaces taken on by threads.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread;

use rustix::fs::{CWD, Mode, OFlags, StatVfsMountFlags};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    mount_remount, unmount,
};
use rustix::thread::UnshareFlags;

use super::error::SandboxError;

/// Calls `work` in a thread with a mount namespace of its own: what it mounts, nobody else sees, and
/// it is gone when the thread and all that it started have ended.
///
/// Threads and processes that `work` starts share its namespace.
pub fn in_private_mounts<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, SandboxError> {
    thread::scope(|scope| {
        let enter = || enter(UnshareFlags::empty()).map(|()| work());
        let thread = thread::Builder::new().name("mounts".to_owned()).spawn_scoped(scope, enter);
        let thread = thread.map_err(|error| namespace("starting a thread", error))?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// As [`in_private_mounts`], with a file system in memory, of so many bytes at most, on a directory.
/// What `work` puts there is gone with it.
pub fn in_private_memory<T: Send>(
    directory: &Path,
    bytes: u64,
    work: impl FnOnce() -> T + Send,
) -> Result<T, SandboxError> {
    in_private_mounts(|| {
        let options = CString::new(format!("size={bytes},mode=0755")).unwrap_or_default();
        mount("tmpfs", directory, "tmpfs", MountFlags::empty(), options.as_c_str()).map_err(
            |error| SandboxError::Prepare {
                step: "mount memory on",
                path: directory.to_owned(),
                source: error.into(),
            },
        )?;
        Ok(work())
    })?
}

/// Calls `work` in a thread whose `/` is a root, so that links within the root lead nowhere else.
///
/// That is for this crate's own work on files, not for programs: those run in a sandbox.
pub(crate) fn in_root<T: Send>(
    root: &Path,
    work: impl FnOnce() -> T + Send,
) -> Result<T, SandboxError> {
    thread::scope(|scope| {
        let enter = || {
            unshare(UnshareFlags::FS)?;
            let prepare = |error: rustix::io::Errno| SandboxError::Prepare {
                step: "enter",
                path: root.to_owned(),
                source: error.into(),
            };
            rustix::process::chroot(root).map_err(prepare)?;
            rustix::process::chdir("/").map_err(prepare)?;
            // this thread's alone, as its root is
            rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
            Ok(work())
        };
        let thread = thread::Builder::new().name("root".to_owned()).spawn_scoped(scope, enter);
        let thread = thread.map_err(|error| namespace("starting a thread", error))?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Gives this thread namespaces of its own, a mount namespace in any case, that mounts of the outside
/// do not reach. The thread must have been started for that.
///
/// With `NEWPID` the first process that the thread starts gets process id 1, and the thread cannot
/// start other threads any more.
pub(super) fn enter(flags: UnshareFlags) -> Result<(), SandboxError> {
    unshare(flags | UnshareFlags::NEWNS)?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(|error| namespace("making mounts private", error.into()))
}

#[expect(unsafe_code, reason = "a namespace can be had in no other way")]
fn unshare(flags: UnshareFlags) -> Result<(), SandboxError> {
    // SAFETY: what `unshare` can break is the sharing of file descriptors between threads
    // (`CLONE_FILES`), which no caller asks for. Everything else concerns this thread alone, which
    // was started for it and does nothing afterwards.
    unsafe { rustix::thread::unshare_unsafe(flags) }
        .map_err(|error| namespace("unshare", error.into()))
}

fn namespace(step: &'static str, source: io::Error) -> SandboxError {
    SandboxError::Namespace { step, source }
}

/// Mounts the root on itself, without devices: nodes in it cannot be opened.
pub(super) fn mount_root(root: &Path) -> Result<(), SandboxError> {
    let prepare = |step| {
        move |error: rustix::io::Errno| SandboxError::Prepare {
            step,
            path: root.to_owned(),
            source: error.into(),
        }
    };
    mount_bind_recursive(root, root).map_err(prepare("bind"))?;
    // in a user namespace, what the machine's mount forbids cannot be allowed
    let forbidden = rustix::fs::statvfs(root).map_err(prepare("look at"))?.f_flag;
    let mut flags = MountFlags::BIND | MountFlags::NODEV;
    for (forbidden_flag, flag) in [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::RDONLY, MountFlags::RDONLY),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ] {
        if forbidden.contains(forbidden_flag) {
            flags |= flag;
        }
    }
    mount_remount(root, flags, "").map_err(prepare("remount without devices"))
}

/// Opens a mounted root, for [`become_root`].
pub(super) fn open_root(root: &Path) -> Result<OwnedFd, SandboxError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, root, flags, Mode::empty()).map_err(|error| SandboxError::Prepare {
        step: "open",
        path: root.to_owned(),
        source: error.into(),
    })
}

/// Mounts `/proc` in a mounted root, makes the root `/`, and lets go of all that was there before.
///
/// It is the first process of a namespace that has to do this: `/proc` shows the processes of who
/// mounts it. In a user namespace that is only allowed as long as another `/proc` is in sight, so it
/// comes before the old root goes. Makes system calls and nothing else.
pub(super) fn become_root(root: &OwnedFd) -> rustix::io::Result<()> {
    rustix::process::fchdir(root)?;
    // read-only, as what is below `/proc/sys` is the whole machine's
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
    mount(c"proc", c"proc", c"proc", flags, None)?;
    // The old root lands on top of the new one, from where it is taken off.
    rustix::process::pivot_root(c".", c".")?;
    unmount(c".", UnmountFlags::DETACH)?;
    rustix::process::chdir(c"/")
}

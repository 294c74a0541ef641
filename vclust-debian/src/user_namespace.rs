//! Root's rights for those who are not root: a user namespace with subordinate ids.
//!
//! Inside, the user is root, and the ids that the administrator lent them (subuid(5)) are everybody
//! else. Files, mounts and processes of a root under construction need no more than that.
//!
//! Only a process with a single thread can enter such a namespace. So a program that may be run by
//! anybody starts itself again inside, see [`UserNamespace::start`].

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::thread;

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};
use thiserror::Error;
use vclust_process::ProcessId;

use crate::command::{CommandError, ExternalCommand};
use crate::pipe::pipe;

/// Why there is no user namespace.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UserNamespaceError {
    /// The administrator lent the user no ids.
    #[error(
        "{file} lends no ids to {user}; an administrator can: `usermod --add-subuids \
         100000-165535 --add-subgids 100000-165535 {user}`. Or run this as root"
    )]
    NoSubordinateIds {
        /// `/etc/subuid` or `/etc/subgid`.
        file: &'static str,
        /// The user's name or number.
        user: String,
    },
    /// The kernel refuses.
    #[error(
        "cannot make a user namespace; see sysctl user.max_user_namespaces and \
         kernel.unprivileged_userns_clone, or run this as root"
    )]
    Refused(#[source] io::Error),
    /// A namespace that is there cannot be joined, or the program not be run in it.
    #[error("cannot join the user namespace of {process}; whoever started it can")]
    Join {
        /// The process.
        process: ProcessId,
        /// What the system says.
        source: io::Error,
    },
    /// The program that maps ids is missing or hangs.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The program that maps ids refuses.
    #[error("`{program}` refuses to map the ids: {said}")]
    Mapping {
        /// The program.
        program: &'static str,
        /// What it said.
        said: String,
    },
}

/// A range of ids that a user may use in namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Subordinate {
    first: u32,
    count: u32,
}

/// The namespace a user can have.
#[derive(Debug)]
pub struct UserNamespace {
    users: Subordinate,
    groups: Subordinate,
}

/// Set in the environment of programs that run inside.
const INSIDE: &str = "VCLUST_IN_USER_NAMESPACE";

impl UserNamespace {
    /// Whether this process has root's rights, or is root in a user namespace.
    #[must_use]
    pub fn is_root() -> bool {
        rustix::process::geteuid().is_root()
    }

    /// Whether this process is in a user namespace that somebody made: its rights do not reach beyond that,
    /// even if it is root there.
    #[must_use]
    pub fn is_of_user() -> bool {
        // the machine's own has all ids but the last, which stands for none
        let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        map.split_whitespace().ne(["0", "0", "4294967295"])
    }

    /// Whether this process was started by [`UserNamespace::start`] or [`UserNamespace::run_beside`].
    #[must_use]
    pub fn is_inside() -> bool {
        std::env::var_os(INSIDE).is_some()
    }

    /// The namespace that the current user can have.
    pub fn of_user() -> Result<Self, UserNamespaceError> {
        let uid = rustix::process::getuid().as_raw();
        let name = user_name(uid);
        let find = |file: &'static str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            subordinate(&text, name.as_deref(), uid).ok_or_else(|| {
                let user = name.clone().unwrap_or_else(|| uid.to_string());
                UserNamespaceError::NoSubordinateIds { file, user }
            })
        };
        Ok(Self { users: find("/etc/subuid")?, groups: find("/etc/subgid")? })
    }

    /// Starts a program as root of the namespace, with this process's input and outputs. It is ended
    /// with the thread that started it.
    pub fn start(
        &self,
        program: &OsStr,
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Child, UserNamespaceError> {
        let (entered_reader, entered_writer) = pipe().map_err(UserNamespaceError::Refused)?;
        let (mapped_reader, mapped_writer) = pipe().map_err(UserNamespaceError::Refused)?;
        let mut command = Command::new(program);
        command.args(arguments).env(INSIDE, "1");
        prepare(&mut command, entered_writer.into(), mapped_reader.into());
        // the command is only started when the ids are mapped: another thread has to do that
        thread::scope(|scope| {
            let mapping = scope.spawn(|| self.let_in(entered_reader, mapped_writer));
            let started = command.spawn();
            drop(command);
            let mapped = mapping.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            match (started, mapped) {
                (_, Err(error)) => Err(error),
                (Err(error), Ok(())) => Err(UserNamespaceError::Refused(error)),
                (Ok(child), Ok(())) => Ok(child),
            }
        })
    }

    /// Runs a program as root of the user namespace that a process is in, to its end, with this process's
    /// input and outputs, and ends it with this process. That is how a later command reaches the
    /// network of a cluster that was started inside a user namespace.
    pub fn run_beside(
        process: ProcessId,
        program: &OsStr,
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<ExitStatus, UserNamespaceError> {
        let joined = |source| UserNamespaceError::Join { process, source };
        let namespace = File::open(format!("/proc/{}/ns/user", process.number)).map_err(joined)?;
        // only now is it sure that the number was not somebody else's
        if !process.is_alive() {
            return Err(joined(io::ErrorKind::NotFound.into()));
        }
        let mut command = Command::new(program);
        command.args(arguments).env(INSIDE, "1");
        prepare_to_join(&mut command, namespace.into());
        command.status().map_err(joined)
    }

    /// Waits for a process to be in the namespace, maps ids for it, and lets it go on, or not.
    fn let_in(&self, mut entered: File, mut mapped: File) -> Result<(), UserNamespaceError> {
        let mut process = [0; 4];
        if entered.read_exact(&mut process).is_err() {
            // it did not get there, which whoever started it knows more about
            return Ok(());
        }
        let result = self.map(&u32::from_ne_bytes(process).to_string());
        let _ = mapped.write_all(&[u8::from(result.is_ok())]);
        result
    }

    /// Maps ids for a process in its namespace.
    fn map(&self, process: &str) -> Result<(), UserNamespaceError> {
        let user = rustix::process::getuid().as_raw();
        let group = rustix::process::getgid().as_raw();
        for (program, own, lent) in
            [("newuidmap", user, self.users), ("newgidmap", group, self.groups)]
        {
            let mut map = ExternalCommand::new(program, "uidmap").arg(process);
            for number in [0, own, 1, 1, lent.first, lent.count] {
                map = map.arg(number.to_string());
            }
            let output = map.run()?;
            if !output.status.success() {
                return Err(UserNamespaceError::Mapping { program, said: output.stderr });
            }
        }
        Ok(())
    }
}

/// Has the child enter the namespace, wait for its ids, and become root there.
#[expect(unsafe_code, reason = "only between fork and exec is there a single thread")]
fn prepare(command: &mut Command, entered: OwnedFd, mapped: OwnedFd) {
    let set = move || {
        // SAFETY: of what `unshare` can break, the sharing of descriptors is not asked for.
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNS)? };
        let process = rustix::process::getpid().as_raw_nonzero().get();
        rustix::io::write(&entered, &process.to_ne_bytes())?;
        let mut byte = [0];
        if rustix::io::read(&mapped, &mut byte)? == 0 || byte == [0] {
            // the mapping failed, and whoever did it says why
            return Err(io::Error::from(rustix::io::Errno::PERM));
        }
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_gid(rustix::process::Gid::ROOT)?;
        rustix::thread::set_thread_uid(rustix::process::Uid::ROOT)?;
        // a change of user would undo it
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
        Ok(())
    };
    // SAFETY: the closure makes system calls on values that were made before the fork; it neither
    // allocates nor takes a lock.
    unsafe { command.pre_exec(set) };
}

/// Has the child join the namespace, with mounts of its own, and become root there.
#[expect(unsafe_code, reason = "only between fork and exec is there a single thread")]
fn prepare_to_join(command: &mut Command, namespace: OwnedFd) {
    let set = move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::User))?;
        // SAFETY: of what `unshare` can break, the sharing of descriptors is not asked for.
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS)? };
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_gid(rustix::process::Gid::ROOT)?;
        rustix::thread::set_thread_uid(rustix::process::Uid::ROOT)?;
        // a change of user would undo it
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
        Ok(())
    };
    // SAFETY: the closure makes system calls on values that were made before the fork; it neither
    // allocates nor takes a lock.
    unsafe { command.pre_exec(set) };
}

fn user_name(uid: u32) -> Option<String> {
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    let uid = uid.to_string();
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number == uid).then(|| name.to_owned())
    })
}

/// The first range of subuid(5) for a user that is large enough for a system's ids.
fn subordinate(text: &str, name: Option<&str>, uid: u32) -> Option<Subordinate> {
    let uid = uid.to_string();
    text.lines().find_map(|line| {
        let mut fields = line.trim().split(':');
        let owner = fields.next()?;
        let (first, count) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let is_theirs = owner == uid || Some(owner) == name;
        (is_theirs && count >= 65_535).then_some(Subordinate { first, count })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_found_by_name_and_number() {
        let text = "# lent\nada:100000:65536\n1001:200000:65536\nbob:300000:1000\nbroken\n";
        let range = |first| Some(Subordinate { first, count: 65536 });
        assert_eq!(subordinate(text, Some("ada"), 1000), range(100_000));
        assert_eq!(subordinate(text, None, 1001), range(200_000));
        assert_eq!(subordinate(text, Some("bob"), 1002), None);
    }
}

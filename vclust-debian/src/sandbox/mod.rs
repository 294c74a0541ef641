//! Running a root's own programs (dpkg, maintainer scripts) without letting them out of it.
//!
//! A thread takes on mount, process, network, IPC and host-name namespaces of its own, makes the
//! root its `/`, and starts the program there below a first process. Two things follow from that:
//! when the program ends, fails or is killed, the kernel ends whatever it left running; and what was
//! mounted is gone with the namespace, so there is nothing to record and nothing to clean up, even
//! after a crash. Namespaces, mounts and the filter need root's rights, those of a user namespace
//! suffice.
//!
//! Inside there is a minimal `/dev`, a `/proc` of the namespace's own processes, no `/sys` and no
//! network; device nodes that a package brings cannot be opened. Calls that would force data to disk
//! succeed at once: a root under construction is made durable as a whole or not at all. Calls that no
//! maintainer script needs are refused.

mod devices;
mod error;
mod filter;
mod init;
mod namespace;
mod run;

pub use error::SandboxError;
pub(crate) use filter::ForeignCalls;
pub(crate) use namespace::in_root;
pub use namespace::{in_private_memory, in_private_mounts};
pub(crate) use run::last_words;
pub use run::{Output, Sandbox, SandboxCommand};

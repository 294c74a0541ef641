//! Programs that outlive whoever starts them.
//!
//! A virtual cluster is made of programs that go on when the command that started them has ended, or
//! was killed. Each carries a [`Mark`] in its environment, which its children inherit, and which was
//! written down before the first of them was started. So whoever cleans up later finds every one of
//! them, without a list that a crash could have left behind the truth, and ends nothing else.
//!
//! Programs that do not outlive their use are [`ExternalCommand`]s.

mod command;
mod daemon;
mod looks;
mod mark;
mod process;

pub use command::{CommandError, CommandOutput, ExternalCommand, die_with_parent};
pub use daemon::{Daemon, DaemonError};
pub use looks::Looks;
pub use mark::{Mark, MarkError, end_marked, marked, marks_below};
pub use process::ProcessId;

//! External programs, and how long they may take.

use std::time::Duration;

pub use vclust_process::CommandError;
pub(crate) use vclust_process::{ExternalCommand, die_with_parent};

/// How long a program may take that works through so many bytes: a minute, and a second for each 4 MB.
pub(crate) fn time_for(bytes: u64) -> Duration {
    Duration::from_secs(60 + bytes / 4_000_000)
}

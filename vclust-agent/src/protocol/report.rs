//! What an agent tells the head node.

use std::error::Error;

use serde::{Deserialize, Serialize};

/// What an agent tells the head node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "kebab-case")]
pub enum Report {
    /// The agent runs and takes orders.
    Hello {
        /// The version of the protocol it speaks.
        version: u32,
        /// Seconds since the node's kernel started.
        uptime: f64,
    },
    /// A step is done.
    Done {
        /// Which.
        step: Step,
        /// Seconds it took.
        seconds: f64,
    },
    /// What can be done before the node is somebody is done: it may be copied now.
    Prepared,
    /// The node can be used.
    Ready {
        /// Seconds since the node's kernel started.
        uptime: f64,
    },
    /// The root is on the node's disk, and the node switches itself off.
    Installed {
        /// Bytes of the archive.
        bytes: u64,
    },
    /// A command has ended.
    Ran {
        /// The number of the command.
        id: u64,
        /// Its exit status; none if it was killed.
        status: Option<i32>,
        /// The end of what it wrote.
        output: String,
    },
    /// The node cannot go on.
    Failed {
        /// What it was doing.
        doing: String,
        /// What was in the way.
        because: String,
    },
}

/// A part of what an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Loading the kernel's modules.
    Modules,
    /// Getting an address.
    Network,
    /// Mounting the root of the installation.
    NfsRoot,
    /// Dividing the disk.
    Partition,
    /// Making file systems.
    FileSystem,
    /// Waiting for bytes of the image.
    Transfer,
    /// Unpacking the image, without waiting for it.
    Unpack,
    /// Installing packages.
    Install,
    /// Laying the cluster's files over the root.
    Overlay,
    /// Writing everything to the disk.
    Sync,
    /// Mounting the root.
    Root,
    /// Taking on an identity.
    Identity,
    /// Mounting shared directories.
    Shared,
    /// Running the spec's commands.
    Hooks,
}

impl Step {
    /// Its name, as answers write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Modules => "modules",
            Self::Network => "network",
            Self::NfsRoot => "nfs-root",
            Self::Partition => "partition",
            Self::FileSystem => "file-system",
            Self::Transfer => "transfer",
            Self::Unpack => "unpack",
            Self::Install => "install",
            Self::Overlay => "overlay",
            Self::Sync => "sync",
            Self::Root => "root",
            Self::Identity => "identity",
            Self::Shared => "shared",
            Self::Hooks => "hooks",
        }
    }
}

/// Longest text of a node that is shown or kept, in characters.
const SHOWN: usize = 4000;

/// A text of a node as it may be shown: without control characters but line ends and tabs, so that it
/// cannot move a terminal's cursor, and with an end.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut shown =
        text.chars().filter(|letter| matches!(letter, '\n' | '\t') || !letter.is_control());
    let mut kept: String = shown.clone().take(SHOWN).collect();
    if shown.nth(SHOWN).is_some() {
        kept.push('…');
    }
    kept
}

/// An error with its causes, each after a colon.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

impl Report {
    /// That a node cannot go on, for an error.
    #[must_use]
    pub fn failed(error: &dyn Error) -> Self {
        let because = error.source().map(with_causes).unwrap_or_default();
        Self::Failed { doing: error.to_string(), because }
    }

    /// The report with its texts cleaned, its numbers finite and not negative.
    #[must_use]
    pub fn cleaned(self) -> Self {
        let number = |value: f64| if value.is_finite() { value.clamp(0.0, 1e9) } else { 0.0 };
        match self {
            Self::Hello { version, uptime } => Self::Hello { version, uptime: number(uptime) },
            Self::Done { step, seconds } => Self::Done { step, seconds: number(seconds) },
            Self::Ready { uptime } => Self::Ready { uptime: number(uptime) },
            Self::Ran { id, status, output } => Self::Ran { id, status, output: clean(&output) },
            Self::Failed { doing, because } => {
                Self::Failed { doing: clean(&doing), because: clean(&because) }
            }
            Self::Prepared | Self::Installed { .. } => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_node_says_cannot_move_the_cursor_or_go_on_for_ever() {
        assert_eq!(clean("a\u{1b}[2Jb\r\n\tc\u{7f}\u{9b}"), "a[2Jb\n\tc");
        let long = clean(&"x".repeat(10_000));
        assert_eq!(long.chars().count(), SHOWN + 1);
        let report = Report::Hello { version: 1, uptime: -5.0 }.cleaned();
        assert_eq!(report, Report::Hello { version: 1, uptime: 0.0 });
    }
}

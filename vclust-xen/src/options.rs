//! What can be chosen about Xen, besides what a domain's configuration says.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a guest is virtualised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestKind {
    /// By a kernel that knows Xen, on any processor.
    Pv,
    /// By the processor, with Xen's own devices.
    Pvh,
}

impl GuestKind {
    /// Its name, as `xl` writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pv => "pv",
            Self::Pvh => "pvh",
        }
    }
}

/// What can be chosen about Xen, besides what a domain's configuration says.
#[derive(Debug, Clone)]
pub struct XenOptions {
    /// The directory with `xl` and its relatives; where it is not given, those of `PATH` are taken.
    pub programs: Option<PathBuf>,
    /// How guests are virtualised; where it is not given, as PVH where the host can, else as PV.
    pub kind: Option<GuestKind>,
    /// How many domains may be created, restored or saved at the same time through one [`Xen`](crate::Xen).
    pub at_once: usize,
    /// How long a program that changes nothing, or little, may take.
    pub answer: Duration,
    /// How long creating, saving and restoring a domain may take, once it is its turn.
    pub patience: Duration,
    /// Where xenconsoled keeps what guests say.
    pub console_logs: PathBuf,
}

impl Default for XenOptions {
    fn default() -> Self {
        Self {
            programs: None,
            kind: None,
            at_once: 4,
            answer: Duration::from_secs(20),
            patience: Duration::from_secs(120),
            console_logs: "/var/log/xen/console".into(),
        }
    }
}

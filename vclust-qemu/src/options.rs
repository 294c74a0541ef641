//! What can be chosen about QEMU, besides what a domain's configuration says.

use std::path::PathBuf;
use std::time::Duration;

use crate::acceleration::Acceleration;

/// A part of something, from 0 to 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(u8);

impl Percent {
    /// So many hundredths; what is more than all is all.
    #[must_use]
    pub fn new(hundredths: u8) -> Self {
        Self(hundredths.min(100))
    }

    /// The part of a number.
    pub(crate) fn of(self, whole: u64) -> u64 {
        whole / 100 * u64::from(self.0)
    }
}

/// What can be chosen about QEMU, besides what a domain's configuration says.
#[derive(Debug, Clone)]
pub struct QemuOptions {
    /// The program.
    pub program: PathBuf,
    /// How guests run; where it is not given, by what is found to work.
    pub acceleration: Option<Acceleration>,
    /// Where it is kept what was found to work; by default in the directory of the domains. Backends of
    /// one machine can share the file.
    pub found: Option<PathBuf>,
    /// How long a domain may take to start or to be saved.
    pub patience: Duration,
    /// How long QEMU may take to answer.
    pub answer: Duration,
    /// Which part of its memory a domain that starts from a saved state is expected to write. So much
    /// must be free when it starts; the rest it shares.
    pub clone_share: Percent,
}

impl Default for QemuOptions {
    fn default() -> Self {
        Self {
            program: "qemu-system-x86_64".into(),
            acceleration: None,
            found: None,
            patience: Duration::from_secs(60),
            answer: Duration::from_secs(10),
            clone_share: Percent::new(50),
        }
    }
}

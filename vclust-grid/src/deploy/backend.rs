//! Hypervisors by their names in specs.

use std::path::Path;

use vclust_core::{Hypervisor, HypervisorError, HypervisorKind, HypervisorProblem};
use vclust_process::Mark;

/// Where domains come from.
#[derive(Debug, Clone)]
pub struct Backend {
    kind: HypervisorKind,
}

impl Backend {
    /// A hypervisor with its usual settings; what was found out about this machine is kept in the
    /// directory.
    pub fn new(kind: HypervisorKind, cache: &Path) -> Result<Self, HypervisorError> {
        match kind {
            HypervisorKind::Qemu => Ok(Self { kind }),
            HypervisorKind::Xen => Err(HypervisorError {
                action: "use Xen",
                domain: None,
                problem: HypervisorProblem::Failed {
                    said: "this vclust has no backend for Xen; use hypervisor = \"qemu\""
                        .to_owned(),
                },
            }),
        }
    }

    /// The domains of a directory, whose processes carry a mark.
    pub fn open(
        &self,
        directory: &Path,
        mark: &Mark,
    ) -> Result<Box<dyn Hypervisor>, HypervisorError> {
        todo!()
    }

    /// The hypervisor with what makes a saved machine of one not do for another, such as `qemu 7.2 tcg`.
    #[must_use]
    pub fn version(&self) -> String {
        self.kind.name().to_owned()
    }

    /// Whether guests run on the machine's own processors.
    #[must_use]
    pub fn is_accelerated(&self) -> bool {
        false
    }
}

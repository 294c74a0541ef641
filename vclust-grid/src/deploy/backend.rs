//! Hypervisors by their names in specs.

use std::path::Path;

use vclust_core::{Hypervisor, HypervisorError, HypervisorKind, HypervisorProblem};
use vclust_process::Mark;
use vclust_qemu::{Acceleration, Qemu, QemuOptions};

/// Where domains come from.
#[derive(Debug, Clone)]
pub struct Backend {
    kind: HypervisorKind,
    options: QemuOptions,
}

impl Backend {
    /// A hypervisor with its usual settings. What is found out about this machine is kept in the
    /// directory, for later calls.
    pub fn new(kind: HypervisorKind, directory: &Path) -> Result<Self, HypervisorError> {
        match kind {
            HypervisorKind::Qemu => {
                let found = Some(directory.join("acceleration.json"));
                Ok(Self { kind, options: QemuOptions { found, ..QemuOptions::default() } })
            }
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
        Ok(Box::new(Qemu::open(directory, mark.clone(), self.options.clone())?))
    }

    /// The hypervisor with what makes a machine that was saved by one not do for another, such as
    /// `qemu tcg`.
    pub fn version(&self) -> Result<String, HypervisorError> {
        Ok(format!("{} {}", self.kind.name(), self.acceleration()?.name()))
    }

    /// Whether guests run on the machine's own processors.
    pub fn is_accelerated(&self) -> Result<bool, HypervisorError> {
        Ok(self.acceleration()? != Acceleration::Emulation)
    }

    fn acceleration(&self) -> Result<Acceleration, HypervisorError> {
        if let Some(known) = self.options.acceleration {
            return Ok(known);
        }
        let found = self.options.found.as_deref().unwrap_or(Path::new(""));
        Acceleration::find(&self.options.program, found).map_err(|error| HypervisorError {
            action: "run guests",
            domain: None,
            problem: match error.kind() {
                std::io::ErrorKind::NotFound => HypervisorProblem::Missing {
                    program: self.options.program.display().to_string(),
                    package: "qemu-system-x86",
                },
                _ => HypervisorProblem::Other(Box::new(error)),
            },
        })
    }
}

//! What can be in the way besides what every hypervisor knows.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use vclust_core::HypervisorProblem;

use crate::configuration::ConfigurationProblem;
use crate::parse::Unreadable;

/// What became of something that was asked for, before the domain's name is put to it.
pub(crate) type Outcome<T> = Result<T, HypervisorProblem>;

/// What can be in the way of a domain under Xen.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum XenProblem {
    /// A configuration that no domain can have.
    #[error("its configuration cannot be used")]
    Configuration(#[source] ConfigurationProblem),
    /// There is no Xen below this system.
    #[error(
        "this system is not the control domain of a Xen host; boot it from Xen's entry of the boot menu \
         (Debian: `apt-get install xen-system-amd64`, then restart)"
    )]
    NoXen,
    /// Only root speaks to Xen.
    #[error("only root may speak to Xen; run vclust as root")]
    Rights,
    /// The store that everything else of the tool stack waits for.
    #[error(
        "xenstored does not answer, and the tool stack waits for it (`{program}` did so for {:.1} s); a \
         store that has ended comes back only with the host: save what can be saved and restart it",
        waited.as_secs_f64()
    )]
    Store {
        /// The program that waited.
        program: String,
        /// How long it was given.
        waited: Duration,
    },
    /// A program said something that it does not say.
    #[error("`{program}` cannot be understood; is its version of Xen newer than 4.20?")]
    Output {
        /// The program.
        program: String,
        /// What is wrong with its output.
        source: Unreadable,
    },
    /// A kernel that Xen does not take.
    #[error("Xen does not take its kernel: {said}")]
    Kernel {
        /// What the tool stack said.
        said: String,
    },
    /// A disk that cannot be attached.
    #[error("its disks cannot be attached: {said}; /var/log/xen/xen-hotplug.log may say more")]
    Disk {
        /// What the tool stack said.
        said: String,
    },
    /// A network interface that cannot be attached.
    #[error(
        "its network interfaces cannot be attached: {said}; is the module xen-netback loaded, and is \
         there the bridge?"
    )]
    Interface {
        /// What the tool stack said.
        said: String,
    },
    /// A program said that it did what it did not do.
    #[error("`{program}` says that it is done, but the domain is {state}")]
    NotDone {
        /// The program.
        program: &'static str,
        /// What the domain does.
        state: &'static str,
    },
    /// A name that a domain has which vclust did not make.
    #[error(
        "Xen has another domain of that name, number {id}, which is not of this directory; `xl destroy \
         {id}` ends it"
    )]
    Foreign {
        /// Its number.
        id: u32,
    },
    /// A domain that ends when its guest restarts.
    #[error("it is off once its guest restarts; only a domain that is defined to restart does")]
    NoRestart,
    /// A console that nobody keeps.
    #[error(
        "there is no {}: xenconsoled does not keep what guests say; have it started with --log=guest \
         (Debian: XENCONSOLED_ARGS=--log=guest in /etc/default/xen)",
        .0.display()
    )]
    NoLog(PathBuf),
}

impl From<XenProblem> for HypervisorProblem {
    fn from(problem: XenProblem) -> Self {
        match problem {
            XenProblem::NoXen | XenProblem::Rights | XenProblem::Store { .. } => {
                Self::Unusable(Box::new(problem))
            }
            _ => Self::Other(Box::new(problem)),
        }
    }
}

//! The kinds of events.

use serde::{Deserialize, Serialize};

use super::timestamp::Timestamp;

/// Something that happened, as one line of the exchange format holds it. Sizes are in bytes, times
/// in seconds. Fields that this version does not know are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Event {
    /// A user asked for a cluster.
    Request(RequestEvent),
    /// An image went to some nodes.
    Transfer(TransferEvent),
    /// Packages were installed on some nodes.
    Install(InstallEvent),
    /// Any other phase of a build took its time.
    Phase(PhaseEvent),
}

/// A user asked for a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestEvent {
    /// When.
    pub at: Timestamp,
    /// The site that served it.
    pub site: String,
    /// Number of nodes.
    pub nodes: u32,
    /// Names of the packages asked for.
    pub packages: Vec<String>,
}

/// An image went to some nodes, all at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransferEvent {
    /// When.
    pub at: Timestamp,
    /// The site.
    pub site: String,
    /// The image's id.
    pub image: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Number of nodes that got it.
    pub nodes: u32,
    /// How it went, such as `nfs`.
    pub method: String,
    /// Seconds until the last node had it.
    pub seconds: f64,
}

/// A set of packages was installed on each of some nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstallEvent {
    /// When.
    pub at: Timestamp,
    /// The site.
    pub site: String,
    /// Number of nodes that installed at the same time.
    pub nodes: u32,
    /// What was installed, in dpkg's order.
    pub packages: Vec<PackageVersion>,
    /// Seconds until the last node was done.
    pub seconds: f64,
    /// The hypervisor of nodes that installed by themselves; none where the head node did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypervisor: Option<String>,
    /// What the packages were asked for by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request: Vec<String>,
    /// Seconds spent unpacking, where they were measured apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpack_seconds: Option<f64>,
    /// Seconds spent configuring, where they were measured apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configure_seconds: Option<f64>,
    /// dpkg's steps in their order, where they were measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// A package in a version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PackageVersion {
    /// The package's name.
    pub package: String,
    /// Its version.
    pub version: String,
}

/// One step of a run of dpkg.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What dpkg did.
    pub step: StepKind,
    /// To which package.
    pub package: String,
    /// For how many seconds.
    pub seconds: f64,
}

/// What dpkg does to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// Writes its files.
    Unpack,
    /// Runs its maintainer script.
    Configure,
    /// Runs its trigger.
    Trigger,
}

/// A phase of a build, other than transfers and installs of which more is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseEvent {
    /// When.
    pub at: Timestamp,
    /// The site.
    pub site: String,
    /// The cluster that was built.
    pub cluster: String,
    /// How its nodes got their root: `install`, `layers` or `clone`.
    pub strategy: String,
    /// Which phase.
    pub phase: Phase,
    /// Number of nodes.
    pub nodes: u32,
    /// Seconds until the last node was done.
    pub seconds: f64,
    /// The hypervisor, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypervisor: Option<String>,
    /// Memory of each node in bytes, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Bytes of the archive that was unpacked, where the phase is [`Phase::Unpack`] and they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// The timed parts of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Phase {
    /// Working out the closure.
    Resolve,
    /// Choosing image and strategy.
    Select,
    /// Making an image.
    Image,
    /// Making a layer.
    Layer,
    /// Bringing the image to the nodes.
    Transfer,
    /// Starting the nodes.
    Boot,
    /// Unpacking the image.
    Unpack,
    /// Installing the differential packages.
    Install,
    /// Starting the nodes again from their own disk.
    Reboot,
    /// Joining the overlay network.
    Overlay,
    /// Everything until the cluster can be used.
    Ready,
}

impl Phase {
    /// Its name, as events write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Select => "select",
            Self::Image => "image",
            Self::Layer => "layer",
            Self::Transfer => "transfer",
            Self::Boot => "boot",
            Self::Unpack => "unpack",
            Self::Install => "install",
            Self::Reboot => "reboot",
            Self::Overlay => "overlay",
            Self::Ready => "ready",
        }
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}

//! The installation of a root to the node's own disk, as the paper has it: the node starts a root from
//! the head node's NFS server, and from there fills its disk and switches off.
//!
//! The programs are those of that root (`sfdisk`, `mkfs`, `tar`) and, for packages, of the one that is
//! made: nothing but dpkg knows what its maintainer scripts mean.

mod archive;
mod chain;
mod fetch;
mod files;
mod lease;
mod packages;
mod partitions;
mod spool;
mod target;

use std::path::Path;
use std::time::Instant;

use rustix::mount::MountFlags;

use super::channel::Reports;
use super::error::AgentError;
use super::{identity, modules, network, power, root};
use crate::protocol::{ImageSource, Install, Report, Step};

pub(super) use lease::take_down as take_down_lease;

/// Where the head node's data is while the node installs.
const DATA: &str = "/run/vclust-data";
/// Where the new root is while it is made.
const TARGET: &str = "/run/vclust-target";

/// Installs a root, and switches the machine off.
pub(super) fn install(order: &Install, reports: &Reports) -> Result<(), AgentError> {
    let step = |step: Step, work: &mut dyn FnMut() -> Result<(), AgentError>| {
        let start = Instant::now();
        work()
            .map_err(|source| AgentError::Step { step: step.name(), source: Box::new(source) })?;
        reports.done(step, start);
        Ok::<(), AgentError>(())
    };
    identity::of_installer(order)?;
    step(Step::Modules, &mut || modules::load("nfs"))?;
    step(Step::Network, &mut || match &order.address {
        Some(address) => network::set_up(address),
        None => lease::ask(),
    })?;
    step(Step::NfsRoot, &mut || {
        root::assemble_over_nfs(&order.server, &order.programs)?;
        root::furnish()?;
        root::enter()?;
        super::files::directory(Path::new(DATA))?;
        root::mount_nfs(&order.server, &order.data, Path::new(DATA), MountFlags::RDONLY)
    })?;
    // whoever comes next in a chain may ask from now on
    let chain = match &order.image.from {
        ImageSource::Chain { port, .. } => Some(chain::serve(*port, &order.image)?),
        _ => None,
    };
    let mut device = None;
    step(Step::Partition, &mut || {
        device = Some(partitions::divide(order)?);
        Ok(())
    })?;
    let mut target = None;
    step(Step::FileSystem, &mut || {
        let made = partitions::format(order, device.as_deref().unwrap_or(Path::new("")))?;
        target = Some(target::Target::mount(made)?);
        Ok(())
    })?;
    let Some(target) = target else { return Ok(()) };
    let start = Instant::now();
    let waited = archive::unpack(&order.image, chain.as_deref()).map_err(|source| {
        AgentError::Step { step: Step::Unpack.name(), source: Box::new(source) }
    })?;
    let waited = waited.as_secs_f64();
    reports.send(&Report::Done { step: Step::Transfer, seconds: waited });
    let seconds = (start.elapsed().as_secs_f64() - waited).max(0.0);
    reports.send(&Report::Done { step: Step::Unpack, seconds });
    step(Step::Install, &mut || {
        target.describe()?;
        packages::install(order)
    })?;
    step(Step::Overlay, &mut || match &order.files {
        Some(name) => files::lay_over(&Path::new(DATA).join(name), Path::new(TARGET)),
        None => Ok(()),
    })?;
    step(Step::Sync, &mut || {
        if let Some(chain) = &chain {
            chain.close();
        }
        target.finish()
    })?;
    reports.send(&Report::Installed { bytes: order.image.bytes });
    power::off()
}

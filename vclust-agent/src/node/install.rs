//! The installation of a root to the node's own disk.

use super::channel::Reports;
use super::error::AgentError;
use super::identity;
use crate::protocol::Install;

pub(super) fn install(order: &Install, _reports: &Reports) -> Result<(), AgentError> {
    identity::of_installer(order)
}

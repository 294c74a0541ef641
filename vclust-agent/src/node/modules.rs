//! The kernel's modules that the initramfs holds.

use std::ffi::CStr;
use std::fs::{self, File};

use rustix::io::Errno;

use super::console;
use super::error::AgentError;

const DIRECTORY: &str = "/modules";
const NO_PARAMETERS: &CStr = c"";

/// Whether this machine is a guest of Xen, whose devices have modules of their own.
pub(super) fn is_under_xen() -> bool {
    fs::read_to_string("/sys/hypervisor/type").is_ok_and(|kind| kind.trim() == "xen")
}

/// Loads the modules of a list, in its order.
///
/// A module that the kernel does not take is told and left out: drivers refuse machines without their
/// device, and what really is missed will be missed where it is used.
pub(super) fn load(list: &str) -> Result<(), AgentError> {
    let path = format!("{DIRECTORY}/{list}");
    let order = fs::read_to_string(&path).map_err(AgentError::doing(format!("read {path}")))?;
    for name in order.lines() {
        let path = format!("{DIRECTORY}/{name}.ko");
        let file = File::open(&path).map_err(AgentError::doing(format!("read {path}")))?;
        match rustix::system::finit_module(file, NO_PARAMETERS, 0) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => console::say(&format!("the module {name} is not loaded: {error}")),
        }
    }
    Ok(())
}

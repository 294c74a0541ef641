//! Root's rights for commands that need them, whoever calls.

use std::ffi::OsString;

use vclust_debian::UserNamespace;

use crate::failure::Failure;
use crate::interrupt;

/// Goes on if this process is root, or starts it again as root of a user namespace and ends with its
/// exit code.
pub(crate) fn ensure() -> Result<(), Failure> {
    if UserNamespace::is_root() {
        return Ok(());
    }
    let namespace = UserNamespace::of_user()?;
    let program = std::env::current_exe().map_err(Failure::Restart)?;
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    interrupt::stand_in(|| Ok(namespace.start(program.as_os_str(), arguments)?))
}

/// As [`ensure`], for commands that can do much of their work without: what builds of a user
/// namespace left belongs to its users.
pub(crate) fn ensure_if_possible() -> Result<(), Failure> {
    if UserNamespace::is_root() || UserNamespace::of_user().is_err() {
        return Ok(());
    }
    ensure()
}

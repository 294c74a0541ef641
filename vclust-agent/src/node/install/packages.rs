//! Packages, by the new root's own dpkg.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, unmount};

use super::super::error::AgentError;
use super::super::{files, processes};
use super::{DATA, TARGET};
use crate::protocol::{Install, PackageStep, Packages};

/// Where dpkg finds packages while it runs.
const PACKAGES: &str = "/.vclust-packages";
/// What keeps scripts from starting services: invoke-rc.d asks it, and is told not to.
const POLICY: &str = "usr/sbin/policy-rc.d";
/// How long one run of dpkg may take.
const PATIENCE: Duration = Duration::from_secs(1800);
/// What programs of the root expect to find.
const FURNITURE: [(&str, &str); 3] = [("proc", "proc"), ("sysfs", "sys"), ("devtmpfs", "dev")];

/// Installs what is ordered into the new root.
pub(super) fn install(order: &Install) -> Result<(), AgentError> {
    let Some(packages) = &order.packages else { return Ok(()) };
    let furnished = Furnished::new(packages)?;
    let policy = Path::new(TARGET).join(POLICY);
    files::write(&policy, 0o755, "#!/bin/sh\nexit 101\n")?;
    for step in &packages.steps {
        processes::succeed(in_root("dpkg").args(arguments(step)), PATIENCE)?;
    }
    fs::remove_file(&policy).map_err(AgentError::doing("let services start again"))?;
    furnished.clear()
}

/// A run of dpkg, which never asks anybody. The disk is synced when everything is done, not before.
fn arguments(step: &PackageStep) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["--force-confdef", "--force-confold", "--force-unsafe-io", "--abort-after=1"]
            .map(str::to_owned)
            .into();
    let mut add = |options: &[&str]| arguments.extend(options.iter().map(|&text| text.to_owned()));
    let names = match step {
        PackageStep::Remove(names) => {
            add(&["--force-depends", "--no-triggers", "--remove"]);
            names.clone()
        }
        PackageStep::Unpack(names) => {
            add(&["--no-triggers", "--auto-deconfigure", "--unpack"]);
            names.iter().map(|name| format!("{PACKAGES}/{name}")).collect()
        }
        PackageStep::Configure(names) => {
            add(&["--no-triggers", "--configure"]);
            names.clone()
        }
        PackageStep::Finish => {
            add(&["--configure", "--pending"]);
            Vec::new()
        }
    };
    arguments.extend(names);
    arguments
}

/// A program of the new root, in it.
fn in_root(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("chroot");
    command
        .arg(TARGET)
        .arg(program)
        .env_clear()
        .env("PATH", processes::PATH)
        .env("HOME", "/root")
        .env("LC_ALL", "C.UTF-8")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("DEBCONF_NONINTERACTIVE_SEEN", "true");
    command
}

/// What is mounted in the new root while its programs run.
struct Furnished {
    mounted: Vec<String>,
}

impl Furnished {
    fn new(packages: &Packages) -> Result<Self, AgentError> {
        let mut furnished = Self { mounted: Vec::new() };
        for (kind, name) in FURNITURE {
            let path = format!("{TARGET}/{name}");
            files::directory(Path::new(&path))?;
            mount(kind, path.as_str(), kind, MountFlags::NOSUID, None)
                .map_err(AgentError::doing(format!("mount {kind} in the root")))?;
            furnished.mounted.push(path);
        }
        let run = format!("{TARGET}/run");
        mount("tmpfs", run.as_str(), "tmpfs", MountFlags::NOSUID, c"mode=755")
            .map_err(AgentError::doing("mount tmpfs in the root"))?;
        furnished.mounted.push(run);
        let path = format!("{TARGET}{PACKAGES}");
        files::directory(Path::new(&path))?;
        let source = format!("{DATA}/{}", packages.directory);
        mount_bind(source.as_str(), path.as_str())
            .map_err(AgentError::doing("show the packages to the root"))?;
        furnished.mounted.push(path);
        Ok(furnished)
    }

    fn clear(self) -> Result<(), AgentError> {
        for path in self.mounted.iter().rev() {
            // a program that a script left behind may be in there until the machine is off
            unmount(path.as_str(), UnmountFlags::DETACH)
                .map_err(AgentError::doing(format!("unmount {path}")))?;
        }
        match fs::remove_dir(format!("{TARGET}{PACKAGES}")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(AgentError::doing("remove the packages' directory")(error))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_dpkg_ask_nobody() {
        let step = PackageStep::Unpack(vec!["0.deb".to_owned(), "1.deb".to_owned()]);
        let text = arguments(&step).join(" ");
        assert!(text.starts_with("--force-confdef --force-confold --force-unsafe-io"), "{text}");
        let end = "--unpack /.vclust-packages/0.deb /.vclust-packages/1.deb";
        assert!(text.ends_with(end), "{text}");
        assert!(arguments(&PackageStep::Finish).ends_with(&["--pending".to_owned()]));
    }
}

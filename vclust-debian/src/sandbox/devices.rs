//! The file systems that programs in a root expect to find.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::mount::{MountFlags, mount, mount_bind};

use super::error::SandboxError;

/// Devices every program may count on; they are those of the machine.
const NODES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Makes `/proc` and `/dev` in the root, and mounts devices on the latter.
pub(super) fn prepare(root: &Path) -> Result<(), SandboxError> {
    directory(root, "proc")?;
    directory(root, "dev")?;
    let dev = root.join("dev");
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount_on(&dev, "tmpfs", flags, "mode=0755,size=1m")?;
    for node in NODES {
        let inside = dev.join(node);
        let step = |source| prepared("make", &inside, source);
        File::create(&inside).map_err(step)?;
        mount_bind(Path::new("/dev").join(node), &inside)
            .map_err(|error| prepared("bind", &inside, error.into()))?;
    }
    for (name, target) in LINKS {
        let link = dev.join(name);
        symlink(target, &link).map_err(|source| prepared("make", &link, source))?;
    }
    for (name, mode) in [("pts", 0o755), ("shm", 0o1777)] {
        let path = dev.join(name);
        let step = |source| prepared("make", &path, source);
        fs::create_dir(&path).map_err(step)?;
        fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(step)?;
    }
    mount_on(&dev.join("pts"), "devpts", flags, "newinstance,ptmxmode=0666,mode=0620")
}

/// A directory of the root, made if it is not there.
fn directory(root: &Path, name: &str) -> Result<(), SandboxError> {
    let path = root.join(name);
    match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(SandboxError::NoDirectory { path: Path::new("/").join(name) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir(&path).map_err(|source| prepared("make", &path, source))
        }
        Err(source) => Err(prepared("look at", &path, source)),
    }
}

fn mount_on(
    path: &Path,
    kind: &'static str,
    flags: MountFlags,
    options: &str,
) -> Result<(), SandboxError> {
    let options = std::ffi::CString::new(options).unwrap_or_default();
    mount(kind, path, kind, flags, options.as_c_str())
        .map_err(|error| prepared("mount", path, error.into()))
}

fn prepared(step: &'static str, path: &Path, source: io::Error) -> SandboxError {
    SandboxError::Prepare { step, path: path.to_owned(), source }
}

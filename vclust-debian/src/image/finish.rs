//! The last step of a build: what is peculiar to this build or to one machine goes.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use vclust_core::Timestamp;

use super::{ImageError, Variant};
use crate::sandbox::in_root;

/// What came of finishing a root.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finished {
    /// Paths that were removed.
    pub removed: Vec<PathBuf>,
    /// Paths that were written.
    pub written: Vec<PathBuf>,
}

/// Files that hold when or where a build ran, and nothing else.
const REMOVED: [&str; 12] = [
    "/var/cache/apt/pkgcache.bin",
    "/var/cache/apt/srcpkgcache.bin",
    "/var/cache/ldconfig/aux-cache",
    "/var/lib/dbus/machine-id",
    "/var/lib/systemd/random-seed",
    "/var/lib/systemd/credential.secret",
    "/var/log/alternatives.log",
    "/var/log/dpkg.log",
    "/var/log/fontconfig.log",
    "/var/log/bootstrap.log",
    "/var/log/apt/history.log",
    "/var/log/apt/term.log",
];

/// Has nodes that were started by systemd ask for an address on every wired interface.
const NETWORK: &str = "\
[Match]
Type=ether

[Network]
DHCP=yes

[DHCPv4]
ClientIdentifier=mac
";

/// Has each node make a host key of its own before the first login. One is enough, and of this type
/// for a reason: a key for RSA takes an emulated machine seconds.
const HOST_KEYS: &str = "\
[Unit]
Description=Host key of this node
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N \"\" -f /etc/ssh/ssh_host_ed25519_key

[Install]
WantedBy=multi-user.target
";

/// Makes a root an image: removes what is peculiar to the build and to one machine, and writes what
/// replaces it.
///
/// `epoch` is the time of the build, in seconds since 1970, for files that say when they were written.
pub fn finish(root: &Path, variant: Variant, epoch: i64) -> Result<Finished, ImageError> {
    in_root(root, || {
        let mut finished = Finished { removed: Vec::new(), written: Vec::new() };
        for path in REMOVED {
            remove(Path::new(path), &mut finished)?;
        }
        remove_host_keys(&mut finished)?;
        empty_run(&mut finished)?;
        set_clock(epoch, &mut finished)?;
        if Path::new("/etc/machine-id").exists() {
            // systemd takes the empty file for a machine that never ran, and fills it in
            write(Path::new("/etc/machine-id"), "", 0o444, &mut finished)?;
        }
        if variant == Variant::Minimal {
            node_files(&mut finished)?;
        }
        Ok(finished)
    })?
}

/// Files that Octave writes when packages for it are configured. Their first line is a comment that
/// says when, and on which host.
const OCTAVE: [&str; 2] = ["/usr/share/octave/octave_packages", "/var/lib/octave/octave_packages"];

/// Has files that say when they were written say the time of the build.
fn set_clock(epoch: i64, finished: &mut Finished) -> Result<(), ImageError> {
    for path in OCTAVE.map(Path::new) {
        if !path.metadata().is_ok_and(|data| data.is_file()) {
            continue;
        }
        let Ok(content) = fs::read_to_string(path) else { continue };
        let Some((line, rest)) = content.split_once('\n') else { continue };
        let Some((tool, _)) = line.split_once(", ") else { continue };
        if !tool.starts_with("# Created by Octave") {
            continue;
        }
        let moment = Timestamp::from_unix_microseconds(epoch.saturating_mul(1_000_000));
        let moment = moment.map(|moment| moment.to_string()).unwrap_or_default();
        let changed = format!("{tool}, {moment} <root@localhost>\n{rest}");
        // as before, but for the content
        let mode = path.metadata().map_or(0o644, |data| data.permissions().mode() & 0o7777);
        write(path, &changed, mode, finished)?;
    }
    Ok(())
}

/// Empties `/run`, which nodes mount something over; only the directory `lock` is a package's.
fn empty_run(finished: &mut Finished) -> Result<(), ImageError> {
    let directory = Path::new("/run");
    let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.file_name().is_none_or(|name| name != "lock"));
    paths.sort();
    for path in paths {
        let is_directory = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        let removed = if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(access("remove", &path))?;
        finished.removed.push(path);
    }
    Ok(())
}

/// Reads a file of a root; links in its path lead nowhere but into the root.
pub fn read_file(root: &Path, path: &Path) -> Result<Vec<u8>, ImageError> {
    in_root(root, || {
        let path = Path::new("/").join(path);
        regular(&path)?;
        fs::read(&path).map_err(access("read", &path))
    })?
}

/// Refuses what a package may have put in place of a file, and what it may lead to: reading from a
/// pipe would never end, writing to a device would leave the root.
fn regular(path: &Path) -> Result<(), ImageError> {
    match path.metadata() {
        Ok(data) if !data.is_file() => {
            Err(access("use", path)(io::Error::other("it is no regular file")))
        }
        _ => Ok(()),
    }
}

fn remove_host_keys(finished: &mut Finished) -> Result<(), ImageError> {
    let directory = Path::new("/etc/ssh");
    let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
    let mut keys: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("ssh_host_"))
        .map(|entry| entry.path())
        .collect();
    keys.sort();
    keys.iter().try_for_each(|key| remove(key, finished))
}

/// What a node needs beyond its packages.
fn node_files(finished: &mut Finished) -> Result<(), ImageError> {
    let network = Path::new("/etc/systemd/network/80-vclust.network");
    write(network, NETWORK, 0o644, finished)?;
    let unit = Path::new("/etc/systemd/system/vclust-host-keys.service");
    write(unit, HOST_KEYS, 0o644, finished)?;
    let wants = "/etc/systemd/system/multi-user.target.wants";
    link("../vclust-host-keys.service", &format!("{wants}/vclust-host-keys.service"), finished)?;
    let units = "/lib/systemd/system";
    let networkd = format!("{units}/systemd-networkd.service");
    if Path::new(&networkd).exists() {
        link(&networkd, &format!("{wants}/systemd-networkd.service"), finished)?;
        let socket = "systemd-networkd.socket";
        let sockets = "/etc/systemd/system/sockets.target.wants";
        link(&format!("{units}/{socket}"), &format!("{sockets}/{socket}"), finished)?;
    }
    if !Path::new("/etc/hosts").exists() {
        let hosts = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
        write(Path::new("/etc/hosts"), hosts, 0o644, finished)?;
    }
    Ok(())
}

fn remove(path: &Path, finished: &mut Finished) -> Result<(), ImageError> {
    match fs::remove_file(path) {
        Ok(()) => finished.removed.push(path.to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
        Err(error) => return Err(access("remove", path)(error)),
    }
    Ok(())
}

fn write(path: &Path, content: &str, mode: u32, finished: &mut Finished) -> Result<(), ImageError> {
    regular(path)?;
    if fs::read(path).is_ok_and(|there| there == content.as_bytes()) {
        // in an overlay, writing the same again would make it part of the layer
        return Ok(());
    }
    make_parent(path)?;
    fs::write(path, content).map_err(access("write", path))?;
    let mode = Permissions::from_mode(mode);
    fs::set_permissions(path, mode).map_err(access("set the mode of", path))?;
    finished.written.push(path.to_owned());
    Ok(())
}

fn link(target: &str, path: &str, finished: &mut Finished) -> Result<(), ImageError> {
    let path = Path::new(path);
    make_parent(path)?;
    match symlink(target, path) {
        Ok(()) => finished.written.push(path.to_owned()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(access("make", path)(error)),
    }
    Ok(())
}

/// Makes the directories above a path, open to all as a package would.
fn make_parent(path: &Path) -> Result<(), ImageError> {
    let Some(parent) = path.parent().filter(|parent| !parent.exists()) else { return Ok(()) };
    make_parent(parent)?;
    fs::create_dir(parent).map_err(access("make", parent))?;
    let mode = Permissions::from_mode(0o755);
    fs::set_permissions(parent, mode).map_err(access("set the mode of", parent))
}

fn access(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ImageError + use<> {
    let path = path.to_owned();
    move |source| ImageError::Access { step, path, source }
}

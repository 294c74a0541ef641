//! Disks, by their serial numbers: names such as `vda` depend on the order in which disks are found.
//!
//! Disks under Xen have none. There the kernel's command line says which disk is meant, by words such as
//! `vclust.disk=base:xvda`.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::error::AgentError;
use crate::protocol::Disk;

/// How long a disk may take to appear.
const PATIENCE: Duration = Duration::from_secs(10);

/// The device of the disk with a serial number.
pub(super) fn find(serial: &str) -> Result<PathBuf, AgentError> {
    let deadline = Instant::now() + PATIENCE;
    let line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let named = named(&line, serial);
    loop {
        if let Some(path) = named.as_ref().filter(|path| path.exists()) {
            return Ok(path.clone());
        }
        if let Some(path) = look(Path::new("/sys/block"), serial) {
            return Ok(path);
        }
        if Instant::now() >= deadline {
            return Err(AgentError::Missing(format!("no disk has the serial number {serial}")));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The device of a file system, once the kernel knows it.
pub(super) fn find_file_system(disk: &Disk) -> Result<PathBuf, AgentError> {
    let device = find(&disk.serial)?;
    let Some(number) = disk.partition else { return Ok(device) };
    let mut name = device.into_os_string();
    name.push(number.to_string());
    let path = PathBuf::from(name);
    let deadline = Instant::now() + PATIENCE;
    while !path.exists() {
        if Instant::now() >= deadline {
            let what = format!("the disk {} has no partition {number}", disk.serial);
            return Err(AgentError::Missing(what));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(path)
}

/// The device that a kernel's command line names for a serial number.
fn named(line: &str, serial: &str) -> Option<PathBuf> {
    let words = line.split_ascii_whitespace().filter_map(|word| word.strip_prefix("vclust.disk="));
    let mut pairs = words.filter_map(|word| word.split_once(':'));
    let (_, device) = pairs.find(|(named, _)| *named == serial)?;
    Some(Path::new("/dev").join(device))
}

fn look(blocks: &Path, serial: &str) -> Option<PathBuf> {
    fs::read_dir(blocks).ok()?.flatten().find_map(|block| {
        let found = fs::read_to_string(block.path().join("serial")).ok()?;
        (found.trim_end_matches('\0').trim() == serial)
            .then(|| Path::new("/dev").join(block.file_name()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_may_say_which_disk_is_meant() {
        let line = "quiet vclust.disk=base:xvda vclust.disk=layer-0:xvdb x=base:vdz\n";
        assert_eq!(named(line, "layer-0"), Some(PathBuf::from("/dev/xvdb")));
        assert_eq!(named(line, "layer"), None);
    }

    #[test]
    fn a_disk_is_found_by_its_whole_serial_number() {
        let blocks = tempfile::tempdir().unwrap();
        for (name, serial) in [("vda", Some("base")), ("vdb", Some("base-2")), ("loop0", None)] {
            let directory = blocks.path().join(name);
            fs::create_dir(&directory).unwrap();
            if let Some(serial) = serial {
                fs::write(directory.join("serial"), serial).unwrap();
            }
        }
        assert_eq!(look(blocks.path(), "base-2"), Some(PathBuf::from("/dev/vdb")));
        assert_eq!(look(blocks.path(), "bas"), None);
    }
}

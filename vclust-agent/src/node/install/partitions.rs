//! The division of a disk, and the file systems on its parts.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::super::error::AgentError;
use super::super::{disks, processes};
use crate::protocol::{Disk, Install, Partition};

/// A table is a few sectors; what takes longer does not come to an end.
const DIVIDING: Duration = Duration::from_secs(60);
const FORMATTING: Duration = Duration::from_secs(300);

/// A partition with what was made on it.
pub(super) struct Made {
    pub(super) device: PathBuf,
    pub(super) partition: Partition,
    /// What the file system is known by.
    pub(super) uuid: String,
}

/// What can be made on a partition, and the program that does.
fn program(file_system: &str) -> Option<(&'static str, &'static [&'static str])> {
    // what mkfs would leave to the kernel to write later, it leaves
    const EXT: &[&str] = &["-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard"];
    const EXT2: &[&str] = &["-q", "-F", "-E", "lazy_itable_init=1,nodiscard"];
    match file_system {
        "ext4" => Some(("mkfs.ext4", EXT)),
        "ext3" => Some(("mkfs.ext3", EXT)),
        "ext2" => Some(("mkfs.ext2", EXT2)),
        "swap" => Some(("mkswap", &[])),
        _ => None,
    }
}

/// Refuses what cannot be made, before anything on the disk is lost.
fn check(partitions: &[Partition]) -> Result<(), AgentError> {
    let refuse = |why: String| Err(AgentError::Missing(why));
    for (place, partition) in partitions.iter().enumerate() {
        let kind = &partition.file_system;
        if program(kind).is_none() {
            return refuse(format!("no {kind} can be made; take ext2, ext3, ext4 or swap"));
        }
        if partition.mebibytes.is_none() && place + 1 != partitions.len() {
            return refuse("only the last partition can take all that is left".to_owned());
        }
        let mount_point = partition.mount_point.as_deref();
        if (kind == "swap") == mount_point.is_some() {
            return refuse("a partition has a place in the root, unless it is swap".to_owned());
        }
        let odd = |path: &str| {
            !path.starts_with('/')
                || path.split('/').any(|part| part == "..")
                || path.contains(|letter: char| letter.is_whitespace() || letter == '\\')
        };
        if let Some(path) = mount_point.filter(|path| odd(path)) {
            return refuse(format!("`{path}` is no place for a partition"));
        }
    }
    let roots = partitions.iter().filter(|one| one.mount_point.as_deref() == Some("/")).count();
    if roots == 1 { Ok(()) } else { refuse(format!("{roots} partitions are the root's; one is")) }
}

/// Divides the disk; answers its device.
pub(super) fn divide(order: &Install) -> Result<PathBuf, AgentError> {
    check(&order.partitions)?;
    let device = disks::find(&order.disk)?;
    let script = "/run/partitions";
    fs::write(script, table(&order.partitions))
        .map_err(AgentError::doing("write the partitions"))?;
    let mut command = Command::new("sfdisk");
    command.args(["--quiet", "--wipe=always", "--wipe-partitions=always"]).arg(&device);
    let file = fs::File::open(script).map_err(AgentError::doing("read the partitions"))?;
    processes::succeed_with(&mut command, file.into(), DIVIDING)?;
    Ok(device)
}

/// The table as sfdisk(8) reads it.
fn table(partitions: &[Partition]) -> String {
    let mut text = "label: gpt\n".to_owned();
    for partition in partitions {
        let kind = if partition.file_system == "swap" { "swap" } else { "linux" };
        // writing to a string does not fail
        let _ = match partition.mebibytes {
            Some(size) => writeln!(text, "size={size}MiB, type={kind}"),
            None => writeln!(text, "type={kind}"),
        };
    }
    text
}

/// Makes the file systems.
pub(super) fn format(order: &Install, device: &Path) -> Result<Vec<Made>, AgentError> {
    let mut made = Vec::new();
    for (place, partition) in order.partitions.iter().enumerate() {
        let number = u32::try_from(place + 1).ok();
        let file_system = partition.file_system.clone();
        let disk = Disk { serial: order.disk.clone(), partition: number, file_system };
        let part = disks::find_file_system(&disk)?;
        let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid");
        let uuid = uuid.map_err(AgentError::doing("draw a number"))?.trim().to_owned();
        let (name, options) = program(&partition.file_system).ok_or_else(|| {
            AgentError::Missing(format!("{} has an unknown kind", device.display()))
        })?;
        let mut command = Command::new(name);
        command.args(options).args(["-U", &uuid]).arg(&part);
        processes::succeed(&mut command, FORMATTING)?;
        made.push(Made { device: part, partition: partition.clone(), uuid });
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(size: Option<u64>, kind: &str, place: Option<&str>) -> Partition {
        let mount_point = place.map(str::to_owned);
        Partition { mebibytes: size, file_system: kind.to_owned(), mount_point }
    }

    #[test]
    fn a_table_has_a_line_for_each_partition() {
        let partitions = [
            partition(Some(512), "swap", None),
            partition(Some(2048), "ext4", Some("/")),
            partition(None, "ext2", Some("/scratch")),
        ];
        check(&partitions).unwrap();
        let expected = "label: gpt\nsize=512MiB, type=swap\nsize=2048MiB, type=linux\ntype=linux\n";
        assert_eq!(table(&partitions), expected);
    }

    #[test]
    fn what_cannot_be_made_is_refused_before_the_disk_is_touched() {
        let root = || partition(None, "ext4", Some("/"));
        for wrong in [
            vec![],
            vec![partition(None, "zfs", Some("/"))],
            vec![root(), partition(None, "swap", None)],
            vec![partition(Some(1), "ext4", Some("/")), root()],
            vec![partition(Some(1), "ext4", None), root()],
            vec![partition(Some(1), "swap", Some("/swap")), root()],
            vec![partition(Some(1), "ext4", Some("home")), root()],
            vec![partition(Some(1), "ext4", Some("/a/../..")), root()],
            vec![partition(Some(1), "ext4", Some("/a b")), root()],
        ] {
            assert!(matches!(check(&wrong), Err(AgentError::Missing(_))), "{wrong:?}");
        }
    }
}

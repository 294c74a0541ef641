//! File systems beside the root, and swap, as the root's own table of them says (fstab(5)).

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::error::AgentError;
use super::processes;

/// A disk whose file system is to be repaired is not for this.
const PATIENCE: Duration = Duration::from_secs(60);

/// Mounts what the table of the root names. Nothing is started where it names nothing else than the
/// root.
pub(super) fn mount_all() -> Result<(), AgentError> {
    let text = fs::read_to_string(Path::new("/etc/fstab")).unwrap_or_default();
    let wanted = Wanted::of(&text);
    if wanted.file_systems {
        processes::succeed(Command::new("mount").arg("--all"), PATIENCE)?;
    }
    if wanted.swap {
        processes::succeed(Command::new("swapon").arg("--all"), PATIENCE)?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    file_systems: bool,
    swap: bool,
}

impl Wanted {
    fn of(table: &str) -> Self {
        let lines = table.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        let mut wanted = Self { file_systems: false, swap: false };
        for line in lines {
            let mut fields = line.split_ascii_whitespace().skip(1);
            match (fields.next(), fields.next()) {
                (Some(_), Some("swap")) => wanted.swap = true,
                (Some(place), Some(_)) if place != "/" => wanted.file_systems = true,
                _ => {}
            }
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_the_root_alone_asks_for_nothing() {
        let none = Wanted { file_systems: false, swap: false };
        assert_eq!(Wanted::of(""), none);
        assert_eq!(Wanted::of("# UNCONFIGURED\n\nUUID=a / ext4 defaults 0 1\n"), none);
        let both =
            Wanted::of("UUID=b none swap sw 0 0\nUUID=a / ext4 x 0 1\nUUID=c /home ext4 x\n");
        assert_eq!(both, Wanted { file_systems: true, swap: true });
    }
}

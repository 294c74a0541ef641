//! The new root while it is made.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::super::error::AgentError;
use super::super::files;
use super::partitions::Made;
use super::{DATA, TARGET};

/// How long a program that was told to end may keep the root busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// The file systems of the new root, mounted at [`TARGET`].
pub(super) struct Target {
    made: Vec<Made>,
    /// Where they are, in the order in which they were mounted.
    mounted: Vec<PathBuf>,
}

impl Target {
    pub(super) fn mount(made: Vec<Made>) -> Result<Self, AgentError> {
        let mut target = Self { made, mounted: Vec::new() };
        let mut places: Vec<(&str, &Made)> = target
            .made
            .iter()
            .filter_map(|made| Some((made.partition.mount_point.as_deref()?, made)))
            .collect();
        // what a place lies in comes before it
        places.sort_by_key(|(place, _)| *place);
        for (place, made) in places {
            let path = Path::new(TARGET).join(place.trim_start_matches('/'));
            files::directory(&path)?;
            // if the power fails now, the node installs again: nothing has to be in order meanwhile
            let data = if made.partition.file_system == "ext2" { c"" } else { c"barrier=0" };
            let kind = made.partition.file_system.as_str();
            mount(&made.device, &path, kind, MountFlags::NOATIME, data)
                .map_err(AgentError::doing(format!("mount {kind} at {place} of the root")))?;
            target.mounted.push(path);
        }
        Ok(target)
    }

    /// Tells the root about its file systems.
    pub(super) fn describe(&self) -> Result<(), AgentError> {
        let etc = Path::new(TARGET).join("etc");
        files::directory(&etc)?;
        files::write(&etc.join("fstab"), 0o644, &table(&self.made))
    }

    /// Writes everything to the disk, and unmounts.
    pub(super) fn finish(&self) -> Result<(), AgentError> {
        let _ = unmount(DATA, UnmountFlags::DETACH);
        for path in self.mounted.iter().rev() {
            let end = Instant::now() + PATIENCE;
            loop {
                match unmount(path, UnmountFlags::empty()) {
                    Ok(()) => break,
                    Err(Errno::BUSY) if Instant::now() < end => {
                        thread::sleep(Duration::from_millis(20));
                    }
                    Err(error) => {
                        let doing = format!("unmount {}", path.display());
                        return Err(AgentError::doing(doing)(error));
                    }
                }
            }
        }
        rustix::fs::sync();
        let _ = fs::remove_dir(TARGET);
        Ok(())
    }
}

/// The table of file systems, see fstab(5).
fn table(made: &[Made]) -> String {
    let mut text = String::new();
    for Made { partition, uuid, .. } in made {
        let kind = &partition.file_system;
        // writing to a string does not fail
        let _ = match partition.mount_point.as_deref() {
            None => writeln!(text, "UUID={uuid} none swap sw 0 0"),
            Some("/") => writeln!(text, "UUID={uuid} / {kind} errors=remount-ro 0 1"),
            Some(place) => writeln!(text, "UUID={uuid} {place} {kind} defaults 0 2"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Partition;

    #[test]
    fn the_table_names_file_systems_by_what_they_carry() {
        let made = |kind: &str, place: Option<&str>, uuid: &str| Made {
            device: PathBuf::from("/dev/vda1"),
            partition: Partition {
                mebibytes: None,
                file_system: kind.to_owned(),
                mount_point: place.map(str::to_owned),
            },
            uuid: uuid.to_owned(),
        };
        let text = table(&[
            made("swap", None, "a"),
            made("ext4", Some("/"), "b"),
            made("ext2", Some("/home"), "c"),
        ]);
        assert_eq!(
            text,
            "UUID=a none swap sw 0 0\nUUID=b / ext4 errors=remount-ro 0 1\n\
             UUID=c /home ext2 defaults 0 2\n"
        );
    }
}

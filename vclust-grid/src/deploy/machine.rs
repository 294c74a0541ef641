//! The machines of a cluster: their disks, in the order in which all of them have them.
//!
//! Copies of one machine must have its devices. So a machine that is copied, and every copy, has a disk
//! for whatever a node may need; where a node has nothing for it, an empty one.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use vclust_core::{
    ByteSize, DiskAccess, DiskFormat, DomainBoot, DomainConfiguration, DomainDisk, DomainInterface,
    DomainLimits, DomainMemory, DomainName, MacAddress, OnReboot,
};

use super::error::DeployError;

/// The disk with the image.
pub(super) const BASE: &str = "base";
/// The disk with the cluster's files.
pub(super) const CLUSTER: &str = "cluster";
/// The node's own disk.
pub(super) const OWN: &str = "disk";
/// Most layers between the image and the cluster's files.
pub(crate) const MOST_LAYERS: usize = 3;
/// Size of disks that are there in case they are needed. A copy finds whatever lies there no larger.
pub(super) const LARGEST: u64 = 1 << 40;

/// The disk with a layer; the lowest has number 0.
pub(super) fn layer_serial(number: usize) -> String {
    format!("layer-{number}")
}

/// What kernels are told. Emulated machines find out about timers for seconds if they are not told.
pub(super) const KERNEL: &str = "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off \
                                 tsc=reliable no_timer_check cryptomgr.notests \
                                 random.trust_cpu=on 8250.nr_uarts=1 net.ifnames=0";

/// What every machine of a cluster has alike.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) kernel: PathBuf,
    pub(super) initramfs: PathBuf,
    pub(super) memory: ByteSize,
    pub(super) processors: u32,
}

/// What lies on a machine's disks.
#[derive(Debug, Clone, Default)]
pub(super) struct Disks {
    pub(super) base: Option<PathBuf>,
    pub(super) layers: Vec<PathBuf>,
    pub(super) cluster: Option<PathBuf>,
    pub(super) own: Option<PathBuf>,
}

impl Disks {
    /// The disks that there are.
    pub(super) fn needed(&self) -> Vec<DomainDisk> {
        let read = |serial: &str, path: &Path| disk(serial, path, DiskAccess::ReadOnly);
        let mut disks = Vec::new();
        disks.extend(self.base.iter().map(|path| read(BASE, path)));
        let layers = self.layers.iter().enumerate();
        disks.extend(layers.map(|(number, path)| read(&layer_serial(number), path)));
        disks.extend(self.cluster.iter().map(|path| read(CLUSTER, path)));
        disks.extend(self.own.iter().map(|path| disk(OWN, path, DiskAccess::ReadWrite)));
        disks
    }

    /// A disk for everything, where there is nothing an empty one. `empty` is a directory for these.
    pub(super) fn all(&self, empty: &Path) -> Result<Vec<DomainDisk>, DeployError> {
        let nothing = empty_disk(&empty.join("nothing"))?;
        let read = |serial: &str, path: Option<&PathBuf>| {
            disk(serial, path.unwrap_or(&nothing), DiskAccess::ReadOnly)
        };
        let mut disks = vec![read(BASE, self.base.as_ref())];
        for number in 0..MOST_LAYERS {
            disks.push(read(&layer_serial(number), self.layers.get(number)));
        }
        disks.push(read(CLUSTER, self.cluster.as_ref()));
        let own = match &self.own {
            Some(path) => path.clone(),
            None => empty_disk(&empty.join("own"))?,
        };
        disks.push(disk(OWN, &own, DiskAccess::ReadWrite));
        Ok(disks)
    }
}

/// A file of the largest size that takes no room.
fn empty_disk(path: &Path) -> Result<PathBuf, DeployError> {
    if !path.exists() {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(path);
        let file = file.map_err(DeployError::write(path))?;
        file.set_len(LARGEST).map_err(DeployError::write(path))?;
    }
    Ok(path.to_owned())
}

fn disk(serial: &str, path: &Path, access: DiskAccess) -> DomainDisk {
    let format = DiskFormat::Raw;
    DomainDisk { serial: serial.to_owned(), path: path.to_owned(), format, access }
}

impl Shape {
    /// A machine of this shape.
    pub(super) fn machine(
        &self,
        name: DomainName,
        mac: MacAddress,
        tap: String,
        disks: Vec<DomainDisk>,
        memory_use: DomainMemory,
    ) -> DomainConfiguration {
        DomainConfiguration {
            name,
            memory: self.memory,
            memory_use,
            processors: self.processors,
            boot: DomainBoot::Kernel {
                image: self.kernel.clone(),
                initramfs: Some(self.initramfs.clone()),
                command_line: KERNEL.to_owned(),
            },
            disks,
            interfaces: vec![DomainInterface { mac, host_device: tap, bridge: None }],
            on_reboot: OnReboot::Off,
            limits: DomainLimits::default(),
        }
    }
}

/// Copies an empty file system for a node to write to, with holes where the original has them.
pub(super) fn copy_sparse(from: &Path, to: &Path) -> Result<(), DeployError> {
    use rustix::fs::{SeekFrom, seek};
    use std::os::unix::fs::FileExt;
    let source = fs::File::open(from).map_err(DeployError::read(from))?;
    let length = source.metadata().map_err(DeployError::read(from))?.len();
    let mut options = OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let target = options.write(true).create_new(true).open(to).map_err(DeployError::write(to))?;
    target.set_len(length).map_err(DeployError::write(to))?;
    let mut buffer = vec![0; 1 << 16];
    let mut at = 0;
    // the kernel says where there is data, and that there is none any more by an error
    while let Ok(start) = seek(&source, SeekFrom::Data(at)) {
        let end = seek(&source, SeekFrom::Hole(start)).unwrap_or(length);
        at = start;
        while at < end {
            let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
            let part = &mut buffer[..wanted];
            source.read_exact_at(part, at).map_err(DeployError::read(from))?;
            target.write_all_at(part, at).map_err(DeployError::write(to))?;
            at += wanted as u64;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt, MetadataExt};

    use super::*;

    #[test]
    fn copies_have_the_holes_of_the_original() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        let file = fs::File::create(&from).unwrap();
        file.set_len(1 << 30).unwrap();
        file.write_all_at(b"begin", 0).unwrap();
        file.write_all_at(b"middle", 500 << 20).unwrap();
        copy_sparse(&from, &to).unwrap();
        let copy = fs::File::open(&to).unwrap();
        assert_eq!(copy.metadata().unwrap().len(), 1 << 30);
        assert!(copy.metadata().unwrap().blocks() * 512 < 1 << 20);
        let mut text = [0; 6];
        copy.read_exact_at(&mut text, 500 << 20).unwrap();
        assert_eq!(&text, b"middle");
        // an image is never written over
        assert!(copy_sparse(&from, &to).is_err());
    }

    #[test]
    fn copies_of_a_machine_have_its_disks_in_its_order() {
        let directory = tempfile::tempdir().unwrap();
        let serials = |disks: &Disks| -> Vec<String> {
            let all = disks.all(directory.path()).unwrap();
            all.into_iter().map(|disk| disk.serial).collect()
        };
        let disks = Disks {
            base: Some("base".into()),
            layers: vec!["one".into()],
            cluster: Some("cluster".into()),
            own: Some("own".into()),
        };
        let expected = ["base", "layer-0", "layer-1", "layer-2", "cluster", "disk"];
        assert_eq!(serials(&disks), expected);
        assert_eq!(serials(&Disks::default()), expected);
        let needed: Vec<String> = disks.needed().into_iter().map(|disk| disk.serial).collect();
        assert_eq!(needed, ["base", "layer-0", "cluster", "disk"]);
        let nothing = directory.path().join("nothing").metadata().unwrap();
        assert_eq!((nothing.len(), nothing.blocks()), (LARGEST, 0));
    }
}

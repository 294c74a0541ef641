//! How the own disk of a node that installs is divided.
//!
//! What a disk cannot have is refused here, where the spec is read, and not by a node in the midst of its
//! installation.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::units::ByteSize;

const MIB: u64 = 1 << 20;
/// What a table of partitions takes at the beginning and at the end of a disk (GPT, partitions at whole
/// MiB).
const TABLE: u64 = 2 * MIB;
/// Less than this holds no file system with a journal.
const LEAST: u64 = 8 * MIB;
/// Entries of a table.
const MOST: usize = 128;

/// A part of a node's own disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DiskPartition {
    /// Its size, which is rounded up to whole MiB; none for all that is left, which only the last can
    /// take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<ByteSize>,
    /// Where nodes have it: an absolute path; none for swap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What is made on it.
    #[serde(default)]
    pub file_system: FileSystem,
}

/// What is made on a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileSystem {
    /// ext4.
    #[default]
    Ext4,
    /// ext3.
    Ext3,
    /// ext2.
    Ext2,
    /// Room for memory that is not needed at the moment.
    Swap,
}

impl FileSystem {
    /// Its name, as specs write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Ext3 => "ext3",
            Self::Ext2 => "ext2",
            Self::Swap => "swap",
        }
    }
}

/// Why a disk cannot be divided so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PartitionError {
    /// More than a table has room for.
    #[error("{partitions} partitions: a disk has {MOST} at most")]
    Many {
        /// How many.
        partitions: usize,
    },
    /// One in the middle without a size.
    #[error(
        "partition {number} has no `size`; only the last can do without, and takes all that is left"
    )]
    NoSize {
        /// Which one; the first is 1.
        number: usize,
    },
    /// One that holds nothing.
    #[error("partition {number} has {size}; one has {least} or more")]
    Small {
        /// Which one; the first is 1.
        number: usize,
        /// Its size.
        size: ByteSize,
        /// The least.
        least: ByteSize,
    },
    /// A file system that is nowhere, or swap that is somewhere.
    #[error(
        "partition {number}: a file system has a `target`, where nodes have it, and swap has none"
    )]
    Target {
        /// Which one; the first is 1.
        number: usize,
    },
    /// A place that no file system can be at.
    #[error(
        "`{target}` is no place for a partition: it takes an absolute path without blanks, \
         backslashes and `..`, and not one of the kernel's own directories"
    )]
    Place {
        /// The place.
        target: String,
    },
    /// Two in one place.
    #[error("two partitions have the target `{target}`")]
    Twice {
        /// The place.
        target: String,
    },
    /// Nodes have nowhere to be.
    #[error("no partition has the target `/`, where a node's root is; one has to")]
    NoRoot,
    /// More than the disk has.
    #[error("the partitions need {needed} ({sum}), and `disk` gives each node {disk}")]
    Large {
        /// All of it.
        needed: ByteSize,
        /// How that comes about.
        sum: String,
        /// What there is.
        disk: ByteSize,
    },
}

impl DiskPartition {
    /// Its size in MiB; none for all that is left.
    #[must_use]
    pub fn mebibytes(&self) -> Option<u64> {
        self.size.map(|size| size.bytes().div_ceil(MIB))
    }

    /// What it takes of a disk at least.
    fn least(&self) -> u64 {
        self.mebibytes().map_or(LEAST, |size| size.saturating_mul(MIB))
    }

    fn check(&self, number: usize, is_last: bool) -> Result<(), PartitionError> {
        match self.size {
            None if !is_last => return Err(PartitionError::NoSize { number }),
            Some(size) if size.bytes() < LEAST => {
                let least = ByteSize::new(LEAST);
                return Err(PartitionError::Small { number, size, least });
            }
            _ => {}
        }
        match (&self.target, self.file_system) {
            (None, FileSystem::Swap) => Ok(()),
            (Some(target), kind) if kind != FileSystem::Swap => check_place(target),
            _ => Err(PartitionError::Target { number }),
        }
    }
}

fn check_place(target: &str) -> Result<(), PartitionError> {
    // mounted over by every system as it starts
    const TAKEN: [&str; 4] = ["dev", "proc", "run", "sys"];
    let mut parts = target.split('/').skip(1);
    let fits = target == "/"
        || target.starts_with('/')
            && !target.contains(|letter: char| {
                letter.is_whitespace() || letter.is_control() || letter == '\\'
            })
            && parts.clone().all(|part| !["", ".", ".."].contains(&part))
            && parts.next().is_some_and(|first| !TAKEN.contains(&first));
    if fits { Ok(()) } else { Err(PartitionError::Place { target: target.to_owned() }) }
}

/// Checks the partitions of a disk; none of them is a disk with the root alone.
pub(super) fn check(partitions: &[DiskPartition], disk: ByteSize) -> Result<(), PartitionError> {
    if partitions.is_empty() {
        return Ok(());
    }
    if partitions.len() > MOST {
        return Err(PartitionError::Many { partitions: partitions.len() });
    }
    let mut targets = BTreeSet::new();
    for (number, partition) in (1..).zip(partitions) {
        partition.check(number, number == partitions.len())?;
        if let Some(target) = partition.target.as_deref().filter(|target| !targets.insert(*target))
        {
            return Err(PartitionError::Twice { target: target.to_owned() });
        }
    }
    if !targets.contains("/") {
        return Err(PartitionError::NoRoot);
    }
    let all = partitions.iter().map(DiskPartition::least);
    let needed = all.fold(TABLE, u64::saturating_add);
    if needed <= disk.bytes() {
        return Ok(());
    }
    let each = partitions.iter().map(|one| ByteSize::new(one.least()).to_string());
    let sum: Vec<String> =
        each.chain([format!("{} for their table", ByteSize::new(TABLE))]).collect();
    Err(PartitionError::Large { needed: ByteSize::new(needed), sum: sum.join(" + "), disk })
}

/// What of a disk a partition gets that takes all that is left by the others.
pub(super) fn left(partitions: &[DiskPartition], disk: ByteSize) -> u64 {
    let sized = partitions.iter().filter(|one| one.size.is_some()).map(DiskPartition::least);
    disk.bytes().saturating_sub(sized.fold(TABLE, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> ByteSize {
        ByteSize::new(1000 * MIB)
    }

    fn partition(size: u64, kind: FileSystem, target: Option<&str>) -> DiskPartition {
        let size = (size > 0).then(|| ByteSize::new(size * MIB));
        DiskPartition { size, target: target.map(str::to_owned), file_system: kind }
    }

    #[test]
    fn a_root_with_swap_and_the_rest_elsewhere_can_be() {
        let partitions = [
            partition(64, FileSystem::Swap, None),
            partition(500, FileSystem::Ext4, Some("/")),
            partition(0, FileSystem::Ext2, Some("/scratch/one")),
        ];
        check(&partitions, disk()).unwrap();
        assert_eq!(left(&partitions, disk()), (1000 - 564 - 2) * MIB);
        check(&[], disk()).unwrap();
        let odd =
            DiskPartition { size: Some(ByteSize::new(10 * MIB + 1)), ..partitions[1].clone() };
        assert_eq!(odd.mebibytes(), Some(11));
    }

    #[test]
    fn what_cannot_be_is_named() {
        let root = || partition(0, FileSystem::Ext4, Some("/"));
        let data = |target| vec![partition(9, FileSystem::Ext4, Some(target)), root()];
        for (partitions, says) in [
            (vec![root(), root()], "partition 1 has no `size`"),
            (
                vec![partition(1, FileSystem::Swap, None), root()],
                "partition 1 has 1MiB; one has 8MiB",
            ),
            (vec![partition(9, FileSystem::Swap, Some("/swap")), root()], "swap has none"),
            (vec![partition(9, FileSystem::Ext4, None), root()], "partition 1: a file system has"),
            (data("home"), "`home` is no place"),
            (data("/a/../b"), "is no place"),
            (data("/a b"), "is no place"),
            (data("/a//b"), "is no place"),
            (data("/proc"), "is no place"),
            (data("/run/a"), "is no place"),
            (data("/"), "two partitions have the target `/`"),
            (vec![partition(9, FileSystem::Ext4, Some("/a"))], "no partition has the target `/`"),
            (vec![partition(9, FileSystem::Swap, None); 129], "129 partitions"),
            (
                vec![partition(995, FileSystem::Swap, None), root()],
                "need 1005MiB (995MiB + 8MiB + 2MiB for their table), and `disk` gives each node 1000MiB",
            ),
        ] {
            let error = check(&partitions, disk()).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}

//! How a node's root is put together, as its kernel's command line says it to `init.sh`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The serial number of a virtual disk, by which a node knows it: names such as `vda` depend on the
/// order in which disks are found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DiskSerial(String);

/// A text that is no serial number.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` cannot be the serial number of a disk: 1 to 20 letters, digits and hyphens can")]
pub struct DiskSerialError(String);

impl DiskSerial {
    /// The longest that virtio has room for.
    const LONGEST: usize = 20;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DiskSerial {
    type Err = DiskSerialError;

    fn from_str(text: &str) -> Result<Self, DiskSerialError> {
        let fits = (1..=Self::LONGEST).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if fits { Ok(Self(text.to_owned())) } else { Err(DiskSerialError(text.to_owned())) }
    }
}

impl fmt::Display for DiskSerial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Where a node writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Upper {
    /// Into memory: it is gone when the node is switched off.
    #[default]
    Memory,
    /// Onto a disk with an ext4 file system.
    Disk(DiskSerial),
}

/// A node's root: read-only layers and, above them, what the node writes.
///
/// ```
/// use vclust_debian::{DiskSerialError, NodeRoot, Upper};
/// # fn main() -> Result<(), DiskSerialError> {
/// let root = NodeRoot { base: "base".parse()?, layers: vec!["mpi".parse()?], upper: Upper::Memory };
/// assert_eq!(root.to_string(), "vclust.lower=base,mpi");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRoot {
    /// The disk with the image.
    pub base: DiskSerial,
    /// Disks with layers over it, the lowest first.
    pub layers: Vec<DiskSerial>,
    /// Where the node writes.
    pub upper: Upper,
}

/// The parameters for the kernel's command line.
impl fmt::Display for NodeRoot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "vclust.lower={}", self.base)?;
        for layer in &self.layers {
            write!(formatter, ",{layer}")?;
        }
        match &self.upper {
            Upper::Memory => Ok(()),
            Upper::Disk(serial) => write!(formatter, " vclust.upper={serial}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_written_as_the_script_reads_it() {
        let serial = |text: &str| text.parse::<DiskSerial>().unwrap();
        let mut root = NodeRoot { base: serial("base"), layers: Vec::new(), upper: Upper::Memory };
        assert_eq!(root.to_string(), "vclust.lower=base");
        root.layers = vec![serial("mpi"), serial("keys-1")];
        root.upper = Upper::Disk(serial("data"));
        assert_eq!(root.to_string(), "vclust.lower=base,mpi,keys-1 vclust.upper=data");
        for parameter in ["vclust.lower=", "vclust.upper="] {
            assert!(super::super::INIT.contains(&format!("{parameter}*) ")), "{parameter}");
        }
    }

    #[test]
    fn serial_numbers_that_a_command_line_or_a_disk_cannot_hold_are_refused() {
        for text in ["", "a b", "a,b", "a/b", "ä", "123456789012345678901"] {
            let error = text.parse::<DiskSerial>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{text}` ")), "{error}");
        }
        assert!("12345678901234567890".parse::<DiskSerial>().is_ok());
    }
}

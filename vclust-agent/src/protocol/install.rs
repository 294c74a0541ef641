//! How a node's own disk is filled.

use serde::{Deserialize, Serialize};

use super::InterfaceAddress;

/// How a node's own disk is filled: the course of an installation.
///
/// The node starts the root of the installation from the head node's NFS server, divides and formats
/// its disk, unpacks the image's archive there, has the root's own dpkg install what the image lacks,
/// lays the cluster's files over it, and switches off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Install {
    /// The node's host name.
    pub host_name: String,
    /// Seconds since 1970.
    pub time: f64,
    /// Random bytes, in hexadecimal digits.
    pub seed: String,
    /// The address of its interface; none to ask by DHCP.
    pub address: Option<InterfaceAddress>,
    /// The head node's address.
    pub server: String,
    /// Name of the directory, at the NFS server, with the root of the installation.
    pub programs: String,
    /// Name of the directory, at the NFS server, with all that is to be installed.
    pub data: String,
    /// Serial number of the disk that is to be filled.
    pub disk: String,
    /// How the disk is divided, in the order on the disk.
    pub partitions: Vec<Partition>,
    /// The image's archive.
    pub image: ImageArchive,
    /// What the image lacks.
    pub packages: Option<Packages>,
    /// Name of the directory, among the data, whose files are laid over the root at last. Of tables of
    /// users and groups, lines about those that the root does not know are added.
    pub files: Option<String>,
}

/// A part of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Its size in MiB; none for all that is left, which only the last can have.
    pub mebibytes: Option<u64>,
    /// What is made on it: `ext2`, `ext3`, `ext4` or `swap`.
    pub file_system: String,
    /// Where the root has it; none for swap.
    pub mount_point: Option<String>,
}

/// The archive of an image: a tar stream compressed by zstd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageArchive {
    /// Its bytes.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Where it comes from.
    pub from: ImageSource,
}

/// Where an image's archive comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageSource {
    /// A file among the data at the NFS server.
    Nfs {
        /// Its name.
        file: String,
    },
    /// The head node, over HTTP.
    Http(HttpSource),
    /// The neighbour in a chain: each node passes on what it receives while it receives it.
    Chain {
        /// The port that every node of the chain serves at.
        port: u16,
        /// Addresses of nodes that come before this one, the nearest first. One that does not answer,
        /// or falls silent, is passed over for good.
        before: Vec<String>,
        /// Where the chain begins.
        head: HttpSource,
    },
}

/// A file at an HTTP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpSource {
    /// The server, as `ADDRESS:PORT`.
    pub server: String,
    /// The file's name, which begins with a slash.
    pub path: String,
}

/// Packages that are installed into the unpacked root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packages {
    /// Name of the directory, among the data, with their files.
    pub directory: String,
    /// What is done, one after the other.
    pub steps: Vec<PackageStep>,
}

/// A run of dpkg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageStep {
    /// Packages are removed, by their names.
    Remove(Vec<String>),
    /// Packages are unpacked, by their files' names.
    Unpack(Vec<String>),
    /// Packages are configured, by their names.
    Configure(Vec<String>),
    /// All that is not configured is, and all triggers run.
    Finish,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Order;

    #[test]
    fn an_order_comes_back_from_its_text() {
        let head = HttpSource { server: "10.77.0.1:80".to_owned(), path: "/image".to_owned() };
        let before = vec!["10.77.1.2".to_owned(), "10.77.1.1".to_owned()];
        let install = Install {
            host_name: "n3".to_owned(),
            time: 1e9,
            seed: "00ff".to_owned(),
            address: None,
            server: "10.77.0.1".to_owned(),
            programs: "programs".to_owned(),
            data: "data".to_owned(),
            disk: "disk".to_owned(),
            partitions: vec![Partition {
                mebibytes: None,
                file_system: "ext4".to_owned(),
                mount_point: Some("/".to_owned()),
            }],
            image: ImageArchive {
                bytes: 5,
                sha256: "0".repeat(64),
                from: ImageSource::Chain { port: 7, before, head },
            },
            packages: Some(Packages {
                directory: "packages".to_owned(),
                steps: vec![PackageStep::Unpack(vec!["1.deb".to_owned()]), PackageStep::Finish],
            }),
            files: None,
        };
        let order = Order::Install(Box::new(install));
        let text = serde_json::to_string(&order).unwrap();
        assert!(text.contains(r#""steps":[{"unpack":["1.deb"]},"finish"]"#), "{text}");
        assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order);
    }
}

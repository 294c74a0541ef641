//! vclust acting on Debian: it reads mirrors and the machine's apt configuration, makes images of root
//! directories, and makes the networks of clusters with what head nodes offer in them.

mod apt_configuration;
mod command;
mod database;
mod deb;
mod image;
mod index_file;
mod initramfs;
mod install;
mod kernel;
mod layer;
mod mirror;
mod network;
mod parallel;
mod pipe;
mod pool;
mod product;
mod sandbox;
mod services;
mod signature;
mod state_directory;
mod status_file;
mod unpack;
mod user_namespace;
mod worker;

pub use apt_configuration::{
    AptConf, AptConfSyntaxError, AptConfiguration, AptConfigurationError, AptEnvironment,
    AptSource, Include, IndexFile, Location, SignedBy, SourceKind, apt_lists, parse_deb822_sources,
    parse_one_line_sources, parse_preferences, uri_to_file_name,
};
pub use command::CommandError;
pub use database::DatabaseError;
pub use deb::{
    ControlArchive, ControlFile, DataArchive, DataEntry, DebError, DebLimits, EntryKind,
    PackageDescription, PackageFile, Replaced,
};
pub use image::{
    Finished, ImageError, UnknownVariant, Variant, finish as finish_image,
    read_file as read_file_of_root,
};
pub use index_file::{
    IndexFileError, Limits, UnpackedIndexes, open as open_index, open_with as open_index_with,
};
pub use initramfs::{
    DiskSerial, DiskSerialError, InitramfsError, NFS_MODULES, NODE_MODULES, NodeRoot, Upper,
    XEN_MODULES, busybox_program, write_initramfs,
};
pub use install::{
    DpkgRun, Epoch, InstallError, InstallProgress, Installation, Installed, InstalledPackage,
    OnInstall, dpkg_course,
};
pub use kernel::{Kernel, KernelError, KernelModule, KernelStore, kernel_package};
pub use layer::{Below, LayerError, build_layer};
pub use mirror::{
    Expiry, Mirror, MirrorError, MirrorOptions, OnProgress, Progress, Repository, Trust, Updated,
    Wanted,
};
pub use network::{
    AddressPlan, BRIDGE, ClusterNetwork, NetworkError, NetworkPlan, NodeAddress, Outward,
    TooManyNodes,
};
pub use pool::{Fetched, PackagePool, PoolError, PoolProgress, WantedPackage};
pub use product::{
    Archive, BegunErofs, Compression, DiskContent, DiskFormat, DiskOptions, ImageEntry,
    ImageEntryKind, OnBytes, ProductError, ProductFile, Tree, Unpacked as UnpackedArchive,
    begin_erofs, copy_tar, file_digest, find_in_erofs, unpack_archive, write_disk,
    write_empty_ext4, write_erofs, write_erofs_lz4hc,
};
pub use sandbox::{
    Output, Sandbox, SandboxCommand, SandboxError, in_private_memory, in_private_mounts,
};
pub use services::{
    DhcpHost, DhcpPlan, DhcpServer, HttpFile, HttpServer, NameService, NetworkBoot, NfsAccess,
    NfsExport, NfsServer, ServiceError,
};
pub use signature::{
    ArmorError, Keyring, SignatureError, SignatureRefusal, Signed, dearmor, verify,
};
pub use state_directory::{StateDirectory, StateDirectoryError};
pub use status_file::status_file;
pub use unpack::{
    LeftReason, LeftToDpkg, Md5, Overrides, PackageContents, PackageToUnpack, StatOverride,
    UnpackError, Unpacked, UnpackedPackage, Unpacker,
};
pub use user_namespace::{UserNamespace, UserNamespaceError};
pub use worker::start_worker;

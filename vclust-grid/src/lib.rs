//! What a site of vclust keeps: its history, what estimators learned from it, its images, and the
//! records of its clusters.
//!
//! The ideas are in `vclust-core`: what an event is, and what a store of events must do. Here is
//! the store that survives crashes and serves several processes at once, a SQLite file in the
//! state directory, and the way estimators are brought up to date from any store. Beside it is the
//! repository of images, which builders fill and everything else reads. The records of clusters say
//! what runs, so that whatever a killed command left can be found and removed.
//!
//! [`PackageSource`] gives an index, [`ClusterPlanner`] makes a plan of a spec, and [`Deployer`] carries
//! it out; each can be used alone.

mod boot;
mod cluster;
mod deploy;
mod estimators;
mod file;
mod history;
mod image;
mod learned;
mod lock;
mod packages;
mod past;
mod plan;
mod replay;
mod repository;
mod resolved;
mod sqlite;

pub use boot::{BootFiles, BootFilesError, BootPackages};
pub use cluster::{
    Cleaned, ClusterError, ClusterKeys, ClusterRecord, ClusterState, ClusterStore, HeldCluster,
    KeyError, NewCluster, NodeRecord, NodeState, PhaseRecord, ServerRecord, SshKeyPair, hosts_file,
    known_hosts, mpi_hostfile,
};
pub use deploy::{
    Backend, Cancel, ClusterOrder, DeployError, DeployEvent, Deployer, Down, InstallBoot,
    InstallIdentity, InstallPlan, InstallService, InstallServiceError, InstallSources,
    NETWORK_ROM_PACKAGE, NodeStage, OnDeploy, PROGRAMS, PhaseTime, ProgramsError,
    TemplateInformation, TemplateStore, Up, console_of, down, network_rom, node_partitions,
    problems_of, programs_order, states_of,
};
pub use estimators::SiteEstimators;
pub use file::FileError;
pub use history::{HistoryDatabase, HistoryDatabaseError, Import, ImportError};
pub use image::{
    Archives, BuildError, BuildEvents, BuildProgress, BuiltImage, ImageBuilder, ImageOrder,
    ImagePlan, OnBuild, PlanError, PlannedPackage, ROOT_STATUS,
};
pub use learned::{Learner, last_learned, learned};
pub use packages::{
    LoadedIndex, PackageSearch, PackageSource, PackagesError, RootState, SearchError, SuiteUpdate,
    read_meta_packages,
};
pub use past::{PastError, PastEvents, read_history};
pub use plan::{
    AddedPackage, ClusterPlan, ClusterPlanError, ClusterPlanner, KnownEvents, KnownImages,
    PlannedClosure, read_spec,
};
pub use replay::{ReplayError, ReplayOrder, Replayed};
pub use repository::{
    Begun, BuildKey, Building, CollectOptions, Collected, Damage, ExportError, ExportForm,
    ExportOptions, Held, IfFound, ImageKind, ImageRepository, InputDigest, Lease, MINIMAL,
    Manifest, ManifestError, ManifestPackage, ManifestPhase, NewImage, Product, Recovered, Removal,
    Removed, RepositoryError, Stack, StoredArchive, StoredImage, StoredPackage, Verified,
    remove_unfinished_export, root_archive, root_erofs,
};
pub use resolved::{OnResolved, ResolvedRequests};
pub use sqlite::SqliteError;

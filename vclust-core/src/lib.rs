//! The ideas of vclust, as plain functions over plain data.
//!
//! This crate reads Debian package indexes that somebody else loaded into memory, and answers the
//! question everything else in vclust rests on: which packages, in which versions, does a request
//! add to a root? It performs no I/O, starts no process and needs no async runtime.

mod catalogue;
mod closure;
mod deb822;
mod estimate;
mod generation;
mod graph;
mod history;
mod hypervisor;
mod index;
mod meta_package;
mod pin;
mod policy;
mod relation;
mod release;
mod replay;
mod selection;
mod site;
mod sources;
mod spec;
mod strategy;
mod trace;
mod units;
mod version;

pub use catalogue::{
    Catalogue, CatalogueError, Image, ImageId, ImageKind, ImageListing, ImageListingError,
    ImageListings, LayerId, LayerImage, PackageSet, PackageVersionId, Stored, Universe,
};
pub use closure::{Action, Closure, Request, RequestItem, ResolveError, Selector};
pub use deb822::{Field, Stanza, Stanzas, SyntaxError};
pub use estimate::{
    Accuracy, BlendedTransfer, ContentionTransfer, Estimate, Estimator, FittedPriors,
    InstallEstimator, InstallLine, InstallStatistics, InstallTask, MeanTransfer, NodeSpeed,
    PackageCost, PhaseEstimator, PhaseTask, Priors, RunCost, RunScale, Slowdown, TransferTask,
    UNPACKED_BYTES, compare_estimators,
};
pub use generation::{
    Changes, ExpectedTime, ExpectedTimeOptions, Frequent, GenerationPolicy, Golden, ImageSizes,
    ImageWorth, KeepUsed, Landlord, Making, PolicyError, Prepared, Problem, Repository, Served,
    Solution, WeightedTarget, parse_policy,
};
pub use graph::{DependencyEdge, DependencyGraph, shared_versions};
pub use history::{
    Appended, Event, EventFilter, EventId, EventKind, History, HistoryError, HistoryStore,
    ImpossibleEvent, InstallEvent, OnError, PackageVersion, Phase, PhaseEvent, Rejection,
    RequestEvent, Saved, Snapshot, Step, StepKind, Timestamp, TimestampError, TransferEvent,
};
pub use hypervisor::{
    DiskAccess, DiskFormat, Domain, DomainBoot, DomainConfiguration, DomainDisk, DomainInterface,
    DomainLimits, DomainLine, DomainMemory, DomainName, DomainNameError, DomainState, Hypervisor,
    HypervisorError, HypervisorProblem, MacAddress, MacAddressError, OnReboot,
};
pub use index::{
    ArchitectureId, FileOrigin, Index, IndexBuilder, IndexError, MultiArch, NameId, PackageId,
    PackageView, Priority, RelationKind, VersionId, VersionView,
};
pub use meta_package::{
    DebianUnit, DebianUnitKind, DebianUnits, Member, MetaPackage, MetaPackageError, MetaPackageId,
    MetaPackages, NameRequest, Need,
};
pub use pin::{
    PackagePattern, Pattern, PatternError, Pin, PinSelector, PinTarget, ReleasePattern, Suite,
};
pub use policy::Policy;
pub use relation::{Groups, Operator, Relation, RelationError, parse_relations};
pub use release::{
    Clearsigned, ClearsignedError, Release, ReleaseError, ReleaseFile, Sha256, Sha256Error,
    clearsigned_payload, parse_date,
};
pub use replay::{Clairvoyant, Designs, Outcome, Replay, hindsight};
pub use selection::{
    BytesPrice, Candidate, Conditions, Estimators, ImageSelector, Layer, LayerPlan, LayerSearch,
    PackagePrices, PaperChoice, PhaseEstimate, Prices, Repair, RunPrice, Selection, SelectionError,
    StackPrice, StrategyPrices, Target, paper_rule,
};
pub use site::{
    Calibration, CalibrationRow, HeadDescription, HostsDescription, NodeDescription, Observation,
    PhaseTimes, ResourceUse, SiteDescription, SiteError, SiteRun, SiteTask, Software,
    TransferDescription, TransferMethod,
};
pub use sources::{BuildRelation, SourcePackage, Sources, SourcesError};
pub use spec::{
    BootMethod, ClusterSpec, DebianSpec, DeploySpec, DiskPartition, FileMode, FileSystem, Hook,
    HypervisorKind, InitKind, NetworkSpec, NodeDisk, Overlay, PartitionError, SharedDirectory,
    SpecError, StrategyChoice, Transfer, UploadedFile,
};
pub use strategy::Strategy;
pub use trace::{BuildDependencies, Popularity, Workload};
pub use units::{ByteSize, ByteSizeError};
pub use version::{Version, VersionError, compare_versions};

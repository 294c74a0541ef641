//! The ideas of vclust, as plain functions over plain data.
//!
//! This crate reads Debian package indexes that somebody else loaded into memory, and answers the
//! question everything else in vclust rests on: which packages, in which versions, does a request
//! add to a root? It performs no I/O, starts no process and needs no async runtime.

mod closure;
mod deb822;
mod estimate;
mod graph;
mod history;
mod index;
mod meta_package;
mod pin;
mod policy;
mod relation;
mod release;
mod sources;
mod version;

pub use closure::{Action, Closure, Request, RequestItem, ResolveError, Selector};
pub use deb822::{Field, Stanza, Stanzas, SyntaxError};
pub use estimate::{
    Accuracy, Estimate, Estimator, FittedPriors, InstallEstimator, InstallLine, InstallStatistics,
    InstallTask, MeanTransfer, PackageCost, Priors, RunCost, RunScale, TransferTask,
};
pub use graph::{DependencyEdge, DependencyGraph, shared_versions};
pub use history::{
    Event, History, HistoryError, InstallEvent, OnError, PackageVersion, Phase, PhaseEvent,
    Rejection, RequestEvent, Step, StepKind, Timestamp, TimestampError, TransferEvent,
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
pub use sources::{BuildRelation, SourcePackage, Sources, SourcesError};
pub use version::{Version, VersionError, compare_versions};

//! How a command fails: text for people, a JSON document for scripts, and the exit code.

use std::path::PathBuf;

use serde_json::json;
use thiserror::Error;
use vclust_core::{
    CatalogueError, DomainName, HypervisorError, ImageListingError, ImpossibleEvent, IndexError,
    MetaPackageError, PolicyError, ResolveError, SelectionError, SiteError, SourcesError,
    SpecError,
};
use vclust_debian::{
    AptConfigurationError, IndexFileError, KernelError, MirrorError, NetworkError, PoolError,
    StateDirectoryError, UserNamespaceError,
};
use vclust_grid::{
    BootFilesError, BuildError, ClusterError, ClusterPlanError, DeployError, ExportError,
    HistoryDatabaseError, PackagesError, PastError, PlanError, RepositoryError, SearchError,
};

use crate::arguments::Format;

/// Why a command failed.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    IndexFile(#[from] IndexFileError),
    #[error("cannot read apt's configuration")]
    AptConfiguration(#[from] AptConfigurationError),
    #[error(transparent)]
    Packages(PackagesError),
    #[error(transparent)]
    Past(#[from] PastError),
    #[error(transparent)]
    ClusterPlan(ClusterPlanError),
    #[error(transparent)]
    MetaPackage(#[from] MetaPackageError),
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error(
        "{file}, line {line}: {reason}; nothing was imported, --skip-bad-lines leaves such lines \
         out"
    )]
    ImportLine { file: String, line: usize, reason: String },
    #[error(transparent)]
    ImpossibleEvent(#[from] ImpossibleEvent),
    #[error(transparent)]
    HistoryDatabase(#[from] HistoryDatabaseError),
    #[error("cannot write {}", path.display())]
    WriteFile { path: PathBuf, source: std::io::Error },
    #[error(
        "{} is no shipped site (paper, laboratory, paper-hardware) and cannot be read",
        path.display()
    )]
    SiteFile { path: PathBuf, source: std::io::Error },
    #[error("cannot simulate the site {what}")]
    Site { what: String, source: SiteError },
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    #[error(transparent)]
    StateDirectory(#[from] StateDirectoryError),
    #[error(transparent)]
    Deploy(#[from] DeployError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Hypervisor(#[from] HypervisorError),
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error("these options make no cluster")]
    Options(#[source] SpecError),
    #[error("the cluster {cluster} has no node `{node}`; it has {known}, {cluster}-1 and so on")]
    NoNode { node: String, cluster: String, known: String },
    #[error("the cluster {0} has no network yet; wait until it is ready")]
    NoNetwork(DomainName),
    #[error("this machine's apt has no sources; name an archive with --mirror and --suite")]
    NoSources,
    #[error(
        "this machine has no package indexes; run `vclust packages update`, or name a Packages \
         file with --packages-file"
    )]
    NoIndexes,
    #[error(
        "this machine has no source indexes; add `deb-src` sources and run `apt-get update`, or name \
         a Sources file with --sources-file"
    )]
    NoSourceIndexes,
    #[error("the package index has no metapackages or tasks to draw requests from")]
    NothingToDraw,
    #[error("{}", path.display())]
    Sources { path: PathBuf, source: SourcesError },
    #[error("{} holds no request; history lines of the event `request` are needed", path.display())]
    NoRequests { path: PathBuf },
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Selection(#[from] SelectionError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error("{}", path.display())]
    Images { path: PathBuf, source: ImageListingError },
    #[error(
        "the history holds no request to learn from{}; import one with `vclust history import`, or \
         name a file with --history",
        if *failed > 0 { format!(" ({failed} cannot be fulfilled any longer)") } else { String::new() }
    )]
    NoHistoryOfRequests { failed: usize },
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error("--disk-size is for disks (.raw, .img, .qcow2), and {} is none", target.display())]
    DiskSizeOfNoDisk { target: PathBuf },
    #[error(
        "{damaged} of {of} images {} damaged; `vclust cache build --rebuild` makes them anew",
        if *damaged == 1 { "is" } else { "are" }
    )]
    Damaged { damaged: usize, of: usize },
    /// The answer has said it.
    #[error("the answer says what is wrong")]
    Told,
    #[error(transparent)]
    Pattern(#[from] SearchError),
    #[error("no package matches {what}")]
    NothingFound { what: String },
    #[error("{from} does not depend on {to}, not even indirectly")]
    NoChain { from: String, to: String },
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    BootFiles(#[from] BootFilesError),
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    #[error(transparent)]
    Pool(#[from] PoolError),
    #[error("none of the {sets} sets could be installed; see above why")]
    NothingMeasured { sets: usize },
    #[error(transparent)]
    UserNamespace(#[from] UserNamespaceError),
    #[error("cannot start this program again in a user namespace")]
    Restart(#[source] std::io::Error),
    #[error("SOURCE_DATE_EPOCH is `{text}`, which is no number of seconds since 1970")]
    SourceDateEpoch { text: String },
    #[error("cannot write the answer")]
    Write(#[from] std::io::Error),
}

impl From<PackagesError> for Failure {
    fn from(error: PackagesError) -> Self {
        match error {
            PackagesError::NoIndexes => Self::NoIndexes,
            PackagesError::Resolve(error) => Self::Resolve(error),
            other => Self::Packages(other),
        }
    }
}

impl From<ClusterPlanError> for Failure {
    fn from(error: ClusterPlanError) -> Self {
        match error {
            ClusterPlanError::Packages(error) => error.into(),
            ClusterPlanError::Resolve(error) => Self::Resolve(error),
            other => Self::ClusterPlan(other),
        }
    }
}

impl Failure {
    /// Prints the failure and says with which code to exit. A reader that went away, as `head`
    /// does, is no failure.
    pub(crate) fn report(&self, format: Format) -> u8 {
        if let Self::Write(error) = self {
            if error.kind() == std::io::ErrorKind::BrokenPipe {
                return 0;
            }
        }
        if matches!(self, Self::Told) {
            return 1;
        }
        let mut explanation = self.explanation();
        match format {
            Format::Json => {
                // Scripts find the reason in one place, however simple it is.
                if let (Self::Resolve(error), true) = (self, explanation.is_empty()) {
                    explanation = error.explanation();
                }
                let document = json!({ "error": self.headline(), "explanation": explanation });
                anstream::println!("{document}");
            }
            Format::Text => {
                let red = anstyle::AnsiColor::Red.on_default().bold();
                anstream::eprintln!("{red}error{red:#}: {}", self.headline());
                for step in explanation {
                    anstream::eprintln!("  {step}");
                }
            }
        }
        1
    }

    fn headline(&self) -> String {
        match self {
            Self::Resolve(ResolveError::Unsatisfiable { .. }) => {
                "the request cannot be fulfilled".to_owned()
            }
            Self::Resolve(ResolveError::BrokenRoot { .. }) => {
                "the root is broken already; mend it with `apt-get --fix-broken install`".to_owned()
            }
            other => other.to_string(),
        }
    }

    fn explanation(&self) -> Vec<String> {
        if let Self::Resolve(error) = self {
            return match error {
                ResolveError::Unsatisfiable { .. } | ResolveError::BrokenRoot { .. } => {
                    error.explanation()
                }
                _ => Vec::new(),
            };
        }
        causes(self)
    }
}

/// What caused an error, and what caused that, and so on.
pub(crate) fn causes(error: &dyn std::error::Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    causes
}

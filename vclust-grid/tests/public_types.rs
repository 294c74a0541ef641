//! What is true of all public types: a scheduler can hand them to its threads.

use std::collections::BTreeSet;

use vclust_grid::*;

/// Traits, and names for types that others define.
const OTHERS: &[&str] = &["OnBuild", "OnDeploy", "OnResolved"];

/// Checks what threads may do with types, and gives their names.
macro_rules! names_of {
    (shared: $($shared:ty,)*; sent: $($sent:ty,)*; bound: $($bound:ty,)*) => {{
        fn shared<T: Send + Sync>() {}
        fn sent<T: Send>() {}
        $(shared::<$shared>();)*
        $(sent::<$sent>();)*
        [$(stringify!($shared),)* $(stringify!($sent),)* $(stringify!($bound),)*]
    }};
}

#[test]
fn every_public_type_can_be_sent_to_other_threads_and_shared_by_them() {
    let checked = names_of![
        shared:
        AddedPackage,
        Archives,
        Backend,
        Begun,
        BootFiles,
        BootFilesError,
        BootPackages,
        BuildError,
        BuildEvents,
        BuildKey,
        BuildProgress,
        Building,
        BuiltImage,
        Cancel,
        Cleaned,
        ClusterError,
        ClusterKeys,
        ClusterOrder,
        ClusterPlan,
        ClusterPlanError,
        ClusterPlanner,
        ClusterRecord,
        ClusterState,
        ClusterStore,
        CollectOptions,
        Collected,
        Damage,
        DeployError,
        DeployEvent,
        Down,
        ExportError,
        ExportForm,
        ExportOptions,
        FileError,
        Held,
        HeldCluster,
        HistoryDatabaseError,
        IfFound,
        ImageKind,
        ImageOrder,
        ImagePlan,
        ImportError,
        InputDigest,
        InstallBoot,
        InstallIdentity,
        InstallPlan,
        InstallService<'static>,
        InstallServiceError,
        InstallSources,
        KeyError,
        KnownEvents,
        KnownImages,
        Learner<'static>,
        Lease,
        LoadedIndex,
        Manifest,
        ManifestError,
        ManifestPackage,
        ManifestPhase,
        NewCluster,
        NewImage,
        NodeRecord,
        NodeStage,
        NodeState,
        PackageSearch,
        PackageSource,
        PackagesError,
        PastError,
        PhaseRecord,
        PhaseTime,
        PlanError,
        PlannedClosure,
        PlannedPackage,
        Product,
        ProgramsError,
        Recovered,
        Removal,
        Removed,
        ReplayError,
        ReplayOrder,
        Replayed,
        RepositoryError,
        ResolvedRequests,
        RootState,
        SearchError,
        ServerRecord,
        SiteEstimators<'static>,
        SqliteError,
        SshKeyPair,
        Stack,
        StoredArchive,
        StoredImage,
        StoredPackage,
        SuiteUpdate,
        TemplateInformation,
        TemplateStore,
        Up,
        Verified,
        ;
        // SQLite's connections serve one thread at a time
        sent:
        HistoryDatabase,
        ImageRepository,
        PastEvents,
        ;
        // these borrow one of the above
        bound:
        Deployer<'static>,
        ImageBuilder<'static>,
        Import<'static>,
    ];
    let checked = checked.iter().map(|name| name.split('<').next().unwrap_or(name));
    let checked: BTreeSet<&str> = checked.chain(OTHERS.iter().copied()).collect();
    assert_eq!(exported(), checked, "a new type goes into the list above");
}

/// The names of types and traits that `lib.rs` exports.
fn exported() -> BTreeSet<&'static str> {
    let text = include_str!("../src/lib.rs");
    let outer = text.split("\npub mod").next().unwrap_or(text);
    let uses = outer.split("\npub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let words = uses.flat_map(|list| list.split([',', '{', '}']));
    let names =
        words.filter_map(|word| word.split([':', ' ', '\n']).rfind(|part| !part.is_empty()));
    names
        .filter(|name| name.chars().any(char::is_lowercase) && name.starts_with(char::is_uppercase))
        .collect()
}

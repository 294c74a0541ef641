//! What is true of all public types: a scheduler can hand them to its threads.

use std::collections::BTreeSet;

use vclust_debian::*;

/// Traits, and names for types that others define.
const OTHERS: &[&str] = &["OnBytes", "OnInstall", "OnProgress"];

/// Checks what threads may do with types, and gives their names.
macro_rules! names_of {
    (shared: $($shared:ty,)*; sent: $($sent:ty,)*) => {{
        fn shared<T: Send + Sync>() {}
        fn sent<T: Send>() {}
        $(shared::<$shared>();)*
        $(sent::<$sent>();)*
        [$(stringify!($shared),)* $(stringify!($sent),)*]
    }};
}

#[test]
fn every_public_type_can_be_sent_to_other_threads_and_shared_by_them() {
    let checked = names_of![
        shared:
        AddressPlan,
        AptConf,
        AptConfSyntaxError,
        AptConfiguration,
        AptConfigurationError,
        AptEnvironment,
        AptSource,
        Archive,
        ArmorError,
        BegunErofs<'static>,
        Below,
        ClusterNetwork,
        CommandError,
        Compression,
        ControlArchive,
        ControlFile,
        DataEntry,
        DatabaseError,
        DebError,
        DebLimits,
        DhcpHost,
        DhcpPlan,
        DhcpServer,
        DiskContent<'static>,
        DiskFormat,
        DiskOptions,
        DiskSerial,
        DiskSerialError,
        DpkgRun,
        EntryKind,
        Epoch,
        Expiry,
        Fetched,
        Finished,
        HttpFile,
        HttpServer,
        ImageEntry,
        ImageEntryKind,
        ImageError,
        Include,
        IndexFile,
        IndexFileError,
        InitramfsError,
        InstallError,
        InstallProgress,
        Installation,
        Installed,
        InstalledPackage,
        Kernel,
        KernelError,
        KernelModule,
        KernelStore,
        Keyring,
        LayerError,
        LeftReason,
        LeftToDpkg,
        Limits,
        Location,
        Md5,
        Mirror,
        MirrorError,
        MirrorOptions,
        NameService,
        NetworkBoot,
        NetworkError,
        NetworkPlan,
        NfsAccess,
        NfsExport,
        NfsServer,
        NodeAddress,
        NodeRoot,
        Output,
        Outward,
        Overrides,
        PackageContents,
        PackageDescription,
        PackageFile,
        PackagePool,
        PackageToUnpack,
        PoolError,
        PoolProgress,
        ProductError,
        ProductFile,
        Progress<'static>,
        Replaced,
        Repository,
        Sandbox,
        SandboxCommand,
        SandboxError,
        ServiceError,
        SignatureError,
        SignatureRefusal,
        Signed<'static>,
        SignedBy,
        SourceKind,
        StatOverride,
        StateDirectory,
        StateDirectoryError,
        TooManyNodes,
        Tree,
        Trust,
        UnknownVariant,
        UnpackError,
        Unpacked,
        UnpackedArchive,
        UnpackedIndexes,
        UnpackedPackage,
        Unpacker<'static>,
        Updated,
        Upper,
        UserNamespace,
        UserNamespaceError,
        Variant,
        Wanted,
        WantedPackage,
        ;
        // it reads from whatever it was opened on
        sent:
        DataArchive,
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

//! What the fuzz targets of `vclust-core` do with an input. Its tests include this file, too, and
//! run it over the corpus that is kept.

use std::cmp::Ordering;

use vclust_core::{
    BuildRelation, FileOrigin, Index, Operator, Policy, RelationKind, Release, Request,
    ResolveError, Sources, Stanza, Stanzas, Version, clearsigned_payload, compare_versions,
    parse_date, parse_relations,
};

/// How many packages of an index are asked for, how many versions of it are looked at, and how long
/// an item of a request is at most: what is bounded here is the time of one run.
const REQUESTED: usize = 4;
const VIEWED: usize = 64;
const ITEM_BYTES: usize = 200;

/// A `Packages` file: the index of it, every relation, and a request for its first packages.
pub(crate) fn packages(data: &[u8]) {
    let mut builder = Index::builder("amd64");
    builder.foreign_architecture("i386");
    if let Err(error) = builder.packages(data.to_vec(), FileOrigin::named("Packages")) {
        assert!(!error.to_string().is_empty());
        return;
    }
    let index = builder.build().expect("an index whose files were read");
    view(&index);
    let request = Request::new(first_names(&index));
    resolve(&index, &request.install_recommends(data.len() % 2 == 0));
    let minimal = Request::minimal_root(&index);
    if (1..=REQUESTED).contains(&minimal.items().len()) {
        if let Some(status) = resolve(&index, &minimal) {
            let mut builder = Index::builder("amd64");
            builder.status(status, FileOrigin::named("status"));
            if let Ok(root) = builder.build() {
                view(&root);
            }
        }
    }
}

/// dpkg's status file: the root it describes, and a request on top of it.
pub(crate) fn status(data: &[u8]) {
    let mut builder = Index::builder("amd64");
    builder.status(data.to_vec(), FileOrigin::named("status"));
    let index = match builder.build() {
        Ok(index) => index,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    view(&index);
    assert!(index.installed().count() <= index.package_count());
    for version in index.installed() {
        assert!(version.is_installed());
        assert_eq!(version.package().installed().map(|found| found.id()), Some(version.id()));
    }
    let names = first_names(&index).into_iter().enumerate();
    let items = names.map(|(at, name)| if at % 2 == 0 { name } else { format!("{name}-") });
    resolve(&index, &Request::new(items));
}

fn first_names(index: &Index) -> Vec<String> {
    let names = index.packages().map(|package| package.name().into_owned());
    names.filter(|name| name.len() <= ITEM_BYTES).take(REQUESTED).collect()
}

fn view(index: &Index) {
    index.prepare();
    for package in index.packages().take(VIEWED) {
        assert!(!package.name().is_empty());
        let versions: Vec<_> = package.versions().collect();
        for pair in versions.windows(2) {
            let order =
                compare_versions(pair[0].version().as_bytes(), pair[1].version().as_bytes());
            let lossy = [&pair[0], &pair[1]].iter().any(|view| view.version().contains('\u{fffd}'));
            assert!(order.is_ge() || lossy, "versions are not in order");
        }
    }
    let versions = index.packages().flat_map(|package| package.versions());
    for version in versions.take(VIEWED) {
        for kind in RelationKind::ALL {
            if let Ok(groups) = version.relations(kind) {
                assert!(groups.iter().all(|group| !group.is_empty()));
            }
        }
        let _ = (version.size(), version.installed_size(), version.source());
        let _ = (version.source_version(), version.priority(), version.multi_arch());
        assert!(version.files().count() > 0);
        assert!(index.providers(&version.name()).all(|provider| !provider.name().is_empty()));
        fields(version.stanza());
    }
}

/// The request's outcome; the status file of what was resolved.
fn resolve(index: &Index, request: &Request) -> Option<Vec<u8>> {
    let policy = Policy::default();
    match request.resolve(index, &policy) {
        Ok(closure) => {
            let _ = (closure.download_bytes(), closure.installed_bytes(), closure.remove().count());
            assert_eq!(closure.len(), closure.install().count());
            assert_eq!(closure.len(), closure.batches().map(|batch| batch.len()).sum::<usize>());
            Some(closure.status_file())
        }
        Err(error) => {
            explain(&error);
            None
        }
    }
}

fn explain(error: &ResolveError) {
    assert!(!error.to_string().is_empty());
    let _ = error.explanation();
}

/// A relation field: printing what was read and reading that again gives the same.
pub(crate) fn relation(data: &[u8]) {
    let groups = match parse_relations(data) {
        Ok(groups) => groups,
        Err(error) => {
            assert!(error.offset <= data.len() && error.text.chars().count() <= 60);
            return;
        }
    };
    for relation in groups.iter().flatten() {
        for architecture in ["amd64", "armhf", "kfreebsd-amd64", "musl-linux-any", ""] {
            let _ = relation.applies_to(architecture, &[]);
            let _ = relation.applies_to(architecture, &["nocheck", "stage1"]);
        }
        let equal = matches!(relation.constraint, Some((Operator::Equal, _)));
        let own = relation.constraint.map(|(_, version)| version);
        assert!(relation.accepts(own) || !equal);
        assert_eq!(relation.accepts(None), relation.constraint.is_none());
    }
    // bytes that are not UTF-8 are printed as U+FFFD
    if std::str::from_utf8(data).is_ok() {
        let print =
            |group: &Vec<_>| group.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
        let printed = groups.iter().map(print).collect::<Vec<_>>().join(", ");
        assert_eq!(parse_relations(printed.as_bytes()).as_ref(), Ok(&groups), "{printed:?}");
    }
}

/// Three versions, a line each: their order is total, and a valid one survives being written.
pub(crate) fn version(data: &[u8]) {
    let pieces: Vec<&[u8]> = data.splitn(3, |byte| *byte == b'\n').collect();
    for piece in &pieces {
        assert_eq!(compare_versions(piece, piece), Ordering::Equal);
        let Ok(text) = std::str::from_utf8(piece) else { continue };
        if let Ok(version) = text.parse::<Version>() {
            assert_eq!(version.to_string(), text);
            assert_eq!(version.to_string().parse(), Ok(version));
        }
    }
    for a in &pieces {
        for b in &pieces {
            assert_eq!(compare_versions(a, b), compare_versions(b, a).reverse());
            for c in &pieces {
                let (ab, bc) = (compare_versions(a, b), compare_versions(b, c));
                if ab == bc || bc.is_eq() {
                    assert_eq!(compare_versions(a, c), ab);
                }
            }
        }
    }
}

/// A `Release` or `InRelease` file.
pub(crate) fn release(data: &[u8]) {
    let _ = parse_date(data);
    match clearsigned_payload(data) {
        Ok(signed) => assert!(signed.text.len() < data.len() && signed.first_line > 1),
        Err(error) => assert!(error.line > 0 && !error.to_string().is_empty()),
    }
    match Release::parse(data) {
        Ok(release) => {
            assert!(release.files().windows(2).all(|pair| pair[0].path < pair[1].path));
            for file in release.files() {
                assert_eq!(release.file(&file.path), Some(file));
                assert_eq!(file.sha256.to_string().parse(), Ok(file.sha256));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A `Sources` file.
pub(crate) fn source_packages(data: &[u8]) {
    for stanza in Stanzas::new(data) {
        assert_eq!(&data[stanza.offset()..][..stanza.as_bytes().len()], stanza.as_bytes());
        fields(stanza);
    }
    let sources = match Sources::parse(data.to_vec().into()) {
        Ok(sources) => sources,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert_eq!(sources.iter().count(), sources.len());
    for source in sources.iter().take(VIEWED) {
        assert!(sources.find(source.package()).any(|found| found.version() == source.version()));
        let _ = (source.binaries().count(), source.architectures().count(), source.is_extra());
        let _ = (source.directory(), source.section());
        for relation in BuildRelation::ALL {
            if let Some(Ok(groups)) = source.relation(relation).map(parse_relations) {
                assert!(groups.iter().all(|group| !group.is_empty()));
            }
        }
    }
}

fn fields(stanza: Stanza<'_>) {
    for field in stanza.fields() {
        match field {
            Ok(field) => {
                assert!(!field.name.is_empty());
                assert!(field.lines().all(|line| !line.is_empty()));
            }
            Err(error) => assert!(error.line > 0 && error.text.chars().count() <= 60),
        }
    }
}

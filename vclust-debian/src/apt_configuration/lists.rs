//! The index files that apt has downloaded, under the names apt gives them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vclust_core::{Release, Suite};

use super::source::{AptSource, SourceKind};
use super::{AptConfiguration, AptConfigurationError};
use crate::index_file;

/// An index file on disk, and what is known of where it came from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct IndexFile {
    /// The file, compressed or not; [`crate::open_index`] reads it.
    pub path: PathBuf,
    /// Root of the archive, which `Filename` in the index is relative to; ends in `/`.
    pub archive_uri: String,
    /// The suite as the source names it.
    pub suite_name: String,
    /// Component; `None` in a flat repository.
    pub component: Option<String>,
    /// Architecture of the index; `None` for source packages and in a flat repository.
    pub architecture: Option<String>,
    /// The suite's `Release` data; empty where it has none.
    pub release: Arc<Release>,
    /// Whether a signature vouches for the index, or the source is declared trusted.
    pub trusted: bool,
}

impl IndexFile {
    /// What pins and priorities look at.
    #[must_use]
    pub fn suite(&self) -> Suite {
        let release = &self.release;
        Suite {
            archive: release.suite.clone(),
            codename: release.codename.clone(),
            origin: release.origin.clone(),
            label: release.label.clone(),
            component: self.component.clone(),
            version: release.version.clone(),
            site: host_of(&self.archive_uri).to_owned(),
            architecture: self.architecture.clone(),
            not_automatic: release.not_automatic,
            but_automatic_upgrades: release.but_automatic_upgrades,
        }
    }
}

/// The name that apt gives a file fetched from `uri`: without scheme and user, `/` as `_`, and
/// what would be ambiguous or unsafe as `%` and two hexadecimal digits.
///
/// ```
/// let name = vclust_debian::uri_to_file_name("http://user@deb.example:80/a_b/dists/sid/InRelease");
/// assert_eq!(name, "deb.example:80_a%5fb_dists_sid_InRelease");
/// ```
#[must_use]
pub fn uri_to_file_name(uri: &str) -> String {
    let rest = match uri.split_once("://") {
        Some((_, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{host}{path}")
        }
        None => uri.split_once(':').map_or(uri, |(_, path)| path).to_owned(),
    };
    let mut name = String::with_capacity(rest.len());
    for byte in rest.bytes() {
        match byte {
            b'/' => name.push('_'),
            b'\\'
            | b'|'
            | b'{'
            | b'}'
            | b'['
            | b']'
            | b'<'
            | b'>'
            | b'"'
            | b'^'
            | b'~'
            | b'_'
            | b'='
            | b'!'
            | b'@'
            | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'*'
            | 0..=b' '
            | 0x7f.. => {
                use std::fmt::Write as _;
                let _ = write!(name, "%{byte:02x}");
            }
            other => name.push(char::from(other)),
        }
    }
    name
}

/// The host of a URI, without port; empty for files of this machine.
pub(crate) fn host_of(uri: &str) -> &str {
    let Some((_, rest)) = uri.split_once("://") else {
        return "";
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Endings of the files in lists/, plain first: it needs no unpacking.
const ENDINGS: [&str; 5] = ["", ".lz4", ".zst", ".gz", ".xz"];

/// One index that a source asks for.
struct Target {
    component: Option<String>,
    architecture: Option<String>,
    trusted: Option<bool>,
    path: String,
}

/// The sources of one suite: apt treats entries for the same suite as one.
struct SuiteTargets {
    archive_uri: String,
    suite: String,
    targets: Vec<Target>,
}

/// The index files of a kind that apt has downloaded, in the order of the sources; what has not
/// been downloaded is left out.
pub(super) fn index_files(
    configuration: &AptConfiguration,
    sources: &[AptSource],
    kind: SourceKind,
) -> Result<Vec<IndexFile>, AptConfigurationError> {
    let directory = configuration.lists_directory();
    let mut files = Vec::new();
    for suite in targets(sources, kind, configuration.architectures()) {
        let uri = super::source::suite_uri(&suite.archive_uri, &suite.suite);
        let base = uri_to_file_name(&uri);
        let (release, signed) = read_release(&directory, &base)?;
        let release = Arc::new(release);
        for target in suite.targets {
            // an index of architecture `all` is read only where the suite says that it counts
            let is_all = target.architecture.as_deref() == Some("all");
            let has_all = release.architectures.iter().any(|name| name == "all");
            if is_all && (release.no_support_for_architecture_all || !has_all) {
                continue;
            }
            let name = format!("{base}{}", uri_to_file_name(&format!("x:{}", target.path)));
            let Some(path) = existing(&directory, &name) else {
                continue;
            };
            files.push(IndexFile {
                path,
                archive_uri: suite.archive_uri.clone(),
                suite_name: suite.suite.clone(),
                component: target.component,
                architecture: target.architecture,
                release: Arc::clone(&release),
                trusted: target.trusted.unwrap_or(signed),
            });
        }
    }
    Ok(files)
}

fn targets(sources: &[AptSource], kind: SourceKind, machine: &[String]) -> Vec<SuiteTargets> {
    let mut suites: Vec<SuiteTargets> = Vec::new();
    for source in sources.iter().filter(|source| source.kind == kind) {
        let known = suites
            .iter()
            .position(|suite| suite.archive_uri == source.uri && suite.suite == source.suite);
        let position = known.unwrap_or_else(|| {
            suites.push(SuiteTargets {
                archive_uri: source.uri.clone(),
                suite: source.suite.clone(),
                targets: Vec::new(),
            });
            suites.len() - 1
        });
        for (component, architecture, path) in index_paths(source, kind, machine) {
            let targets = &mut suites[position].targets;
            if !targets.iter().any(|target| target.path == path) {
                targets.push(Target { component, architecture, trusted: source.trusted, path });
            }
        }
    }
    suites
}

/// Component, architecture and path below the suite, without ending, of each index of a source.
fn index_paths(
    source: &AptSource,
    kind: SourceKind,
    machine: &[String],
) -> Vec<(Option<String>, Option<String>, String)> {
    let flat = source.is_flat();
    match kind {
        SourceKind::Binary if flat => vec![(None, None, "Packages".to_owned())],
        SourceKind::Source if flat => vec![(None, None, "Sources".to_owned())],
        SourceKind::Source => source
            .components
            .iter()
            .map(|name| (Some(name.clone()), None, format!("{name}/source/Sources")))
            .collect(),
        SourceKind::Binary => {
            let mut architectures = source.architectures_on(machine);
            if !architectures.iter().any(|name| name == "all") {
                architectures.push("all".to_owned());
            }
            let mut paths = Vec::new();
            for component in &source.components {
                for architecture in &architectures {
                    let path = format!("{component}/binary-{architecture}/Packages");
                    paths.push((Some(component.clone()), Some(architecture.clone()), path));
                }
            }
            paths
        }
    }
}

/// The suite's `Release` data, and whether it came with a signature.
fn read_release(directory: &Path, base: &str) -> Result<(Release, bool), AptConfigurationError> {
    for (name, signed) in [("InRelease", true), ("Release", false)] {
        let path = directory.join(format!("{base}{name}"));
        if !path.is_file() {
            continue;
        }
        let text = index_file::open(&path)?;
        let release = Release::parse(&text)
            .map_err(|source| AptConfigurationError::Release { path, source })?;
        let detached = directory.join(format!("{base}Release.gpg")).is_file();
        return Ok((release, signed || detached));
    }
    Ok((Release::default(), false))
}

fn existing(directory: &Path, name: &str) -> Option<PathBuf> {
    ENDINGS.iter().map(|end| directory.join(format!("{name}{end}"))).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_those_of_apt() {
        for (uri, name) in [
            ("http://h/debian/dists/a_b/main/x", "h_debian_dists_a%5fb_main_x"),
            ("http://u:p@h:8080/d/", "h:8080_d_"),
            ("file:/srv/m/dists/s/Release", "_srv_m_dists_s_Release"),
            ("file:///srv/~x", "_srv_%7ex"),
            ("copy:/srv/a+b", "_srv_a+b"),
            ("http://[::1]/x", "%5b::1%5d_x"),
        ] {
            assert_eq!(uri_to_file_name(uri), name);
        }
    }

    #[test]
    fn hosts_come_without_user_and_port() {
        for (uri, host) in [
            ("http://u:p@h.example:80/x", "h.example"),
            ("https://h/", "h"),
            ("file:/x", ""),
            ("file:///x", ""),
            ("http://[::1]:80/x", "::1"),
        ] {
            assert_eq!(host_of(uri), host);
        }
    }

    proptest! {
        #[test]
        fn names_never_leave_their_directory(uri in "\\PC{0,40}") {
            let name = uri_to_file_name(&uri);
            prop_assert!(!name.contains('/'));
            let _ = host_of(&uri);
        }
    }
}

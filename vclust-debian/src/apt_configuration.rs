//! The machine's apt configuration, read without apt: apt.conf(5), sources.list(5) and
//! `apt_preferences(5)`, and the indexes that apt has downloaded.

use std::io;
use std::path::{Path, PathBuf};

use vclust_core::Pin;

use crate::index_file;

mod environment;
mod error;
mod lists;
mod preferences;
mod proxy;
mod source;
mod source_files;
mod tree;

pub use environment::AptEnvironment;
pub use error::AptConfigurationError;
pub use lists::{IndexFile, uri_to_file_name};
pub use preferences::parse_preferences;
pub(crate) use source::suite_uri;
pub use source::{AptSource, Location, SignedBy, SourceKind};
pub use source_files::{parse_deb822_sources, parse_one_line_sources};
pub use tree::{AptConf, AptConfSyntaxError, Include};

/// The machine's apt configuration.
#[derive(Debug, Clone)]
pub struct AptConfiguration {
    conf: AptConf,
    environment: AptEnvironment,
    architectures: Vec<String>,
}

/// What apt assumes where no file says otherwise.
const DEFAULTS: [(&str, &str); 13] = [
    ("Dir", "/"),
    ("Dir::State", "var/lib/apt"),
    ("Dir::State::lists", "lists/"),
    ("Dir::Etc", "etc/apt"),
    ("Dir::Etc::sourcelist", "sources.list"),
    ("Dir::Etc::sourceparts", "sources.list.d"),
    ("Dir::Etc::main", "apt.conf"),
    ("Dir::Etc::parts", "apt.conf.d"),
    ("Dir::Etc::preferences", "preferences"),
    ("Dir::Etc::preferencesparts", "preferences.d"),
    ("Dir::Etc::trusted", "trusted.gpg"),
    ("Dir::Etc::trustedparts", "trusted.gpg.d"),
    ("APT::Install-Recommends", "1"),
];

impl AptConfiguration {
    /// Reads the machine's configuration, as this process would have apt see it.
    pub fn load() -> Result<Self, AptConfigurationError> {
        Self::load_from(AptEnvironment::of_process())
    }

    /// Reads the configuration of a given environment.
    pub fn load_from(environment: AptEnvironment) -> Result<Self, AptConfigurationError> {
        let mut conf = AptConf::default();
        for (name, value) in DEFAULTS {
            conf.set(name, value);
        }
        if let Some(root) = &environment.root {
            conf.set("Dir", &root.to_string_lossy());
        }
        let mut configuration = Self { conf, environment, architectures: Vec::new() };
        if let Some(path) = configuration.environment.apt_config.clone() {
            configuration.read(&path, 0)?;
        }
        for path in parts(&configuration.path("Dir::Etc::parts"), &["", "conf"])? {
            configuration.read(&path, 0)?;
        }
        let main = configuration.path("Dir::Etc::main");
        if main.is_file() {
            configuration.read(&main, 0)?;
        }
        configuration.architectures = configuration.find_architectures()?;
        Ok(configuration)
    }

    fn read(&mut self, path: &Path, depth: usize) -> Result<(), AptConfigurationError> {
        if depth > 10 {
            return Err(AptConfigurationError::Includes { path: path.to_owned() });
        }
        let text = index_file::map(path)?;
        for Include(included) in self.conf.read(path, &text)? {
            let included = path.parent().unwrap_or(Path::new("/")).join(included);
            self.read(&included, depth + 1)?;
        }
        Ok(())
    }

    /// The configuration itself.
    #[must_use]
    pub fn conf(&self) -> &AptConf {
        &self.conf
    }

    /// The file or directory at `name`, such as `Dir::State::lists`: a relative value is below that
    /// of its parent, and so on up to `Dir`.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        let mut path = PathBuf::new();
        let mut name = Some(name);
        while let Some(current) = name {
            if let Some(value) = self.conf.value(current) {
                path = if path.as_os_str().is_empty() {
                    PathBuf::from(value)
                } else {
                    Path::new(value).join(path)
                };
            }
            if path.is_absolute() || path.starts_with(".") || path.starts_with("..") {
                break;
            }
            name = current.rsplit_once("::").map(|(parent, _)| parent);
        }
        path
    }

    /// The native architecture (`APT::Architecture`).
    #[must_use]
    pub fn architecture(&self) -> &str {
        self.architectures.first().map_or("", String::as_str)
    }

    /// The native architecture, then the foreign ones (`APT::Architectures`, or dpkg's).
    #[must_use]
    pub fn architectures(&self) -> &[String] {
        &self.architectures
    }

    /// The suite that is preferred (`APT::Default-Release`).
    #[must_use]
    pub fn default_release(&self) -> Option<&str> {
        self.conf.value("APT::Default-Release")
    }

    /// Whether recommended packages are installed (`APT::Install-Recommends`).
    #[must_use]
    pub fn install_recommends(&self) -> bool {
        self.conf.boolean("APT::Install-Recommends", true)
    }

    /// apt's directory of downloaded indexes (`Dir::State::lists`).
    #[must_use]
    pub fn lists_directory(&self) -> PathBuf {
        self.path("Dir::State::lists")
    }

    /// dpkg's status (`Dir::State::status`).
    #[must_use]
    pub fn status_file(&self) -> PathBuf {
        match self.conf.value("Dir::State::status") {
            Some(_) => self.path("Dir::State::status"),
            None => self.path("Dir").join("var/lib/dpkg/status"),
        }
    }

    /// apt's record of automatically installed packages (`Dir::State::extended_states`).
    #[must_use]
    pub fn extended_states_file(&self) -> PathBuf {
        match self.conf.value("Dir::State::extended_states") {
            Some(_) => self.path("Dir::State::extended_states"),
            None => self.path("Dir::State").join("extended_states"),
        }
    }

    /// The keyrings that are trusted for every source: `trusted.gpg` and those in `trusted.gpg.d`
    /// that exist, and Debian's own keyring.
    pub fn trusted_keyrings(&self) -> Result<Vec<PathBuf>, AptConfigurationError> {
        let mut keyrings = parts(&self.path("Dir::Etc::trustedparts"), &["gpg", "asc"])?;
        let debian = self.path("Dir").join("usr/share/keyrings/debian-archive-keyring.gpg");
        for path in [self.path("Dir::Etc::trusted"), debian] {
            if path.is_file() {
                keyrings.push(path);
            }
        }
        Ok(keyrings)
    }

    /// The entries of `sources.list` and `sources.list.d`, in apt's order.
    pub fn sources(&self) -> Result<Vec<AptSource>, AptConfigurationError> {
        let main = self.path("Dir::Etc::sourcelist");
        let mut paths = Vec::new();
        if main.is_file() {
            paths.push(main);
        }
        paths.extend(parts(&self.path("Dir::Etc::sourceparts"), &["list", "sources"])?);
        let mut sources = Vec::new();
        for path in paths {
            let text = index_file::map(&path)?;
            let stanzas = path.extension().is_some_and(|extension| extension == "sources");
            let parse = if stanzas { parse_deb822_sources } else { parse_one_line_sources };
            sources.extend(parse(&path, &text, self.architecture())?);
        }
        Ok(sources)
    }

    /// The pins of `preferences` and `preferences.d`, in the order apt reads them.
    pub fn pins(&self) -> Result<Vec<Pin>, AptConfigurationError> {
        let main = self.path("Dir::Etc::preferences");
        let mut paths = Vec::new();
        if main.is_file() {
            paths.push(main);
        }
        paths.extend(parts(&self.path("Dir::Etc::preferencesparts"), &["", "pref"])?);
        let mut pins = Vec::new();
        for path in paths {
            pins.extend(parse_preferences(&path, &index_file::map(&path)?)?);
        }
        Ok(pins)
    }

    /// The `Packages` or `Sources` files that apt has downloaded, in the order of the sources.
    pub fn lists(&self, kind: SourceKind) -> Result<Vec<IndexFile>, AptConfigurationError> {
        lists::index_files(self, &self.sources()?, kind)
    }

    fn find_architectures(&self) -> Result<Vec<String>, AptConfigurationError> {
        let known = self.path("Dir").join("var/lib/dpkg/arch");
        let mut of_dpkg = Vec::new();
        if known.is_file() {
            let text = index_file::map(&known)?;
            let text = String::from_utf8_lossy(&text).into_owned();
            of_dpkg.extend(text.split_ascii_whitespace().map(str::to_owned));
        }
        let native = self
            .conf
            .value("APT::Architecture")
            .unwrap_or_else(|| debian_architecture(std::env::consts::ARCH));
        let mut architectures = vec![native.to_owned()];
        let configured: Vec<_> =
            self.conf.values("APT::Architectures").map(str::to_owned).collect();
        for name in if configured.is_empty() { of_dpkg } else { configured } {
            if !architectures.contains(&name) {
                architectures.push(name);
            }
        }
        Ok(architectures)
    }
}

/// The `Packages` files that apt has downloaded for this machine's sources, in their order.
pub fn apt_lists() -> Result<Vec<IndexFile>, AptConfigurationError> {
    AptConfiguration::load()?.lists(SourceKind::Binary)
}

/// Debian's name for an architecture that Rust names.
fn debian_architecture(rust: &str) -> &str {
    match rust {
        "x86_64" => "amd64",
        "x86" => "i386",
        "aarch64" => "arm64",
        "arm" => "armhf",
        "powerpc64" => "ppc64el",
        "loongarch64" => "loong64",
        "mips64" => "mips64el",
        other => other,
    }
}

/// The files of a directory like `sources.list.d` that apt would read, in the order of their names:
/// only letters, digits, `-`, `_`, `.` and `:` in the name, and one of these extensions, of which
/// the empty one stands for none.
fn parts(directory: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, AptConfigurationError> {
    let list = |source| AptConfigurationError::List { path: directory.to_owned(), source };
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Vec::new()),
        Err(error) => return Err(list(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(list)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let wanted = !name.starts_with('.')
            && name.bytes().all(allowed)
            && extensions.contains(&extension)
            && (extension.is_empty() != name.contains('.'));
        if wanted && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn root(files: &[(&str, &str)]) -> (tempfile::TempDir, AptEnvironment) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let environment =
            AptEnvironment { root: Some(root.path().to_owned()), ..AptEnvironment::default() };
        (root, environment)
    }

    #[test]
    fn files_are_read_in_apts_order_and_others_are_left_alone() {
        let (_root, environment) = root(&[
            ("etc/apt/apt.conf.d/10a", "A \"1\"; B \"1\"; C \"1\";"),
            ("etc/apt/apt.conf.d/20b.conf", "B \"2\"; C \"2\";"),
            ("etc/apt/apt.conf.d/30c.bak", "C \"bak\";"),
            ("etc/apt/apt.conf.d/40d~", "C \"~\";"),
            ("etc/apt/apt.conf", "C \"3\";"),
            ("etc/apt/sources.list", "deb http://a s main\n"),
            ("etc/apt/sources.list.d/z.list", "deb http://z s main\n"),
            (
                "etc/apt/sources.list.d/b.sources",
                "Types: deb\nURIs: http://b\nSuites: s\nComponents: main\n",
            ),
            ("etc/apt/sources.list.d/b.disabled", "nonsense"),
        ]);
        let apt = AptConfiguration::load_from(environment).unwrap();
        let value = |name| apt.conf().value(name);
        assert_eq!([value("A"), value("B"), value("C")], [Some("1"), Some("2"), Some("3")]);
        let uris: Vec<_> = apt.sources().unwrap().into_iter().map(|source| source.uri).collect();
        assert_eq!(uris, ["http://a/", "http://b/", "http://z/"]);
    }

    #[test]
    fn directories_are_relative_to_their_parents() {
        let (root, mut environment) = root(&[
            ("conf", "Dir::State::lists \"other\"; Dir::Cache \"/abs\"; Dir::Cache::x \"y\";"),
            ("var/lib/dpkg/arch", "amd64\ni386\n"),
        ]);
        environment.apt_config = Some(root.path().join("conf"));
        let apt = AptConfiguration::load_from(environment).unwrap();
        assert_eq!(apt.lists_directory(), root.path().join("var/lib/apt/other"));
        assert_eq!(apt.path("Dir::Cache::x"), Path::new("/abs/y"));
        assert_eq!(apt.status_file(), root.path().join("var/lib/dpkg/status"));
        assert!(apt.architectures().contains(&"i386".to_owned()));
    }
}

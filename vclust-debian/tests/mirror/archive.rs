//! An archive as the tests want it: signed, compressed, and altered where a test says so.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::Digest;
use tempfile::TempDir;
use vclust_debian::{
    Keyring, Mirror, MirrorError, MirrorOptions, Repository, SignedBy, SourceKind, StateDirectory,
    Updated, Wanted, open_index,
};

use crate::keys::Key;
use crate::server::Server;

/// The time of all tests: 2025-06-01 00:00 UTC.
pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_748_736_000)
}

pub(crate) const PATH: &str = "main/binary-amd64/Packages";

/// What is to be published.
#[derive(Clone)]
pub(crate) struct Edition {
    pub(crate) packages: String,
    pub(crate) date: &'static str,
    pub(crate) valid_until: Option<&'static str>,
    pub(crate) by_hash: bool,
    pub(crate) codename: &'static str,
    pub(crate) fields: &'static str,
}

impl Edition {
    /// An edition with some packages; `tag` makes it another one.
    pub(crate) fn new(tag: &str) -> Self {
        let mut packages = String::new();
        for number in 0..3000_u32 {
            let noise = number.wrapping_mul(2_654_435_761);
            let stanza = format!("Package: p{number}\nVersion: {tag}-{noise:x}\n\n");
            packages.push_str(&stanza);
        }
        Self {
            packages,
            date: "Sat, 31 May 2025 12:00:00 UTC",
            valid_until: None,
            by_hash: false,
            codename: "testing-ground",
            fields: "",
        }
    }
}

pub(crate) struct Archive {
    pub(crate) root: TempDir,
    pub(crate) state: TempDir,
    pub(crate) key: Key,
    pub(crate) server: Server,
}

impl Archive {
    pub(crate) fn new() -> Self {
        Self::with_key(Key::new())
    }

    pub(crate) fn with_key(key: Key) -> Self {
        let root = tempfile::tempdir().unwrap();
        let server = Server::new(root.path());
        Self { root, state: tempfile::tempdir().unwrap(), key, server }
    }

    /// The suite's directory on the server.
    pub(crate) fn suite(&self) -> PathBuf {
        self.root.path().join("dists/stable")
    }

    pub(crate) fn publish(&self, edition: &Edition) {
        let _ = fs::remove_dir_all(self.suite());
        self.write(PATH, edition.packages.as_bytes());
        let sources = edition.packages.replace("\nVersion", "\nBinary: b\nVersion");
        self.write("main/source/Sources", sources.as_bytes());
        self.sign(edition, &[]);
    }

    /// Writes an index in its plain form and as xz.
    fn write(&self, path: &str, content: &[u8]) {
        let plain = self.suite().join(path);
        fs::create_dir_all(plain.parent().unwrap()).unwrap();
        fs::write(&plain, content).unwrap();
        fs::write(self.suite().join(format!("{path}.xz")), xz(content)).unwrap();
    }

    /// Writes `Release` for the files that are there, as they are, and signs it. A file in
    /// `promised` is listed with that content instead of its own.
    pub(crate) fn sign(&self, edition: &Edition, promised: &[(&str, &[u8])]) {
        let mut text = format!(
            "Suite: stable\nCodename: {}\nDate: {}\nComponents: main\nArchitectures: amd64\n{}",
            edition.codename, edition.date, edition.fields
        );
        if let Some(date) = edition.valid_until {
            writeln!(text, "Valid-Until: {date}").unwrap();
        }
        if edition.by_hash {
            text.push_str("Acquire-By-Hash: yes\n");
        }
        text.push_str("SHA256:\n");
        for name in ["main/binary-amd64/Packages", "main/source/Sources"] {
            for end in ["", ".xz"] {
                let path = format!("{name}{end}");
                let file = self.suite().join(&path);
                let content = match promised.iter().find(|(name, _)| *name == path) {
                    Some((_, content)) => content.to_vec(),
                    None => fs::read(&file).unwrap(),
                };
                let digest = format!("{:x}", sha2::Sha256::digest(&content));
                writeln!(text, " {digest} {} {path}", content.len()).unwrap();
                if edition.by_hash {
                    let directory = file.parent().unwrap().join("by-hash/SHA256");
                    fs::create_dir_all(&directory).unwrap();
                    fs::copy(&file, directory.join(digest)).unwrap();
                }
            }
        }
        let release = self.suite().join("Release");
        fs::write(&release, text).unwrap();
        self.key.clearsign(&release, &self.suite().join("InRelease"));
        self.key.detach_sign(&release, &self.suite().join("Release.gpg"));
    }

    /// The suite as a client names it, with the key as its keyring.
    pub(crate) fn repository(&self) -> Repository {
        let path = self.key.export(&self.state.path().join("key.gpg"), false);
        self.repository_with(SignedBy::Keys { files: vec![path], fingerprints: vec![] })
    }

    pub(crate) fn repository_with(&self, signed_by: SignedBy) -> Repository {
        let keyring = Keyring { signed_by, trusted: Vec::new() };
        Repository::new(&self.server.uri(), "stable", &["main"], "amd64", keyring)
    }

    pub(crate) fn mirror(&self) -> Mirror {
        let options = MirrorOptions {
            pause: Duration::from_millis(1),
            silence: Duration::from_secs(5),
            now: Some(now()),
            ..MirrorOptions::default()
        };
        Mirror::new(StateDirectory::at(self.state.path()), options)
    }

    pub(crate) fn update(&self) -> Result<Updated, MirrorError> {
        self.mirror().update(&self.repository(), Wanted::Packages, &|_| {})
    }

    /// The index of packages that the state directory has.
    pub(crate) fn cached(&self, repository: &Repository) -> Option<String> {
        let files = self.mirror().cached(repository, SourceKind::Binary).unwrap();
        let file = files.first()?;
        Some(String::from_utf8(open_index(&file.path).unwrap().to_vec()).unwrap())
    }

    /// Has an update fail, and checks that the index is still that of `before`; the error's text with
    /// those of its causes.
    pub(crate) fn refuses(&self, before: Option<&Edition>, repository: &Repository) -> String {
        let error = self
            .mirror()
            .update(repository, Wanted::Packages, &|_| {})
            .expect_err("the update is refused");
        let kept = self.cached(repository);
        assert!(kept.as_deref() == before.map(|edition| edition.packages.as_str()), "kept");
        chain(&error)
    }
}

/// An error's text with those of its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, ": {error}").unwrap();
        cause = error.source();
    }
    text
}

pub(crate) fn xz(content: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Alters one byte in the middle of a file.
pub(crate) fn tamper(path: &Path) {
    let mut content = fs::read(path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(path, content).unwrap();
}

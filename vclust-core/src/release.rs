//! `Release` and `InRelease` files: what a suite calls itself, when it was made, and the size and
//! SHA-256 of each of its indexes (Debian's repository format, and apt-secure(8)).
//!
//! Parsing says nothing about trust. Who must not be cheated runs `gpgv` and parses the text that
//! `gpgv` put out; [`clearsigned_payload`] only takes the armor off a file that is trusted already,
//! or serves to compare with what `gpgv` put out. Dates become seconds since 1970 in UTC; this
//! module asks no clock.

use thiserror::Error;

use crate::deb822::{Field, Stanzas, SyntaxError};

mod clearsigned;
mod date;
mod sha256;

use clearsigned::SIGNED_MESSAGE;
pub use clearsigned::{Clearsigned, ClearsignedError, clearsigned_payload};
pub use date::parse_date;
pub use sha256::{Sha256, Sha256Error};

/// Why a text is no `Release` file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The armor around a signed `InRelease` is damaged.
    #[error(transparent)]
    Clearsigned(#[from] ClearsignedError),
    /// A line is no field.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// There is no stanza at all.
    #[error("the file is empty")]
    Empty,
    /// A second stanza follows, which a signature might have been meant for.
    #[error("line {line}: a Release file has one stanza, and here starts another")]
    SecondStanza {
        /// Line the second stanza starts on.
        line: usize,
    },
    /// A field is there twice.
    #[error("line {line}: the field `{field}` is there twice")]
    Duplicate {
        /// Line of the second one.
        line: usize,
        /// Name of the field.
        field: String,
    },
    /// A date that is not written as `Sat, 17 May 2025 07:42:15 UTC`.
    #[error("line {line}: `{value}` in `{field}` is no date like `Sat, 17 May 2025 07:42:15 UTC`")]
    Date {
        /// Line of the field.
        line: usize,
        /// `Date` or `Valid-Until`.
        field: &'static str,
        /// What the field holds.
        value: String,
    },
    /// A line of the table that is not `sha256 size path`.
    #[error("line {line}: expected `SHA-256 size path`, found `{text}`")]
    Entry {
        /// Line of the entry.
        line: usize,
        /// The start of the line.
        text: String,
    },
    /// A path that leads out of the suite's directory.
    #[error("line {line}: the path `{path}` leads out of the suite")]
    Path {
        /// Line of the entry.
        line: usize,
        /// The path.
        path: String,
    },
    /// One path with two different hashes.
    #[error("line {line}: `{path}` is listed twice, with different sizes or hashes")]
    Ambiguous {
        /// Line of the second entry.
        line: usize,
        /// The path.
        path: String,
    },
}

/// One file of the suite, as the `SHA256` table promises it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseFile {
    /// Path below the suite's directory, such as `main/binary-amd64/Packages.xz`.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Digest of the content.
    pub sha256: Sha256,
}

/// The content of a `Release` file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the file's own independent yes-or-no fields")]
pub struct Release {
    /// `Origin`, such as `Debian`.
    pub origin: Option<String>,
    /// `Label`, such as `Debian-Security`.
    pub label: Option<String>,
    /// `Suite`, such as `stable`; `apt_preferences(5)` calls it the archive.
    pub suite: Option<String>,
    /// `Codename`, such as `bookworm`.
    pub codename: Option<String>,
    /// `Version`, such as `12.10`.
    pub version: Option<String>,
    /// `Date`, in seconds since 1970.
    pub date: Option<i64>,
    /// `Valid-Until`, in seconds since 1970.
    pub valid_until: Option<i64>,
    /// `Acquire-By-Hash: yes`: files can be had under their digest as a name.
    pub acquire_by_hash: bool,
    /// `NotAutomatic: yes`: nothing is installed from here unless asked for.
    pub not_automatic: bool,
    /// `ButAutomaticUpgrades: yes`: but what came from here is upgraded from here.
    pub but_automatic_upgrades: bool,
    /// `Components`, such as `main`, `contrib`.
    pub components: Vec<String>,
    /// `Architectures`, such as `all`, `amd64`.
    pub architectures: Vec<String>,
    /// `No-Support-for-Architecture-all: Packages`: packages of architecture `all` are listed in the
    /// index of each architecture, and an index of `all` need not be read.
    pub no_support_for_architecture_all: bool,
    files: Vec<ReleaseFile>,
}

impl Release {
    /// Parses the text of a `Release` file, or of an `InRelease` file in its armor.
    pub fn parse(text: &[u8]) -> Result<Self, ReleaseError> {
        if text.starts_with(SIGNED_MESSAGE) {
            let signed = clearsigned_payload(text)?;
            return parse_plain(&signed.text, signed.first_line - 1);
        }
        parse_plain(text, 0)
    }

    /// The files of the suite, ordered by path.
    #[must_use]
    pub fn files(&self) -> &[ReleaseFile] {
        &self.files
    }

    /// The file at `path` below the suite's directory.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&ReleaseFile> {
        let position = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        self.files.get(position)
    }
}

fn parse_plain(text: &[u8], lines_before: usize) -> Result<Release, ReleaseError> {
    let mut stanzas = Stanzas::new(text);
    let stanza = stanzas.next().ok_or(ReleaseError::Empty)?;
    if let Some(second) = stanzas.next() {
        return Err(ReleaseError::SecondStanza { line: second.line() + lines_before });
    }
    let mut release = Release::default();
    let mut seen: Vec<&[u8]> = Vec::new();
    for field in stanza.fields() {
        let field =
            field.map_err(|error| SyntaxError { line: error.line + lines_before, ..error })?;
        let line = || lines_before + line_of(text, field.name);
        if seen.iter().any(|name| name.eq_ignore_ascii_case(field.name)) {
            let field = String::from_utf8_lossy(field.name).into_owned();
            return Err(ReleaseError::Duplicate { line: line(), field });
        }
        seen.push(field.name);
        read_field(&mut release, field, line)?;
    }
    Ok(release)
}

fn read_field(
    release: &mut Release,
    field: Field<'_>,
    line: impl Fn() -> usize,
) -> Result<(), ReleaseError> {
    let text = || Some(field.text().into_owned());
    let yes = || field.value.eq_ignore_ascii_case(b"yes");
    let words = || field.text().split_ascii_whitespace().map(str::to_owned).collect();
    let date = |name| match parse_date(field.value) {
        Some(date) => Ok(Some(date)),
        None => Err(ReleaseError::Date {
            line: line(),
            field: name,
            value: field.text().chars().take(60).collect(),
        }),
    };
    let name = field.name.to_ascii_lowercase();
    match name.as_slice() {
        b"origin" => release.origin = text(),
        b"label" => release.label = text(),
        b"suite" => release.suite = text(),
        b"codename" => release.codename = text(),
        b"version" => release.version = text(),
        b"date" => release.date = date("Date")?,
        b"valid-until" => release.valid_until = date("Valid-Until")?,
        b"acquire-by-hash" => release.acquire_by_hash = yes(),
        b"notautomatic" => release.not_automatic = yes(),
        b"butautomaticupgrades" => release.but_automatic_upgrades = yes(),
        b"components" => release.components = words(),
        b"architectures" => release.architectures = words(),
        b"no-support-for-architecture-all" => {
            release.no_support_for_architecture_all =
                field.text().split_ascii_whitespace().any(|word| word == "Packages");
        }
        b"sha256" => release.files = read_table(field, line())?,
        _ => {}
    }
    Ok(())
}

/// The table's entries, ordered by path; `first_line` is the line of the field's name.
fn read_table(field: Field<'_>, first_line: usize) -> Result<Vec<ReleaseFile>, ReleaseError> {
    let mut files = Vec::new();
    for (number, line) in field.lines().enumerate() {
        let number = first_line + 1 + number;
        let text = String::from_utf8_lossy(line);
        let entry = || ReleaseError::Entry { line: number, text: text.chars().take(60).collect() };
        let mut words = text.split_ascii_whitespace();
        let (Some(digest), Some(size), Some(path), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(entry());
        };
        if !is_safe(path) {
            return Err(ReleaseError::Path { line: number, path: path.to_owned() });
        }
        files.push((
            number,
            ReleaseFile {
                path: path.to_owned(),
                size: size.parse().map_err(|_| entry())?,
                sha256: digest.parse().map_err(|_| entry())?,
            },
        ));
    }
    files.sort_by(|(_, a), (_, b)| a.path.cmp(&b.path));
    for pair in files.windows(2) {
        let ((_, a), (line, b)) = (&pair[0], &pair[1]);
        if a.path == b.path && a != b {
            return Err(ReleaseError::Ambiguous { line: *line, path: b.path.clone() });
        }
    }
    let mut files: Vec<_> = files.into_iter().map(|(_, file)| file).collect();
    files.dedup();
    Ok(files)
}

/// Whether a path stays below the directory it is relative to.
fn is_safe(path: &str) -> bool {
    !path.starts_with('/')
        && !path.contains(['\\', '\0'])
        && path.split('/').all(|part| part != "..")
}

/// Line number, from 1, of a slice that was borrowed from `text`.
fn line_of(text: &[u8], slice: &[u8]) -> usize {
    let offset = (slice.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    let before = &text[..offset.min(text.len())];
    1 + memchr::memchr_iter(b'\n', before).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn release(fields: &str) -> Result<Release, ReleaseError> {
        Release::parse(fields.as_bytes())
    }

    #[test]
    fn a_release_file_gives_its_fields_and_its_table() {
        let text = format!(
            "Origin: Debian\nSuite: stable\nCodename: bookworm\nVersion: 12.1\n\
             Date: Sat, 22 Jul 2023 09:28:19 UTC\nAcquire-By-Hash: yes\n\
             No-Support-for-Architecture-all: Packages\nArchitectures: all amd64\n\
             Components: main contrib\nMD5Sum:\n 00 0 x\nSHA256:\n {DIGEST} 0 main/b\n {DIGEST}  7 main/a\n"
        );
        let release = release(&text).unwrap();
        assert_eq!(release.codename.as_deref(), Some("bookworm"));
        assert_eq!(release.date, Some(1_690_018_099));
        assert!(release.acquire_by_hash && release.no_support_for_architecture_all);
        assert_eq!(release.components, ["main", "contrib"]);
        assert_eq!(release.file("main/a").map(|file| file.size), Some(7));
        assert_eq!(release.file("main/b").map(|file| file.sha256.to_string()), Some(DIGEST.into()));
        assert_eq!(release.file("main/c"), None);
    }

    #[test]
    fn errors_name_the_line() {
        let cases = [
            ("", "the file is empty".to_owned()),
            (
                "A: 1\n\nB: 2\n",
                "line 3: a Release file has one stanza, and here starts another".into(),
            ),
            ("Suite: a\nSuite: b\n", "line 2: the field `Suite` is there twice".into()),
            (
                "Suite: a\nDate: today\n",
                "line 2: `today` in `Date` is no date like `Sat, 17 May 2025 07:42:15 UTC`".into(),
            ),
            ("SHA256:\n abc 1 x\n", "line 2: expected `SHA-256 size path`, found `abc 1 x`".into()),
        ];
        for (text, message) in cases {
            assert_eq!(release(text).unwrap_err().to_string(), message);
        }
        let escape = format!("SHA256:\n {DIGEST} 0 ok\n {DIGEST} 0 a/../../b\n");
        let message = "line 3: the path `a/../../b` leads out of the suite";
        assert_eq!(release(&escape).unwrap_err().to_string(), message);
        let twice = format!("SHA256:\n {DIGEST} 0 a\n {DIGEST} 1 a\n");
        assert!(matches!(release(&twice), Err(ReleaseError::Ambiguous { line: 3, .. })));
    }

    #[test]
    fn line_numbers_count_the_armor() {
        let text = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nSuite: a\nDate: x\n\
            -----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n";
        assert!(matches!(release(text), Err(ReleaseError::Date { line: 5, .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Release::parse(&bytes);
            let _ = parse_date(&bytes);
            let _ = clearsigned_payload(&bytes);
        }
    }
}

//! Signatures of `Release` files, verified by `gpgv`.
//!
//! gpgv knows keys, expiry and policy; this module hands it the right keyrings, reads its status
//! lines rather than its exit code (an `InRelease` may carry signatures of keys that are not known
//! here beside one that is), and takes only the text that gpgv says was signed.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use thiserror::Error;
use vclust_core::clearsigned_payload;

use crate::apt_configuration::SignedBy;
use crate::command::{CommandError, ExternalCommand};

mod armor;
mod status;

pub use armor::{ArmorError, dearmor};
pub use status::SignatureRefusal;

/// Why a signature was not accepted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is no keyring to verify with.
    #[error(
        "no keyring to verify {what} with; `apt-get install debian-archive-keyring` installs \
         Debian's, `signed-by` names another"
    )]
    NoKeyring {
        /// What was to be verified.
        what: String,
    },
    /// A keyring cannot be read.
    #[error("cannot read the keyring {}", path.display())]
    Keyring {
        /// The keyring.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An armored keyring is damaged.
    #[error("the keyring {path} is damaged")]
    Armor {
        /// The keyring, or the source it is embedded in.
        path: String,
        /// What is wrong with it.
        source: ArmorError,
    },
    /// gpgv could not be run.
    #[error("cannot verify {what}")]
    Command {
        /// What was to be verified.
        what: String,
        /// Why not.
        source: CommandError,
    },
    /// gpgv's files cannot be written or read.
    #[error("cannot use a temporary directory to verify {what}")]
    Temporary {
        /// What was to be verified.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// There is no signature that counts.
    #[error("{what} is refused: {refusal} (keyrings: {keyrings}){}", said(stderr))]
    Refused {
        /// What was verified.
        what: String,
        /// Why it is refused.
        refusal: SignatureRefusal,
        /// The keyrings that were used.
        keyrings: String,
        /// What gpgv wrote to standard error.
        stderr: String,
    },
    /// The armored text is not exactly the text that was signed.
    #[error("{what} is refused: it holds text that is not covered by its signature")]
    Uncovered {
        /// What was verified.
        what: String,
    },
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!("; gpgv said: {stderr}") }
}

/// The keys that signatures are verified with.
#[derive(Debug, Clone)]
pub struct Keyring {
    /// The keys that may sign.
    pub signed_by: SignedBy,
    /// The machine's trusted keyrings, used where `signed_by` names no files.
    pub trusted: Vec<PathBuf>,
}

/// A signed text.
#[derive(Debug, Clone, Copy)]
pub enum Signed<'a> {
    /// A clearsigned text, as in `InRelease`.
    Inline(&'a [u8]),
    /// A text and its detached signature, as in `Release` and `Release.gpg`.
    Detached(&'a [u8], &'a [u8]),
}

/// Verifies a signed text and returns what was signed; `what` names it in errors.
pub fn verify(
    signed: Signed<'_>,
    keyring: &Keyring,
    what: &str,
    timeout: Duration,
) -> Result<Vec<u8>, SignatureError> {
    let temporary = |source| SignatureError::Temporary { what: what.to_owned(), source };
    let directory = tempfile::tempdir().map_err(temporary)?;
    let path = |name: &str| directory.path().join(name);
    let write = |name: &str, content: &[u8]| {
        std::fs::write(path(name), content).map_err(temporary).map(|()| path(name))
    };
    let keyrings = keyring_files(keyring, &directory, what)?;
    let mut command = ExternalCommand::new("gpgv", "gpgv")
        .timeout(timeout)
        .arg("--homedir")
        .arg(directory.path())
        .arg("--status-fd=1")
        .arg("--weak-digest=SHA1")
        .arg("--weak-digest=RIPEMD160");
    for file in &keyrings {
        command = command.arg("--keyring").arg(file);
    }
    command = match signed {
        Signed::Inline(text) => {
            command.arg("--output").arg(path("output")).arg("--").arg(write("signed", text)?)
        }
        Signed::Detached(text, signature) => {
            command.arg("--").arg(write("signature", signature)?).arg(write("signed", text)?)
        }
    };
    let output = command
        .run()
        .map_err(|source| SignatureError::Command { what: what.to_owned(), source })?;
    if output.status.code().is_none() {
        let died = io::Error::other("it was killed by a signal");
        let source = CommandError::Run { program: "gpgv".to_owned(), source: died };
        return Err(SignatureError::Command { what: what.to_owned(), source });
    }
    let allowed = match &keyring.signed_by {
        SignedBy::Keys { fingerprints, .. } => fingerprints.as_slice(),
        _ => &[],
    };
    let status = String::from_utf8_lossy(&output.stdout);
    if let Err(refusal) = status::judge(&status, allowed) {
        return Err(SignatureError::Refused {
            what: what.to_owned(),
            refusal,
            keyrings: names(keyring),
            stderr: brief(&output.stderr),
        });
    }
    match signed {
        Signed::Detached(text, _) => Ok(text.to_owned()),
        Signed::Inline(text) => {
            let verified = std::fs::read(path("output")).map_err(temporary)?;
            // gpgv passes over what stands around the armor; this does not
            let inside =
                clearsigned_payload(text).map(|payload| same_text(&payload.text, &verified));
            match inside {
                Ok(true) => Ok(verified),
                _ => Err(SignatureError::Uncovered { what: what.to_owned() }),
            }
        }
    }
}

/// Whether two texts are the same but for blanks at the ends of lines, which signatures ignore.
fn same_text(a: &[u8], b: &[u8]) -> bool {
    let lines = |text: &'_ [u8]| -> Vec<Vec<u8>> {
        let text = text.trim_ascii_end();
        text.split(|byte| *byte == b'\n').map(|line| line.trim_ascii_end().to_vec()).collect()
    };
    lines(a) == lines(b)
}

fn brief(stderr: &str) -> String {
    let lines: Vec<_> = stderr.lines().map(|line| line.trim_start_matches("gpgv: ")).collect();
    lines.join("; ").chars().take(600).collect()
}

fn names(keyring: &Keyring) -> String {
    let files = match &keyring.signed_by {
        SignedBy::Embedded(_) => return "the key in the source itself".to_owned(),
        SignedBy::Keys { files, .. } if !files.is_empty() => files,
        _ => &keyring.trusted,
    };
    files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// The keyring files for gpgv, in binary form, as it needs them.
fn keyring_files(
    keyring: &Keyring,
    directory: &TempDir,
    what: &str,
) -> Result<Vec<PathBuf>, SignatureError> {
    let binary = |content: &[u8], name: String, label: &str| {
        let armor = |source| SignatureError::Armor { path: label.to_owned(), source };
        let path = directory.path().join(name);
        let keys = dearmor(content).map_err(armor)?;
        match std::fs::write(&path, keys) {
            Ok(()) => Ok(path),
            Err(source) => Err(SignatureError::Temporary { what: what.to_owned(), source }),
        }
    };
    // a trusted keyring that cannot be read is passed over, as apt does; a named one is an error
    let (files, required) = match &keyring.signed_by {
        SignedBy::Embedded(text) => {
            let label = "in the source itself";
            return Ok(vec![binary(text.as_bytes(), "embedded.gpg".into(), label)?]);
        }
        SignedBy::Keys { files, .. } if !files.is_empty() => (files, true),
        _ => (&keyring.trusted, false),
    };
    let mut paths = Vec::new();
    for (number, file) in files.iter().enumerate() {
        match std::fs::read(file) {
            Ok(content) if armor::is_armored(&content) => {
                let label = file.display().to_string();
                paths.push(binary(&content, format!("keyring-{number}.gpg"), &label)?);
            }
            Ok(_) => paths.push(absolute(file)),
            Err(source) if required => {
                return Err(SignatureError::Keyring { path: file.clone(), source });
            }
            Err(source) => tracing::warn!("the keyring {} is unreadable: {source}", file.display()),
        }
    }
    if paths.is_empty() {
        return Err(SignatureError::NoKeyring { what: what.to_owned() });
    }
    Ok(paths)
}

/// gpgv looks for a name without slash in its home.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

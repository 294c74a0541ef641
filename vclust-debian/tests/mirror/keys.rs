//! Real keys, made by gpg in a home of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A day long ago, on which keys are made that have expired since.
const LONG_AGO: &str = "20200101T000000";

pub(crate) struct Key {
    home: TempDir,
    /// Options that put gpg in the time of the key.
    time: Vec<String>,
    pub(crate) fingerprint: String,
}

impl Key {
    /// A key that does not expire.
    pub(crate) fn new() -> Self {
        Self::make("never", Vec::new())
    }

    /// A key, and signatures by it, of a day long ago, that expired the day after.
    pub(crate) fn expired() -> Self {
        Self::make("1d", vec!["--faked-system-time".into(), LONG_AGO.into()])
    }

    fn make(expiry: &str, time: Vec<String>) -> Self {
        let home = tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").unwrap();
        let mut key = Self { home, time, fingerprint: String::new() };
        key.gpg(&["--quick-generate-key", "Test <test@example>", "ed25519", "sign", expiry]);
        let listed = key.gpg(&["--with-colons", "--list-keys"]);
        let listed = String::from_utf8(listed).unwrap();
        let line = listed.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().clone_into(&mut key.fingerprint);
        key
    }

    /// Revokes the key with the certificate that gpg made along with it.
    pub(crate) fn revoke(&self) {
        let name = format!("openpgp-revocs.d/{}.rev", self.fingerprint);
        let text = std::fs::read_to_string(self.home.path().join(name)).unwrap();
        let path = self.home.path().join("revocation");
        std::fs::write(&path, text.replace("\n:-----", "\n-----")).unwrap();
        self.gpg(&["--import", path.to_str().unwrap()]);
    }

    /// The public key, as gpg exports it.
    pub(crate) fn export(&self, path: &Path, armor: bool) -> PathBuf {
        let armor: &[&str] = if armor { &["--armor"] } else { &[] };
        std::fs::write(path, self.gpg(&[armor, &["--export"]].concat())).unwrap();
        path.to_owned()
    }

    pub(crate) fn clearsign(&self, file: &Path, output: &Path) {
        self.sign("--clearsign", file, output);
    }

    pub(crate) fn detach_sign(&self, file: &Path, output: &Path) {
        self.sign("--detach-sign", file, output);
    }

    fn sign(&self, how: &str, file: &Path, output: &Path) {
        let (file, output) = (file.to_str().unwrap(), output.to_str().unwrap());
        self.gpg(&["--digest-algo", "SHA512", "--output", output, how, file]);
    }

    fn gpg(&self, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("gpg")
            .args(["--batch", "--yes", "--quiet", "--pinentry-mode=loopback", "--passphrase", ""])
            .args(&self.time)
            .args(arguments)
            .env("GNUPGHOME", self.home.path())
            .output()
            .expect(
                "gpg runs: `apt-get install gpg gpg-agent gpgv gpgconf` installs what it needs",
            );
        assert!(output.status.success(), "gpg: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        let home = self.home.path();
        let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", home).output();
    }
}

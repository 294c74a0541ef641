//! Files that a spec puts on each node.

use serde::{Deserialize, Serialize};

use super::SpecError;

/// A file to put on each node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UploadedFile {
    /// Where it is now, relative to the spec.
    pub source: String,
    /// Where it goes: an absolute path.
    pub target: String,
    /// Its permissions.
    #[serde(default)]
    pub mode: FileMode,
    /// Its owner, `USER` or `USER:GROUP`, by names that the node knows or by numbers; root by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// Checks that a path on a node is absolute and has no `..`.
pub(super) fn check_target(target: &str) -> Result<(), SpecError> {
    let mut parts = target.split('/');
    let absolute = parts.next() == Some("");
    if absolute && parts.all(|part| part != "..") && !target.ends_with('/') {
        Ok(())
    } else {
        Err(SpecError::Target { target: target.to_owned() })
    }
}

impl UploadedFile {
    pub(super) fn check(&self) -> Result<(), SpecError> {
        check_target(&self.target)
    }
}

/// Permissions of a file, written in octal: `0644`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileMode(u32);

impl FileMode {
    /// The bits, as chmod(2) takes them.
    #[must_use]
    pub fn octal(self) -> u32 {
        self.0
    }
}

impl Default for FileMode {
    fn default() -> Self {
        Self(0o644)
    }
}

impl TryFrom<String> for FileMode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.len() <= 5 && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        let bits = u32::from_str_radix(&text, 8).ok().filter(|bits| digits && *bits <= 0o7777);
        bits.map(Self)
            .ok_or_else(|| format!("`{text}` is no mode; write octal digits such as 0644"))
    }
}

impl From<FileMode> for String {
    fn from(mode: FileMode) -> Self {
        format!("{:04o}", mode.0)
    }
}

//! The status file.

use vclust_core::{Stanza, Stanzas, SyntaxError};

use crate::unpack::Md5;

/// What dpkg says of the state of a package (the third word of its `Status` field).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    NotInstalled,
    ConfigFiles,
    HalfInstalled,
    Unpacked,
    HalfConfigured,
    TriggersAwaited,
    TriggersPending,
    Installed,
}

impl State {
    fn parse(text: &[u8]) -> Option<Self> {
        Some(match text {
            b"not-installed" => Self::NotInstalled,
            b"config-files" => Self::ConfigFiles,
            b"half-installed" => Self::HalfInstalled,
            b"unpacked" => Self::Unpacked,
            b"half-configured" => Self::HalfConfigured,
            b"triggers-awaited" => Self::TriggersAwaited,
            b"triggers-pending" => Self::TriggersPending,
            b"installed" => Self::Installed,
            _ => return None,
        })
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::NotInstalled => "not installed",
            Self::ConfigFiles => "removed but for its configuration",
            Self::HalfInstalled => "half installed",
            Self::Unpacked => "unpacked and not configured",
            Self::HalfConfigured => "half configured",
            Self::TriggersAwaited => "waiting for triggers",
            Self::TriggersPending => "yet to run its triggers",
            Self::Installed => "installed",
        })
    }
}

/// A package that the status file knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatusEntry {
    pub(crate) name: String,
    pub(crate) architecture: String,
    pub(crate) version: String,
    pub(crate) state: State,
}

/// All packages of a status file.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) entries: Vec<StatusEntry>,
}

impl Status {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, SyntaxError> {
        let mut entries = Vec::new();
        for stanza in Stanzas::new(bytes) {
            if let Some(error) = stanza.fields().find_map(Result::err) {
                return Err(error);
            }
            let text = |name: &str| {
                let value = stanza.value(name).unwrap_or_default();
                String::from_utf8_lossy(value).trim().to_owned()
            };
            let status = text("Status");
            let state =
                status.split_whitespace().nth(2).and_then(|word| State::parse(word.as_bytes()));
            entries.push(StatusEntry {
                name: text("Package"),
                architecture: text("Architecture"),
                version: text("Version"),
                state: state.unwrap_or(State::NotInstalled),
            });
        }
        Ok(Self { entries })
    }

    /// The packages that have files in the root.
    pub(crate) fn present(&self) -> impl Iterator<Item = &StatusEntry> {
        self.entries.iter().filter(|entry| entry.state > State::ConfigFiles)
    }

    pub(crate) fn get(&self, name: &str, architecture: &str) -> Option<&StatusEntry> {
        let same = |entry: &&StatusEntry| entry.name == name && entry.architecture == architecture;
        self.entries.iter().find(same)
    }

    /// Whether triggers of a package, by name or `name:architecture`, would be run: its
    /// configuration is done, or waits for triggers alone.
    pub(crate) fn awaits_triggers(&self, name: &str) -> bool {
        let (name, architecture) = name.split_once(':').unwrap_or((name, ""));
        self.entries.iter().any(|entry| {
            entry.name == name
                && (architecture.is_empty() || entry.architecture == architecture)
                && entry.state >= State::TriggersAwaited
        })
    }

    /// Takes the paragraph about the same package as `stanza` out of a status file.
    pub(crate) fn remove(status: &mut Vec<u8>, name: &str, stanza: &[u8]) {
        let architecture = |stanza: Stanza<'_>| stanza.value("Architecture").map(<[u8]>::to_vec);
        let wanted = architecture(Stanza::from_bytes(stanza));
        let mut found = None;
        for other in Stanzas::new(status) {
            if other.value("Package") == Some(name.as_bytes()) && architecture(other) == wanted {
                found = Some(other.offset()..other.offset() + other.as_bytes().len());
                break;
            }
        }
        if let Some(range) = found {
            status.drain(range);
        }
    }
}

/// The paragraph of a package that is unpacked and not configured, from the one in its archive.
///
/// `conffiles` are the paths below the root with the sums of what was written for them.
pub(crate) fn unpacked_stanza(control: &[u8], conffiles: &[(Vec<u8>, Md5)]) -> Vec<u8> {
    let control = control.trim_ascii_end();
    let mut stanza = Vec::with_capacity(control.len() + 200);
    for (number, line) in control.split(|byte| *byte == b'\n').enumerate() {
        stanza.extend_from_slice(line);
        stanza.push(b'\n');
        if number == 0 {
            stanza.extend_from_slice(b"Status: install ok unpacked\n");
        }
    }
    if !conffiles.is_empty() {
        stanza.extend_from_slice(b"Conffiles:\n");
        for (path, digest) in conffiles {
            stanza.extend_from_slice(b" /");
            stanza.extend_from_slice(path);
            stanza.extend_from_slice(format!(" {digest}\n").as_bytes());
        }
    }
    stanza.push(b'\n');
    stanza
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &[u8] =
        b"Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n\
        Package: b\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 2\n\n\
        Package: c\nStatus: install ok unpacked\nArchitecture: amd64\nVersion: 3\n\n";

    #[test]
    fn states_are_told_apart() {
        let status = Status::parse(STATUS).unwrap();
        let present: Vec<&str> = status.present().map(|entry| entry.name.as_str()).collect();
        assert_eq!(present, ["a", "c"]);
        assert!(status.awaits_triggers("a") && status.awaits_triggers("a:amd64"));
        assert!(!status.awaits_triggers("c") && !status.awaits_triggers("a:i386"));
        assert_eq!(status.get("b", "all").unwrap().state, State::ConfigFiles);
    }

    #[test]
    fn a_paragraph_is_taken_out() {
        let mut status = STATUS.to_vec();
        Status::remove(&mut status, "b", b"Package: b\nArchitecture: all\n");
        let left = Status::parse(&status).unwrap();
        let names: Vec<&str> = left.entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["a", "c"]);
    }

    #[test]
    fn a_new_paragraph_names_state_and_conffiles() {
        let conffiles = [(b"etc/a".to_vec(), Md5([0xd4; 16]))];
        let stanza = unpacked_stanza(b"Package: a\nVersion: 1\n", &conffiles);
        let expected = "Package: a\nStatus: install ok unpacked\nVersion: 1\nConffiles:\n \
                        /etc/a d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4\n\n";
        assert_eq!(String::from_utf8(stanza).unwrap(), expected);
    }
}

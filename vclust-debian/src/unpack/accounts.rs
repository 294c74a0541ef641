//! Names of users and groups, as the root's own `/etc/passwd` and `/etc/group` know them.
//!
//! The names of the machine that builds a root mean nothing in it, so its name service is not asked.

use std::collections::HashMap;

use super::root::Root;

/// Bytes of an account file that are read.
const FILE_BYTES: u64 = 16 << 20;

/// The root's accounts.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    users: HashMap<Vec<u8>, u32>,
    groups: HashMap<Vec<u8>, u32>,
}

impl Accounts {
    /// Reads the root's account files; one that is missing has no accounts.
    pub(super) fn read(root: &Root) -> std::io::Result<Self> {
        let users = parse(&root.read_file("etc/passwd", FILE_BYTES)?);
        let groups = parse(&root.read_file("etc/group", FILE_BYTES)?);
        Ok(Self { users, groups })
    }

    pub(super) fn user(&self, name: &[u8]) -> Option<u32> {
        self.users.get(name).copied()
    }

    pub(super) fn group(&self, name: &[u8]) -> Option<u32> {
        self.groups.get(name).copied()
    }
}

/// Names and numbers: the first and third field of each line; the first line with a name counts.
fn parse(text: &[u8]) -> HashMap<Vec<u8>, u32> {
    let mut accounts = HashMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b':');
        let (name, number) = (fields.next().unwrap_or_default(), fields.nth(1));
        let number = number.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        if let (false, Some(number)) = (name.is_empty(), number) {
            accounts.entry(name.to_vec()).or_insert(number);
        }
    }
    accounts
}

#[cfg(test)]
mod tests {
    #[test]
    fn accounts_are_name_and_number() {
        let text = b"root:x:0:0:root:/root:/bin/sh\nroot:x:1:\n:x:2:\nbad:x:-1:\n+\nman:x:6:12\n";
        let accounts = super::parse(text);
        assert_eq!(accounts.len(), 2);
        assert_eq!((accounts[&b"root"[..]], accounts[&b"man"[..]]), (0, 6));
    }
}

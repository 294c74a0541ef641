//! What the administrator or packages want to be different from what packages ship: diversions and
//! overridden owners and modes.

use std::collections::HashMap;

use super::Database;
use super::error::DatabaseError;
use crate::unpack::{Overrides, StatOverride};

impl Database {
    /// Reads `diversions` (three lines each: from, to, the package or `:`) and `statoverride` (user,
    /// group, mode, path) with the accounts of the root.
    pub(crate) fn overrides(&self) -> Result<Overrides, DatabaseError> {
        let mut overrides = Overrides::default();
        let diversions = self.read_if_there("diversions")?;
        let lines: Vec<&[u8]> = lines(&diversions).collect();
        for (number, diversion) in lines.chunks(3).enumerate() {
            let [from, to, by] = diversion else {
                return Err(self.damaged("diversions", 3 * number + 1, diversion[0]));
            };
            let by = (*by != b":").then(|| String::from_utf8_lossy(by).into_owned());
            overrides.divert(below_root(from), below_root(to), by);
        }
        let content = self.read_if_there("statoverride")?;
        if content.is_empty() {
            return Ok(overrides);
        }
        let users = self.accounts("passwd")?;
        let groups = self.accounts("group")?;
        for (number, line) in lines_of_text(&content).enumerate() {
            let parsed = stat_override(&line, &users, &groups);
            let (path, stat) =
                parsed.ok_or_else(|| self.damaged("statoverride", number + 1, line.as_bytes()))?;
            overrides.set_stat(path, stat);
        }
        Ok(overrides)
    }

    fn damaged(&self, name: &str, line: usize, text: &[u8]) -> DatabaseError {
        let text = String::from_utf8_lossy(text).into_owned();
        DatabaseError::Line { path: self.admin.join(name), line, text }
    }

    /// Names with their numbers, of `/etc/passwd` or `/etc/group`.
    fn accounts(&self, file: &str) -> Result<HashMap<String, u32>, DatabaseError> {
        let content = self.read_if_there(&format!("../../../etc/{file}"))?;
        let entry = |line: String| {
            let mut fields = line.split(':');
            Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
        };
        Ok(lines_of_text(&content).filter_map(entry).collect())
    }
}

fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn lines_of_text(content: &[u8]) -> impl Iterator<Item = String> {
    lines(content).map(|line| String::from_utf8_lossy(line).into_owned())
}

fn below_root(path: &[u8]) -> Vec<u8> {
    path.strip_prefix(b"/").unwrap_or(path).to_vec()
}

/// Reads `user group mode path`; accounts can be numbers after a `#`.
fn stat_override(
    line: &str,
    users: &HashMap<String, u32>,
    groups: &HashMap<String, u32>,
) -> Option<(Vec<u8>, StatOverride)> {
    let mut words = line.splitn(4, ' ');
    let mut account = |accounts: &HashMap<String, u32>| {
        let word = words.next()?;
        match word.strip_prefix('#') {
            Some(number) => number.parse().ok(),
            None => accounts.get(word).copied(),
        }
    };
    let (user, group) = (account(users)?, account(groups)?);
    let mode = u32::from_str_radix(words.next()?, 8).ok()?;
    let path = below_root(words.next()?.as_bytes());
    Some((path, StatOverride { user, group, mode }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_looked_up_or_numbers() {
        let accounts = |name: &str, number| HashMap::from([(name.to_owned(), number)]);
        let (users, groups) = (accounts("root", 0), accounts("ssl-cert", 104));
        let parsed = stat_override("root ssl-cert 710 /etc/ssl/private", &users, &groups);
        let stat = StatOverride { user: 0, group: 104, mode: 0o710 };
        assert_eq!(parsed, Some((b"etc/ssl/private".to_vec(), stat)));
        let parsed = stat_override("#5 #6 2755 /a b", &users, &groups);
        let stat = StatOverride { user: 5, group: 6, mode: 0o2755 };
        assert_eq!(parsed, Some((b"a b".to_vec(), stat)));
        assert_eq!(stat_override("nobody root 644 /a", &users, &groups), None);
        assert_eq!(stat_override("root ssl-cert", &users, &groups), None);
    }

    #[test]
    fn a_cut_off_diversion_is_named() {
        let root = tempfile::tempdir().unwrap();
        let database = Database::of(root.path());
        database.create("amd64").unwrap();
        database.write("diversions", b"/bin/sh\n/bin/sh.distrib\ndash\n/bin/x\n").unwrap();
        let error = database.overrides().unwrap_err().to_string();
        assert!(error.ends_with("diversions is damaged in line 4: `/bin/x`"), "{error}");
    }
}

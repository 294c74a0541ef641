//! Whether a `preinst` script does anything when its package is installed for the first time.
//!
//! Most do not: they hold code for upgrades alone, much of it put there by debhelper. Such a package
//! can be unpacked without running the script. Whatever is not certainly without effect counts as
//! having one.

/// Whether a script, called with `install` and no old version, certainly does nothing.
pub(super) fn does_nothing(script: &[u8]) -> bool {
    let Ok(script) = std::str::from_utf8(script) else { return false };
    let mut lines = Lines { lines: script.lines().collect(), at: 0 };
    let Some(first) = lines.lines.first() else { return false };
    let shells = ["/bin/sh", "/bin/bash", "/bin/sh -e", "/bin/bash -e", "/bin/dash"];
    let is_shell = first.strip_prefix("#!").is_some_and(|shell| shells.contains(&shell.trim()));
    is_shell && lines.all_do_nothing()
}

struct Lines<'a> {
    lines: Vec<&'a str>,
    at: usize,
}

impl Lines<'_> {
    /// The next line that says something, joined with those that continue it.
    fn next(&mut self) -> Option<String> {
        loop {
            let mut line = (*self.lines.get(self.at)?).trim().to_owned();
            self.at += 1;
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            while line.ends_with('\\') {
                line.pop();
                line.push_str(self.lines.get(self.at).copied().unwrap_or_default().trim());
                self.at += 1;
            }
            return Some(line);
        }
    }

    fn all_do_nothing(&mut self) -> bool {
        while let Some(line) = self.next() {
            let nothing = match line.split_whitespace().next().unwrap_or_default() {
                "if" => is_false(&line) && self.skip_block(),
                // debhelper's own: without an old version it leaves everything as it is
                "dpkg-maintscript-helper" => {
                    !line.contains([';', '|', '`', '<', '>', '&']) && line.ends_with("-- \"$@\"")
                }
                _ => {
                    ["set -e", "set -u", "set -eu", "exit 0", ":", "true"].contains(&line.as_str())
                }
            };
            if !nothing {
                return false;
            }
        }
        true
    }

    /// Skips to the `fi` of a block that is never entered; false if the block is not plain.
    fn skip_block(&mut self) -> bool {
        let mut depth = 1;
        while let Some(line) = self.next() {
            // documents in the script could hold anything
            if line.contains("<<") {
                return false;
            }
            let words = line.split([' ', '\t', ';', '&', '|', '(', ')', '{', '}']);
            let keyword = |word: &str| ["if", "fi", "else", "elif"].contains(&word);
            // several commands on a line, or quotes over several lines, are for a shell to take apart
            if words.skip(1).any(keyword) || line.matches(['"', '\'']).count() % 2 == 1 {
                return false;
            }
            match line.split([' ', '\t', ';']).next().unwrap_or_default() {
                "if" => depth += 1,
                "fi" => {
                    depth -= 1;
                    if depth == 0 {
                        return line.trim_end_matches(';') == "fi";
                    }
                }
                "else" | "elif" if depth == 1 => return false,
                _ => {}
            }
        }
        false
    }
}

/// Whether a condition, `if A && B; then`, is false for a first installation: one of what it asks
/// for is an upgrade or an old version.
fn is_false(line: &str) -> bool {
    let Some(condition) = line.strip_prefix("if ") else { return false };
    let condition = condition.trim_end();
    let condition = condition.strip_suffix("then").unwrap_or(condition).trim_end();
    let condition = condition.trim_end_matches(';').trim();
    if condition.contains("||") || condition.contains([';', '`', '!']) || condition.contains("$(") {
        return false;
    }
    // what comes before the term that is false is run
    let is_test = |term: &str| {
        let term = term.trim();
        term.starts_with("[ ") && term.ends_with(" ]") && term.matches('[').count() == 1
    };
    condition.split("&&").take_while(|term| is_test(term)).any(|term| {
        let term: String = term.chars().filter(|c| *c != '"' && *c != '\'').collect();
        let words: Vec<&str> = term.split_whitespace().collect();
        matches!(
            words.as_slice(),
            ["[", "$1", "=", "upgrade" | "abort-upgrade", "]"] | ["[", "-n", "$2", "]"]
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(body: &str) -> bool {
        does_nothing(format!("#!/bin/sh\nset -e\n{body}").as_bytes())
    }

    #[test]
    fn what_debhelper_writes_for_upgrades_does_nothing() {
        assert!(nothing(""));
        assert!(nothing(
            "# Automatically added\ndpkg-maintscript-helper rm_conffile /etc/a 1.0\\~ -- \"$@\"\n\
             # End\nexit 0\n"
        ));
        assert!(nothing("dpkg-maintscript-helper mv_conffile /a \\\n  /b 1 -- \"$@\"\n"));
        assert!(nothing(
            "if [ \"$1\" = \"install\" ] && [ -n \"$2\" ] && [ -e \"/etc/init.d/at\" ] ; then\n\
             \tchmod +x \"/etc/init.d/at\" >/dev/null || true\nfi\n"
        ));
        assert!(nothing("if [ \"$1\" = upgrade ]; then\n  if [ -e a ]; then\n rm a\n fi\nfi\n"));
    }

    #[test]
    fn what_may_act_counts_as_acting() {
        assert!(!nothing("echo > /etc/a\n"));
        assert!(!nothing("if [ \"$1\" = install ]; then\n  touch /a\nfi\n"));
        assert!(!nothing("if [ \"$1\" = upgrade ]; then\n  :\nelse\n  touch /a\nfi\n"));
        assert!(!nothing("if [ \"$1\" = upgrade ] || [ \"$1\" = install ]; then\n touch /a\nfi\n"));
        assert!(!nothing("if touch /a && [ \"$1\" = upgrade ]; then\n:\nfi\n"));
        assert!(!nothing("if [ \"$1\" = upgrade ]; then\n :; else touch /a\nfi\n"));
        assert!(!nothing("if [ \"$1\" = upgrade ]; then\n echo '\nfi\ntouch /a\n'\nfi\n"));
        assert!(!nothing("if ! [ \"$1\" = upgrade ]; then\n touch /a\nfi\n"));
        assert!(!nothing("if [ \"$1\" = upgrade ]; then\n :\nfi; touch /a\n"));
        assert!(!nothing("case \"$1\" in\n  install|upgrade)\n    touch a\n  ;;\nesac\n"));
        assert!(!nothing("case \"$1\" in\n  upgrade)\n ;;\n  *)\n    touch a\n  ;;\nesac\n"));
        assert!(!nothing("dpkg-maintscript-helper supports x; touch a -- \"$@\"\n"));
        assert!(!nothing("dpkg-divert --add /bin/sh\n"));
        assert!(!does_nothing(b"#!/usr/bin/perl\n"));
        assert!(!does_nothing(b"\x7fELF\xff"));
        assert!(!nothing("if [ \"$1\" = upgrade ]; then\ncat <<E\nfi\nE\ntouch a\nfi\n"));
    }
}

//! The syntax of apt.conf(5): a tree of named values, written flat (`A::B "x";`) or nested
//! (`A { B "x"; };`), with lists as children without a name.

use std::path::PathBuf;

use thiserror::Error;

/// A line that apt would not accept either.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}:{line}: {reason}", path.display())]
#[non_exhaustive]
pub struct AptConfSyntaxError {
    /// The file.
    pub path: PathBuf,
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

/// apt's configuration: names in any case, joined by `::`, each with a value and children.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AptConf {
    root: Node,
}

/// Levels that a file may nest: apt's own names have five, and a tree this deep is dropped without
/// running out of stack.
const LEVELS: usize = 64;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Node {
    /// Empty for the members of a list.
    name: String,
    value: String,
    children: Vec<Node>,
}

impl AptConf {
    /// The value of `name`, such as `APT::Architecture`; `None` where it is unset or empty.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let node = self.node(name)?;
        (!node.value.is_empty()).then_some(node.value.as_str())
    }

    /// The values below `name`, such as the members of a list.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let children = self.node(name).map_or(&[][..], |node| &node.children);
        children.iter().map(|child| child.value.as_str()).filter(|value| !value.is_empty())
    }

    /// Whether `name` is true, as apt reads it: a word like `yes`, or a number.
    #[must_use]
    pub fn boolean(&self, name: &str, default: bool) -> bool {
        match self.value(name).map(str::to_ascii_lowercase).as_deref() {
            Some("no" | "false" | "without" | "off" | "disable" | "0") => false,
            Some("yes" | "true" | "with" | "on" | "enable" | "1") => true,
            Some(other) => other.parse::<i64>().map_or(default, |number| number != 0),
            None => default,
        }
    }

    /// Sets a value; a name that ends in `::` adds a member to a list.
    pub fn set(&mut self, name: &str, value: &str) {
        let mut node = &mut self.root;
        let mut parts = name.split("::").peekable();
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            let found = node
                .children
                .iter()
                .position(|child| !part.is_empty() && child.name.eq_ignore_ascii_case(part));
            let position = if let Some(position) = found {
                position
            } else {
                // `A::::B` makes no sense: an empty name is a list's member only at the end
                if part.is_empty() && !last {
                    continue;
                }
                node.children.push(Node { name: part.to_owned(), ..Node::default() });
                node.children.len() - 1
            };
            node = &mut node.children[position];
        }
        value.clone_into(&mut node.value);
    }

    /// Removes the value of `name` and everything below it.
    pub fn clear(&mut self, name: &str) {
        if let Some(node) = self.node_mut(name.trim_end_matches(':')) {
            node.value.clear();
            node.children.clear();
        }
    }

    /// Adds what a configuration file says; `include` reads the files it includes.
    pub fn read(
        &mut self,
        path: &std::path::Path,
        text: &[u8],
    ) -> Result<Vec<Include>, AptConfSyntaxError> {
        let mut includes = Vec::new();
        let text = String::from_utf8_lossy(text);
        let fail = |line, reason| AptConfSyntaxError { path: path.to_owned(), line, reason };
        let mut lexer = Lexer { rest: &text, line: 1 };
        let mut scopes: Vec<String> = Vec::new();
        let mut words: Vec<Word> = Vec::new();
        while let Some(token) = lexer.next().map_err(|reason| fail(lexer.line, reason))? {
            match token {
                Token::Word(word) => words.push(word),
                Token::Open => {
                    let (name, value) = statement(&words).map_err(|why| fail(lexer.line, why))?;
                    let scope = join(scopes.last(), name);
                    if scopes.len() >= LEVELS || levels(&scope) > LEVELS {
                        return Err(fail(lexer.line, TOO_DEEP));
                    }
                    if let (false, Some(value)) = (name.is_empty(), value) {
                        self.set(&scope, &value);
                    }
                    scopes.push(scope);
                    words.clear();
                }
                Token::Close | Token::End => {
                    self.finish(&scopes, &words, &mut includes)
                        .map_err(|reason| fail(lexer.line, reason))?;
                    words.clear();
                    if token == Token::Close && scopes.pop().is_none() {
                        return Err(fail(lexer.line, "a `}` without its `{`"));
                    }
                }
            }
        }
        if !words.is_empty() || !scopes.is_empty() {
            return Err(fail(lexer.line, "the file ends within a statement: is a `;` missing?"));
        }
        Ok(includes)
    }

    /// Carries out a statement that has ended.
    fn finish(
        &mut self,
        scopes: &[String],
        words: &[Word],
        includes: &mut Vec<Include>,
    ) -> Result<(), &'static str> {
        if words.is_empty() {
            return Ok(());
        }
        let (name, value) = statement(words)?;
        match (name, value) {
            ("#clear" | "#include", _) if !scopes.is_empty() => {
                Err("`#clear` and `#include` stand outside of all braces")
            }
            ("#clear", Some(value)) => {
                self.clear(&value);
                Ok(())
            }
            ("#include", Some(value)) => {
                includes.push(Include(PathBuf::from(value)));
                Ok(())
            }
            (name, Some(value)) => {
                let name = join(scopes.last(), name);
                if levels(&name) > LEVELS {
                    return Err(TOO_DEEP);
                }
                self.set(&name, &value);
                Ok(())
            }
            // a word alone is a member of the list it stands in
            (word, None) => {
                if let Some(scope) = scopes.last() {
                    self.set(&format!("{scope}::"), word);
                }
                Ok(())
            }
        }
    }

    fn node(&self, name: &str) -> Option<&Node> {
        name.split("::").try_fold(&self.root, |node, part| {
            node.children.iter().find(|child| child.name.eq_ignore_ascii_case(part))
        })
    }

    fn node_mut(&mut self, name: &str) -> Option<&mut Node> {
        name.split("::").try_fold(&mut self.root, |node, part| {
            node.children.iter_mut().find(|child| child.name.eq_ignore_ascii_case(part))
        })
    }
}

/// A file that `#include` names, to be read after the one that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include(pub PathBuf);

/// The name of a statement and its value; adjacent quoted words are one value.
fn statement(words: &[Word]) -> Result<(&str, Option<String>), &'static str> {
    let Some((name, values)) = words.split_first() else {
        return Ok(("", None));
    };
    match values {
        [] => Ok((&name.text, None)),
        [value] => Ok((&name.text, Some(value.text.clone()))),
        _ if values.iter().all(|word| word.quoted) => {
            let parts: Vec<_> = values.iter().map(|word| word.text.as_str()).collect();
            Ok((&name.text, Some(parts.join(" "))))
        }
        _ => Err("more than one value: is a `;` missing?"),
    }
}

const TOO_DEEP: &str = "more than 64 levels of names";

fn levels(name: &str) -> usize {
    name.matches("::").count() + 1
}

fn join(scope: Option<&String>, name: &str) -> String {
    match scope {
        Some(scope) if name.is_empty() => scope.clone(),
        Some(scope) => format!("{scope}::{name}"),
        None => name.to_owned(),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    text: String,
    quoted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(Word),
    Open,
    Close,
    End,
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Option<Token>, &'static str> {
        self.skip_blanks()?;
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        let token = match first {
            '{' => Token::Open,
            '}' => Token::Close,
            ';' => Token::End,
            _ => return self.word().map(|word| Some(Token::Word(word))),
        };
        self.advance(1);
        Ok(Some(token))
    }

    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        self.line += passed.bytes().filter(|byte| *byte == b'\n').count();
        self.rest = rest;
    }

    fn skip_blanks(&mut self) -> Result<(), &'static str> {
        loop {
            let blanks = self.rest.len() - self.rest.trim_start().len();
            self.advance(blanks);
            let directive = ["#clear", "#include"].iter().any(|word| self.rest.starts_with(word));
            if self.rest.starts_with("//") || (self.rest.starts_with('#') && !directive) {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.advance(end);
            } else if self.rest.starts_with("/*") {
                let end = self.rest.find("*/").ok_or("a comment `/*` does not end")?;
                self.advance(end + 2);
            } else {
                return Ok(());
            }
        }
    }

    /// A word: quoted and bare pieces without a blank between them.
    fn word(&mut self) -> Result<Word, &'static str> {
        let mut word = Word { text: String::new(), quoted: self.rest.starts_with('"') };
        while let Some(first) = self.rest.chars().next() {
            if first == '"' {
                let end = self.rest[1..].find('"').ok_or("a quoted text does not end")?;
                word.text.push_str(&self.rest[1..=end]);
                self.advance(end + 2);
            } else if first.is_whitespace() || matches!(first, '{' | '}' | ';') {
                break;
            } else {
                word.text.push(first);
                self.advance(first.len_utf8());
            }
        }
        Ok(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;

    fn read(text: &str) -> Result<AptConf, AptConfSyntaxError> {
        let mut conf = AptConf::default();
        conf.read(Path::new("apt.conf"), text.as_bytes())?;
        Ok(conf)
    }

    #[test]
    fn flat_and_nested_say_the_same() {
        let flat = read("APT::Get::Assume-Yes \"true\"; APT::Architecture amd64;").unwrap();
        let nested =
            read("apt { get { assume-yes \"true\"; }; Architecture \"amd64\"; };").unwrap();
        for conf in [&flat, &nested] {
            assert_eq!(conf.value("APT::Architecture"), Some("amd64"));
            assert!(conf.boolean("apt::get::ASSUME-yes", false));
        }
        assert_eq!(flat.value("APT::Get"), None);
    }

    #[test]
    fn names_nest_only_so_deep() {
        for text in [
            "a { ".repeat(LEVELS + 1),
            "{".repeat(LEVELS + 1),
            format!("{}a 1;", "a::".repeat(LEVELS)),
            format!("a {{ {}a 1; }};", "a::".repeat(LEVELS - 1)),
        ] {
            assert_eq!(read(&text).unwrap_err().reason, TOO_DEEP, "{text}");
        }
        let deepest = "a::".repeat(LEVELS - 1) + "a";
        assert_eq!(read(&format!("{deepest} 1;")).unwrap().value(&deepest), Some("1"));
    }

    #[test]
    fn lists_grow_and_are_cleared() {
        let text =
            "A { \"1\"; \"2\"; };\nA:: \"3\"; // three\nB { \"x\"; };\n#clear B;\n#clear A::C;";
        let conf = read(text).unwrap();
        assert_eq!(conf.values("A").collect::<Vec<_>>(), ["1", "2", "3"]);
        assert_eq!(conf.values("B").count(), 0);
    }

    #[test]
    fn comments_do_not_start_within_quotes() {
        let text = "/* a\n b */ # c\nA \"x // y # z {\";\n// last";
        assert_eq!(read(text).unwrap().value("A"), Some("x // y # z {"));
    }

    #[test]
    fn a_scope_may_have_a_value_of_its_own() {
        let conf = read("Dir \"/x\" { State \"var\" { lists \"l/\"; }; };").unwrap();
        assert_eq!(conf.value("Dir"), Some("/x"));
        assert_eq!(conf.value("Dir::State::Lists"), Some("l/"));
    }

    #[test]
    fn later_values_win() {
        assert_eq!(read("A \"1\"; a \"2\";").unwrap().value("A"), Some("2"));
    }

    #[test]
    fn errors_name_file_and_line() {
        for (text, message) in [
            (
                "A \"1\";\nB \"2\" C",
                "apt.conf:2: the file ends within a statement: is a `;` missing?",
            ),
            ("A {\n\"x;\n", "apt.conf:2: a quoted text does not end"),
            ("A 1\nB 2;\n", "apt.conf:2: more than one value: is a `;` missing?"),
            ("}", "apt.conf:1: a `}` without its `{`"),
            ("/* x", "apt.conf:1: a comment `/*` does not end"),
            ("A { #clear B; };", "apt.conf:1: `#clear` and `#include` stand outside of all braces"),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[A-C:{};\"#/* \n\\PC]{0,80}") {
            if let Ok(conf) = read(&text) {
                let _ = (conf.value("A::B"), conf.values("A").count());
            }
        }
    }
}

//! Relations between packages, as control fields write them (deb-control(5), Debian Policy 7.1).
//!
//! `a (>= 1) | b:any [linux-any] <!nocheck>, c`: a field is a conjunction of groups, separated by
//! commas; a group is a list of alternatives, separated by bars. The parser borrows from its input.

use std::cmp::Ordering;
use std::fmt;

use nom::IResult;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_till1, take_while};
use nom::character::complete::char;
use nom::combinator::{map, opt, value};
use nom::sequence::{delimited, preceded};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::version::compare_versions;

/// A relation that does not follow the syntax.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("malformed relation at byte {offset}: `{text}`")]
#[non_exhaustive]
pub struct RelationError {
    /// Where parsing stopped, in bytes from the start of the field's value.
    pub offset: usize,
    /// The text from there on, at most 60 characters.
    pub text: String,
}

/// How a version constraint compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// `<<`
    Earlier,
    /// `<=`, and the obsolete `<`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`, and the obsolete `>`
    LaterOrEqual,
    /// `>>`
    Later,
}

impl Operator {
    /// Whether a version that compares as `order` to the constraint's version satisfies it.
    #[must_use]
    pub fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Earlier => order.is_lt(),
            Self::EarlierOrEqual => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::LaterOrEqual => order.is_ge(),
            Self::Later => order.is_gt(),
        }
    }

    /// The operator as control files write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        }
    }
}

/// One alternative of a relation, borrowed from the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation<'a> {
    /// Package name, real or virtual.
    pub name: &'a [u8],
    /// Architecture qualifier after the colon: `any`, `native` or an architecture.
    pub qualifier: Option<&'a [u8]>,
    /// Version constraint.
    pub constraint: Option<(Operator, &'a [u8])>,
    /// Architecture restriction in brackets, as written: `linux-any !i386`; build relations only.
    pub architectures: Option<&'a [u8]>,
    /// Build-profile formula, one text per pair of angle brackets: all of its terms must hold, and
    /// one of the texts suffices; build relations only.
    pub profiles: Vec<&'a [u8]>,
}

impl Relation<'_> {
    /// Whether `version` satisfies the version constraint; `None` stands for a provider that names
    /// no version, which satisfies only a relation without constraint.
    #[must_use]
    pub fn accepts(&self, version: Option<&[u8]>) -> bool {
        match (self.constraint, version) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some((operator, wanted)), Some(version)) => {
                operator.accepts(compare_versions(version, wanted))
            }
        }
    }

    /// Whether the relation applies when building for `architecture` (such as `amd64`) under the
    /// build profiles `profiles` (such as `nocheck`).
    #[must_use]
    pub fn applies_to(&self, architecture: &str, profiles: &[&str]) -> bool {
        self.applies_to_architecture(architecture) && self.applies_to_profiles(profiles)
    }

    fn applies_to_architecture(&self, architecture: &str) -> bool {
        let Some(list) = self.architectures else { return true };
        let mut negated = false;
        for term in words(list) {
            let (negative, wildcard) = match term.strip_prefix(b"!") {
                Some(rest) => (true, rest),
                None => (false, term),
            };
            negated |= negative;
            if architecture_matches(wildcard, architecture) {
                return !negative;
            }
        }
        negated
    }

    fn applies_to_profiles(&self, profiles: &[&str]) -> bool {
        let active = |name: &[u8]| profiles.iter().any(|profile| profile.as_bytes() == name);
        self.profiles.is_empty()
            || self.profiles.iter().any(|conjunction| {
                words(conjunction).all(|term| match term.strip_prefix(b"!") {
                    Some(name) => !active(name),
                    None => active(term),
                })
            })
    }
}

impl fmt::Display for Relation<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(self.name))?;
        if let Some(qualifier) = self.qualifier {
            write!(formatter, ":{}", String::from_utf8_lossy(qualifier))?;
        }
        if let Some((operator, version)) = self.constraint {
            write!(formatter, " ({} {})", operator.as_str(), String::from_utf8_lossy(version))?;
        }
        if let Some(architectures) = self.architectures {
            write!(formatter, " [{}]", String::from_utf8_lossy(architectures))?;
        }
        for profile in &self.profiles {
            write!(formatter, " <{}>", String::from_utf8_lossy(profile))?;
        }
        Ok(())
    }
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// Whether the architecture wildcard (`any`, `linux-any`, `any-arm`, ...) covers the Debian
/// architecture (Debian Policy 11.1.1). Names without a system part are Linux ones.
pub(crate) fn architecture_matches(wildcard: &[u8], architecture: &str) -> bool {
    let architecture = architecture.as_bytes();
    if wildcard == architecture || wildcard == b"any" {
        return true;
    }
    let split = |name: &'_ [u8]| -> (Vec<u8>, Vec<u8>) {
        match name.iter().rposition(|byte| *byte == b'-') {
            Some(hyphen) => (name[..hyphen].to_vec(), name[hyphen + 1..].to_vec()),
            None => (b"linux".to_vec(), name.to_vec()),
        }
    };
    if !wildcard.starts_with(b"any-") && !wildcard.ends_with(b"-any") {
        return split(wildcard) == split(architecture);
    }
    let (system, cpu) = split(architecture);
    let (wanted_system, wanted_cpu) = split(wildcard);
    // `armhf` and `armel` are both of the CPU `arm`; `i386` and `amd64` are CPUs of their own.
    let cpu: &[u8] = match &cpu[..] {
        b"armhf" | b"armel" => b"arm",
        other => other,
    };
    let covers = |wanted: &[u8], have: &[u8]| wanted == b"any" || wanted == have;
    let system_matches = covers(&wanted_system, &system)
        || (wanted_system == b"gnu-any" || wanted_system == b"gnu-linux") && system == b"linux";
    system_matches && covers(&wanted_cpu, cpu)
}

/// A relation field: groups, each a list of alternatives of which one suffices.
pub type Groups<'a> = Vec<Vec<Relation<'a>>>;

/// Parses the value of a relation field; an empty value is an empty list, and stray commas are
/// passed over, as dpkg does.
///
/// ```
/// use vclust_core::parse_relations;
/// let groups = parse_relations(b"libc6 (>= 2.36), mawk | awk")?;
/// assert_eq!(groups[1][0].name, b"mawk");
/// # Ok::<(), vclust_core::RelationError>(())
/// ```
pub fn parse_relations(input: &[u8]) -> Result<Groups<'_>, RelationError> {
    let mut groups = Vec::new();
    let mut rest = blanks(input);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(b",") {
            rest = blanks(after);
            continue;
        }
        let mut group = Vec::new();
        loop {
            let (after, relation) = relation(rest).map_err(|_| error_at(input, rest))?;
            group.push(relation);
            rest = blanks(after);
            match rest.first() {
                Some(b'|') => rest = blanks(&rest[1..]),
                None | Some(b',') => break,
                Some(_) => return Err(error_at(input, rest)),
            }
        }
        groups.push(group);
    }
    Ok(groups)
}

fn error_at(input: &[u8], rest: &[u8]) -> RelationError {
    RelationError {
        offset: input.len() - rest.len(),
        text: String::from_utf8_lossy(rest).chars().take(60).collect(),
    }
}

fn blanks(input: &[u8]) -> &[u8] {
    input.trim_ascii_start()
}

fn blank(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while(|byte: u8| byte.is_ascii_whitespace())(input)
}

fn token<'a, O>(
    parser: impl Parser<&'a [u8], Output = O, Error = nom::error::Error<&'a [u8]>>,
) -> impl Parser<&'a [u8], Output = O, Error = nom::error::Error<&'a [u8]>> {
    preceded(blank, parser)
}

/// The bytes that end a package name; a table, because relations are megabytes of names.
const NAME_END: [bool; 256] = {
    let mut table = [false; 256];
    let ends = b" \t\n\x0c\r()[]<>,|:";
    let mut place = 0;
    while place < ends.len() {
        table[ends[place] as usize] = true;
        place += 1;
    }
    table
};

/// One alternative. The input starts at the name.
pub(crate) fn relation(input: &[u8]) -> IResult<&[u8], Relation<'_>> {
    let name_end = |byte: u8| NAME_END[usize::from(byte)];
    let (rest, name) = take_till1(name_end)(input)?;
    let (rest, qualifier) = opt(preceded(char(':'), take_till1(name_end))).parse(rest)?;
    let (rest, constraint) = opt(token(constraint)).parse(rest)?;
    let (rest, architectures) =
        opt(token(delimited(char('['), take_till(|byte| byte == b']'), char(']')))).parse(rest)?;
    // Not `many0`, which allocates before it has seen an element: profiles are rare.
    let mut profiles = Vec::new();
    let mut rest = rest;
    while let Ok((after, profile)) = token(profile).parse(rest) {
        profiles.push(profile);
        rest = after;
    }
    Ok((rest, Relation { name, qualifier, constraint, architectures, profiles }))
}

fn profile(input: &[u8]) -> IResult<&[u8], &[u8]> {
    delimited(char('<'), take_till1(|byte| byte == b'>'), char('>')).parse(input)
}

fn constraint(input: &[u8]) -> IResult<&[u8], (Operator, &[u8])> {
    let version = map(take_till1(|byte| byte == b')'), <[u8]>::trim_ascii);
    delimited(char('('), (token(operator), token(version)), char(')')).parse(input)
}

/// `<` and `>` mean `<=` and `>=`, and no operator means `=`, as in dpkg and apt.
fn operator(input: &[u8]) -> IResult<&[u8], Operator> {
    alt((
        value(Operator::EarlierOrEqual, tag("<=")),
        value(Operator::Earlier, tag("<<")),
        value(Operator::EarlierOrEqual, tag("<")),
        value(Operator::LaterOrEqual, tag(">=")),
        value(Operator::Later, tag(">>")),
        value(Operator::LaterOrEqual, tag(">")),
        value(Operator::Equal, tag("=")),
        value(Operator::Equal, tag("")),
    ))
    .parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_relation_is_read() {
        let groups =
            parse_relations(b"a:any (>> 1:2~x) [linux-any !i386] <!nocheck> <stage1 cross>|b , c")
                .unwrap();
        assert_eq!(groups.len(), 2);
        let first = &groups[0][0];
        assert_eq!(
            first.to_string(),
            "a:any (>> 1:2~x) [linux-any !i386] <!nocheck> <stage1 cross>"
        );
        assert_eq!(groups[0][1].name, b"b");
    }

    #[test]
    fn obsolete_operators_mean_what_dpkg_takes_them_for() {
        let groups = parse_relations(b"a (< 1), b (> 1), c (1)").unwrap();
        let operators: Vec<_> = groups.iter().map(|group| group[0].constraint.unwrap().0).collect();
        assert_eq!(operators, [Operator::EarlierOrEqual, Operator::LaterOrEqual, Operator::Equal]);
    }

    #[test]
    fn restrictions_follow_architecture_and_profiles() {
        let applies = |text: &str, profiles: &[&str]| {
            parse_relations(text.as_bytes()).unwrap()[0][0].applies_to("amd64", profiles)
        };
        assert!(applies("a [amd64]", &[]));
        assert!(applies("a [any-amd64]", &[]));
        assert!(applies("a [linux-any]", &[]));
        assert!(!applies("a [!amd64]", &[]));
        assert!(applies("a [!i386]", &[]));
        assert!(!applies("a [hurd-any]", &[]));
        assert!(!applies("a <nocheck>", &[]));
        assert!(applies("a <!nocheck>", &[]));
        assert!(!applies("a <!nocheck>", &["nocheck"]));
        assert!(applies("a <!nocheck> <cross>", &["nocheck", "cross"]));
    }

    #[test]
    fn malformed_relations_say_where() {
        for (text, offset) in [("a, b (", 5), ("a (>= 1", 2), ("a b", 2), ("| a", 0), ("a |", 3)] {
            assert_eq!(parse_relations(text.as_bytes()).unwrap_err().offset, offset, "{text}");
        }
    }
}

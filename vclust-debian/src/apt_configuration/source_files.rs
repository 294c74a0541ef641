//! The two formats of sources.list(5): one entry a line, and stanzas (deb822).

use std::path::Path;

use vclust_core::{Stanza, Stanzas};

use super::AptConfigurationError;
use super::source::{self, AptSource, Draft, Location, OptionOperator};

/// Parses a `*.list` file; `architecture` stands in for `$(ARCH)`.
pub fn parse_one_line_sources(
    path: &Path,
    text: &[u8],
    architecture: &str,
) -> Result<Vec<AptSource>, AptConfigurationError> {
    let mut sources = Vec::new();
    for (number, line) in String::from_utf8_lossy(text).lines().enumerate() {
        let location = Location { path: path.to_owned(), line: number + 1 };
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        sources.extend(one_line(line, location)?.finish(architecture)?);
    }
    Ok(sources)
}

fn one_line(line: &str, location: Location) -> Result<Draft, AptConfigurationError> {
    let invalid =
        |reason: String| AptConfigurationError::Source { location: location.clone(), reason };
    let (kind, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let Some(kind) = source::kind(kind) else {
        return Err(invalid(format!("`{kind}` is no type: `deb` or `deb-src` starts an entry")));
    };
    let mut rest = rest.trim_start();
    let mut options = Vec::new();
    if let Some(inner) = rest.strip_prefix('[') {
        let end = inner.find(']').ok_or_else(|| invalid("the options `[` do not end".into()))?;
        for option in inner[..end].split_ascii_whitespace() {
            options.push(split_option(option).ok_or_else(|| {
                invalid(format!("the option `{option}` is not written as `name=value`"))
            })?);
        }
        rest = inner[end + 1..].trim_start();
    }
    let mut words = words(rest).into_iter();
    let uri = words.next().ok_or_else(|| invalid("the entry has no URI".into()))?;
    let suite = words.next().ok_or_else(|| invalid("the entry has no suite".into()))?;
    Ok(Draft {
        kinds: vec![kind],
        uris: vec![uri],
        suites: vec![suite],
        components: words.collect(),
        options,
        location,
    })
}

/// Words; blanks within brackets belong to a word, as in `cdrom:[Debian 12]/`.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut depth = 0_usize;
    for character in text.chars() {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if character.is_whitespace() && depth == 0 {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
        } else if character != '"' {
            word.push(character);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn split_option(option: &str) -> Option<(String, OptionOperator, String)> {
    let (name, value) = option.split_once('=')?;
    let (name, operator) = match (name.strip_suffix('+'), name.strip_suffix('-')) {
        (Some(name), _) => (name, OptionOperator::Add),
        (_, Some(name)) => (name, OptionOperator::Remove),
        _ => (name, OptionOperator::Set),
    };
    (!name.is_empty()).then(|| (name.to_ascii_lowercase(), operator, value.to_owned()))
}

/// Parses a `*.sources` file; `architecture` stands in for `$(ARCH)`.
pub fn parse_deb822_sources(
    path: &Path,
    text: &[u8],
    architecture: &str,
) -> Result<Vec<AptSource>, AptConfigurationError> {
    let mut sources = Vec::new();
    let text = without_comments(text);
    for stanza in Stanzas::new(&text) {
        let location = Location { path: path.to_owned(), line: stanza.line() };
        if let Some(draft) = stanza_draft(stanza, location)? {
            sources.extend(draft.finish(architecture)?);
        }
    }
    Ok(sources)
}

/// The text with comment lines emptied of everything; they do not end a stanza or a field.
///
/// Each line keeps its number: where a comment stood, the line before it is followed by a
/// continuation line without content.
pub(super) fn without_comments(text: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(text.len());
    let mut within = false;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"#") {
            // within a stanza a comment must not look like the empty line that ends it
            output.extend_from_slice(if within { b"#\n" } else { b"\n" });
            continue;
        }
        within = !line.trim_ascii().is_empty();
        output.extend_from_slice(line);
    }
    join_over_comments(&output)
}

/// Moves a comment that stands among continuation lines behind them, so that the field goes on.
fn join_over_comments(text: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(text.len());
    let mut held = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line == b"#\n" {
            held += 1;
            continue;
        }
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            output.extend(std::iter::repeat_n(*b"#\n", held).flatten());
            held = 0;
        }
        output.extend_from_slice(line);
    }
    output.extend(std::iter::repeat_n(*b"#\n", held).flatten());
    output
}

fn stanza_draft(
    stanza: Stanza<'_>,
    location: Location,
) -> Result<Option<Draft>, AptConfigurationError> {
    let invalid = |location: &Location, reason: String| AptConfigurationError::Source {
        location: location.clone(),
        reason,
    };
    let mut draft = Draft {
        kinds: Vec::new(),
        uris: Vec::new(),
        suites: Vec::new(),
        components: Vec::new(),
        options: Vec::new(),
        location,
    };
    let mut any = false;
    for field in stanza.fields() {
        let field = field.map_err(|error| {
            let location = Location { path: draft.location.path.clone(), line: error.line };
            invalid(&location, format!("expected `Name: value`, found `{}`", error.text))
        })?;
        any = true;
        let text = field.text();
        let words = || text.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>();
        match field.name.to_ascii_lowercase().as_slice() {
            b"enabled" if source::boolean(&text) == Some(false) => return Ok(None),
            b"types" => {
                for word in text.split_ascii_whitespace() {
                    let kind = source::kind(word).ok_or_else(|| {
                        invalid(&draft.location, format!("`{word}` in `Types` is no type"))
                    })?;
                    draft.kinds.push(kind);
                }
            }
            b"uris" => draft.uris = words(),
            b"suites" => draft.suites = words(),
            b"components" => draft.components = words(),
            name => {
                let name = String::from_utf8_lossy(name).into_owned();
                let (name, operator) =
                    match (name.strip_suffix("-add"), name.strip_suffix("-remove")) {
                        (Some(name), _) => (name.to_owned(), OptionOperator::Add),
                        (_, Some(name)) => (name.to_owned(), OptionOperator::Remove),
                        _ => (name, OptionOperator::Set),
                    };
                draft.options.push((name, operator, text.into_owned()));
            }
        }
    }
    if !any {
        return Ok(None);
    }
    for (name, missing) in [
        ("Types", draft.kinds.is_empty()),
        ("URIs", draft.uris.is_empty()),
        ("Suites", draft.suites.is_empty()),
    ] {
        if missing {
            return Err(invalid(&draft.location, format!("the stanza has no `{name}`")));
        }
    }
    Ok(Some(draft))
}

#[cfg(test)]
mod tests {
    use super::super::source::{SignedBy, SourceKind};
    use super::*;
    use proptest::prelude::*;

    fn list(text: &str) -> Result<Vec<AptSource>, AptConfigurationError> {
        parse_one_line_sources(Path::new("a.list"), text.as_bytes(), "amd64")
    }

    fn stanzas(text: &str) -> Result<Vec<AptSource>, AptConfigurationError> {
        parse_deb822_sources(Path::new("a.sources"), text.as_bytes(), "amd64")
    }

    #[test]
    fn a_stanza_stands_for_only_so_many_entries() {
        let stanza = |count: usize| {
            let uris = "a: ".repeat(count);
            stanzas(&format!("Types: deb\nURIs: {uris}\nSuites: x y\nComponents: c\n"))
        };
        assert_eq!(stanza(128).unwrap().len(), 256);
        assert!(stanza(129).unwrap_err().to_string().contains("258 entries"));
    }

    #[test]
    fn a_line_gives_its_options() {
        let text = "# c\n\ndeb [ arch=amd64,i386 signed-by=/k.gpg trusted=yes arch+=all ] \
            http://h/d stable main contrib # x\ndeb-src file:/m ./$(ARCH)/\n";
        let sources = list(text).unwrap();
        assert_eq!(sources.len(), 2);
        assert_eq!(sources[0].uri, "http://h/d/");
        assert_eq!(sources[0].components, ["main", "contrib"]);
        assert_eq!(sources[0].architectures_on(&[]), ["amd64", "i386", "all"]);
        assert_eq!(sources[0].trusted, Some(true));
        let keys = SignedBy::Keys { files: vec!["/k.gpg".into()], fingerprints: vec![] };
        assert_eq!(sources[0].signed_by, keys);
        assert_eq!(sources[1].kind, SourceKind::Source);
        assert!(sources[1].is_flat());
        assert_eq!(sources[1].suite_uri(), "file:/m/./amd64/");
        assert_eq!(sources[1].location.to_string(), "a.list:4");
    }

    #[test]
    fn a_stanza_spreads_over_kinds_uris_and_suites() {
        let text = "# top\nTypes: deb deb-src\nURIs: http://a http://b\n# within\nSuites: s t\n\
            Components: main\nBy-Hash: no\n\nEnabled: no\nTypes: deb\n\n\n# alone\n";
        let sources = stanzas(text).unwrap();
        assert_eq!(sources.len(), 8);
        assert!(sources.iter().all(|source| source.by_hash == Some(false)));
        let first: Vec<_> = sources.iter().take(4).map(AptSource::suite_uri).collect();
        let expected =
            ["http://a/dists/s/", "http://a/dists/t/", "http://b/dists/s/", "http://b/dists/t/"];
        assert_eq!(first, expected);
    }

    #[test]
    fn comments_among_continuation_lines_do_not_end_a_field() {
        let text = "Types: deb\nURIs:\n http://a\n# no\n http://b\nSuites: s\nComponents: main\n";
        assert_eq!(stanzas(text).unwrap().len(), 2);
    }

    #[test]
    fn an_embedded_key_keeps_its_lines() {
        let text = "Types: deb\nURIs: http://a\nSuites: s\nComponents: main\nSigned-By:\n \
            -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n";
        let sources = stanzas(text).unwrap();
        let key =
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n";
        assert_eq!(sources[0].signed_by, SignedBy::Embedded(key.into()));
    }

    #[test]
    fn errors_name_file_and_line() {
        for (text, message) in [
            (
                "\nrpm http://a b c",
                "a.list:2: `rpm` is no type: `deb` or `deb-src` starts an entry",
            ),
            ("deb http://a", "a.list:1: the entry has no suite"),
            (
                "deb http://a stable",
                "a.list:1: the suite `stable` needs a component, such as `main`",
            ),
            ("deb [x] http://a s m", "a.list:1: the option `x` is not written as `name=value`"),
            ("deb [x=y http://a s m", "a.list:1: the options `[` do not end"),
            ("deb a s m", "a.list:1: `a` is no URI"),
            (
                "deb http://a s/ m",
                "a.list:1: a suite that ends in `/` is flat and has no components",
            ),
        ] {
            assert_eq!(list(text).unwrap_err().to_string(), message);
        }
        let error = stanzas("\n\nTypes: deb\nURIs: http://a\n").unwrap_err();
        assert_eq!(error.to_string(), "a.sources:3: the stanza has no `Suites`");
        let error = stanzas("Types: deb\nnonsense\n").unwrap_err();
        assert_eq!(error.to_string(), "a.sources:2: expected `Name: value`, found `nonsense`");
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "(deb |\\[|\\]|Types: |URIs: |[ \\n#a=:/]|\\PC){0,40}") {
            let _ = list(&text);
            let _ = stanzas(&text);
        }
    }
}

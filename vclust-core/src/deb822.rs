//! The control-file syntax that every Debian index is written in: stanzas of `Name: value` fields,
//! separated by empty lines (deb822(5)).
//!
//! The readers here borrow from the input and never copy: a stanza is a slice of the file, a field
//! two slices of the stanza. What is wrong with a line is reported with its number, and the caller
//! decides whether to go on.

use memchr::memchr;
use nom::IResult;
use nom::Parser;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::char;
use nom::combinator::recognize;
use nom::multi::many0_count;
use nom::sequence::{preceded, terminated};
use thiserror::Error;

/// A line that is not part of any field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: expected `Name: value` or a continuation line, found `{text}`")]
#[non_exhaustive]
pub struct SyntaxError {
    /// Line number in the input, from 1.
    pub line: usize,
    /// The start of the offending line, at most 60 characters.
    pub text: String,
}

/// One field of a stanza, borrowed from the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Field name as written; names compare without regard to ASCII case.
    pub name: &'a [u8],
    /// Value without the blanks around it; continuation lines keep their line breaks.
    pub value: &'a [u8],
}

impl<'a> Field<'a> {
    /// Whether this field is called `name`, without regard to ASCII case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value as text; bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'a, str> {
        String::from_utf8_lossy(self.value)
    }

    /// The value's lines, each without the blanks around it, empty ones left out.
    pub fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.value
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii)
            .filter(|line| !line.is_empty())
    }
}

/// One stanza, borrowed from the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stanza<'a> {
    bytes: &'a [u8],
    offset: usize,
    line: usize,
}

impl<'a> Stanza<'a> {
    /// A stanza that was cut out of its file earlier, such as one an index remembers.
    #[must_use]
    pub fn from_bytes(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0, line: 1 }
    }

    /// The stanza's text, without the empty line that ends it.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Where the stanza starts, in bytes from the start of the input.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The number, from 1, of the stanza's first line in the input.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The stanza's fields in order; a malformed line is an error and the next call goes on after it.
    pub fn fields(&self) -> impl Iterator<Item = Result<Field<'a>, SyntaxError>> + use<'a> {
        let mut rest = self.bytes;
        let mut line = self.line;
        std::iter::from_fn(move || {
            loop {
                if rest.is_empty() {
                    return None;
                }
                let start_line = line;
                let start = rest;
                if let Ok((after, name)) = field_name(rest) {
                    let (value, after, lines) = field_value(after);
                    rest = after;
                    line += lines;
                    return Some(Ok(Field { name, value }));
                }
                let (bad, after) = cut_line(rest);
                rest = after;
                line += 1;
                if start.starts_with(b"#") || bad.trim_ascii().is_empty() {
                    continue;
                }
                let text: String = String::from_utf8_lossy(bad).chars().take(60).collect();
                return Some(Err(SyntaxError { line: start_line, text }));
            }
        })
    }

    /// The first field called `name`, if the stanza has one; malformed lines are passed over.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Field<'a>> {
        self.fields().filter_map(Result::ok).find(|field| field.is(name))
    }

    /// The value of the first field called `name`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'a [u8]> {
        self.field(name).map(|field| field.value)
    }
}

/// Iterator over the stanzas of a control file.
///
/// ```
/// use vclust_core::Stanzas;
/// let file = b"Package: a\nVersion: 1\n\nPackage: b\n";
/// let names: Vec<_> = Stanzas::new(file).filter_map(|s| s.value("package")).collect();
/// assert_eq!(names, [b"a", b"b"]);
/// ```
#[derive(Debug, Clone)]
pub struct Stanzas<'a> {
    input: &'a [u8],
    position: usize,
    line: usize,
}

impl<'a> Stanzas<'a> {
    /// Iterates over the stanzas of `input`.
    #[must_use]
    pub fn new(input: &'a [u8]) -> Self {
        Self { input, position: 0, line: 1 }
    }
}

impl<'a> Iterator for Stanzas<'a> {
    type Item = Stanza<'a>;

    fn next(&mut self) -> Option<Stanza<'a>> {
        let mut start = None;
        while self.position < self.input.len() {
            let (line, rest) = cut_line(&self.input[self.position..]);
            let line_start = self.position;
            let line_number = self.line;
            self.position = self.input.len() - rest.len();
            self.line += 1;
            let blank = line.trim_ascii().is_empty();
            match (start, blank) {
                (None, false) => start = Some((line_start, line_number)),
                (Some((offset, first_line)), true) => {
                    let bytes = &self.input[offset..line_start];
                    return Some(Stanza { bytes, offset, line: first_line });
                }
                _ => {}
            }
        }
        start.map(|(offset, line)| Stanza { bytes: &self.input[offset..], offset, line })
    }
}

/// `Name:` at the start of a line; RFC 822 names are printable ASCII without colon.
fn field_name(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let name = take_while1(|byte: u8| byte.is_ascii_graphic() && byte != b':');
    if matches!(input.first(), Some(b'#' | b'-')) {
        return Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Char)));
    }
    terminated(name, char(':')).parse(input)
}

/// A field's value with its continuation lines: `(value, rest of the input, lines consumed)`.
fn field_value(input: &[u8]) -> (&[u8], &[u8], usize) {
    let (first, mut rest) = cut_line(input);
    let mut length = first.len();
    let mut lines = 1;
    while let Ok((after, _)) = continuation(rest) {
        let (line, next) = cut_line(after);
        length = input.len() - next.len() - (after.len() - line.len() - next.len());
        rest = next;
        lines += 1;
    }
    (input[..length].trim_ascii(), rest, lines)
}

/// The blank that marks a line as continuing the field above it.
fn continuation(input: &[u8]) -> IResult<&[u8], &[u8]> {
    recognize(
        (preceded(many0_count(tag("\r")), take_while1(|byte| byte == b' ' || byte == b'\t')),),
    )
    .parse(input)
}

/// Splits off the first line: `(line without its end, rest)`.
fn cut_line(input: &[u8]) -> (&[u8], &[u8]) {
    match memchr(b'\n', input) {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (input, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<(String, String)> {
        Stanza::from_bytes(text.as_bytes())
            .fields()
            .map(|field| {
                let field = field.unwrap();
                (String::from_utf8_lossy(field.name).into_owned(), field.text().into_owned())
            })
            .collect()
    }

    #[test]
    fn continuation_lines_stay_with_their_field() {
        assert_eq!(
            fields("A: 1\nB: x\n y\n z\nC:\n"),
            [("A", "1"), ("B", "x\n y\n z"), ("C", "")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn a_file_without_final_newline_keeps_its_last_stanza() {
        let stanzas: Vec<_> = Stanzas::new(b"\n\nA: 1\n\n \nB: 2").collect();
        assert_eq!(stanzas.len(), 2);
        assert_eq!(stanzas[1].value("b"), Some(&b"2"[..]));
        assert_eq!((stanzas[1].line(), stanzas[1].offset()), (6, 10));
    }

    #[test]
    fn a_malformed_line_is_named_by_number_and_passed_over() {
        let stanza = Stanzas::new(b"\nA: 1\nnonsense\nB: 2\n").next().unwrap();
        let errors: Vec<_> = stanza.fields().filter_map(Result::err).collect();
        assert_eq!(errors[0].line, 3);
        assert_eq!(stanza.value("B"), Some(&b"2"[..]));
    }
}

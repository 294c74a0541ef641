//! The armor of a clearsigned text (RFC 4880, section 7).

use std::borrow::Cow;

use thiserror::Error;

/// Start of a clearsigned message (RFC 4880, section 7).
pub(super) const SIGNED_MESSAGE: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const SIGNATURE_END: &[u8] = b"-----END PGP SIGNATURE-----";

/// What is wrong with the armor of a clearsigned text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: the signed text is damaged: {reason}")]
#[non_exhaustive]
pub struct ClearsignedError {
    /// Line number, from 1.
    pub line: usize,
    /// What was expected there.
    pub reason: &'static str,
}

/// The text of a clearsigned message without its armor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clearsigned<'a> {
    /// The signed text; each of its lines ends with a line break.
    pub text: Cow<'a, [u8]>,
    /// The line of the armored file, from 1, that the text starts on.
    pub first_line: usize,
}

/// Takes the armor off a clearsigned text, and the dashes that escape lines in it.
///
/// Strict where laxness has been abused: nothing may stand before the armor or after it, there is
/// one message, and every line of the text that starts with a dash must be escaped. The signature is
/// not verified.
pub fn clearsigned_payload(message: &[u8]) -> Result<Clearsigned<'_>, ClearsignedError> {
    let mut lines = Lines { rest: message, number: 0 };
    let fail = |line: usize, reason| Err(ClearsignedError { line: line.max(1), reason });
    match lines.next() {
        Some(line) if line.trim_ascii_end() == SIGNED_MESSAGE => {}
        _ => {
            return fail(1, "it does not start with `-----BEGIN PGP SIGNED MESSAGE-----`");
        }
    }
    loop {
        match lines.next() {
            Some(line) if line.trim_ascii().is_empty() => break,
            Some(line) if line.starts_with(b"Hash:") => {}
            _ => {
                return fail(lines.number, "expected a `Hash:` line or the empty line after it");
            }
        }
    }
    let first_line = lines.number + 1;
    let body = lines.rest;
    let mut escaped = false;
    let end = loop {
        let here = body.len() - lines.rest.len();
        match lines.next() {
            None => return fail(lines.number, "the text ends before its signature"),
            Some(line) if line.trim_ascii_end() == SIGNATURE => break here,
            Some(line) if line.starts_with(b"- ") => escaped = true,
            Some(line) if line.starts_with(b"-") => {
                return fail(lines.number, "a line starts with a dash that is not escaped");
            }
            Some(_) => {}
        }
    };
    loop {
        match lines.next() {
            None => return fail(lines.number, "the signature does not end"),
            Some(line) if line.trim_ascii_end() == SIGNATURE_END => break,
            Some(line) if line.starts_with(b"-") => {
                return fail(lines.number, "something else starts within the signature");
            }
            Some(_) => {}
        }
    }
    if !lines.rest.trim_ascii().is_empty() {
        return fail(lines.number + 1, "something follows the signature");
    }
    let body = &body[..end];
    let text = if escaped { Cow::Owned(unescape(body)) } else { Cow::Borrowed(body) };
    Ok(Clearsigned { text, first_line })
}

fn unescape(body: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        text.extend_from_slice(line.strip_prefix(b"- ").unwrap_or(line));
    }
    text
}

/// Lines with their numbers, and what is left after them.
struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        let end = memchr::memchr(b'\n', self.rest);
        let (line, rest) = match end {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None => (self.rest, &[][..]),
        };
        self.rest = rest;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_armor_comes_off_with_its_dashes() {
        let signed = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nSuite: a\n- -dash: b\n\
            -----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n";
        let payload = clearsigned_payload(signed).unwrap();
        assert_eq!(payload.text.as_ref(), b"Suite: a\n-dash: b\n");
        assert_eq!(payload.first_line, 4);
    }

    #[test]
    fn armor_that_hides_something_is_refused() {
        let head = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n";
        let tail = "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n";
        let cases = [
            (format!("x\n{head}A: 1\n{tail}"), 1),
            (format!("{head}A: 1\n{tail}B: 2\n"), 9),
            (format!("{head}A: 1\n"), 4),
            (format!("{head}-A: 1\n{tail}"), 4),
            (format!("-----BEGIN PGP SIGNED MESSAGE-----\nOrigin: x\n\nA: 1\n{tail}"), 2),
            (format!("{head}A: 1\n-----BEGIN PGP SIGNATURE-----\nabc\n"), 6),
        ];
        for (text, line) in cases {
            assert_eq!(clearsigned_payload(text.as_bytes()).unwrap_err().line, line, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_in_armor_comes_back(lines in proptest::collection::vec("-{0,3}[a-z ]{0,9}[a-z]", 0..9)) {
            let mut armored = String::from("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n");
            let mut plain = String::new();
            for line in &lines {
                let escape = if line.starts_with('-') { "- " } else { "" };
                armored.extend([escape, line, "\n"]);
                plain.extend([line, "\n"]);
            }
            armored.push_str("-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n");
            let payload = clearsigned_payload(armored.as_bytes()).unwrap();
            prop_assert_eq!(payload.text.as_ref(), plain.as_bytes());
        }
    }
}

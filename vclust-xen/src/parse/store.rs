//! `xenstore-ls -f`: the store, one path a line.

use super::Unreadable;

/// A path of the store and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreEntry {
    /// The path, from the root of the store on.
    pub path: String,
    /// The value.
    pub value: Vec<u8>,
}

/// Reads `xenstore-ls -f`.
pub fn store_entries(text: &str) -> Result<Vec<StoreEntry>, Unreadable> {
    let mut entries = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let entry = || {
            let (path, value) = line.split_once(" = \"")?;
            let value = value.strip_suffix('"')?;
            path.starts_with('/').then(|| StoreEntry { path: path.to_owned(), value: plain(value) })
        };
        entries.push(entry().ok_or_else(|| Unreadable::line(number, "entry of the store", line))?);
    }
    Ok(entries)
}

/// A value without the escapes that the program puts in the place of bytes that are no letters.
fn plain(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes().peekable();
    let mut value = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b't') => value.push(b'\t'),
            Some(b'n') => value.push(b'\n'),
            Some(b'r') => value.push(b'\r'),
            Some(b'x') => value.push(number(&mut bytes, 0, 16, 2)),
            Some(digit @ b'0'..=b'7') => value.push(number(&mut bytes, digit - b'0', 8, 2)),
            Some(other) => value.push(other),
            None => value.push(byte),
        }
    }
    value
}

/// A byte that is written as at most so many further digits.
fn number(
    bytes: &mut std::iter::Peekable<std::str::Bytes<'_>>,
    first: u8,
    base: u32,
    most: usize,
) -> u8 {
    let mut number = u32::from(first);
    for _ in 0..most {
        let digit = bytes.peek().and_then(|byte| char::from(*byte).to_digit(base));
        let Some(digit) = digit else { break };
        number = number * base + digit;
        bytes.next();
    }
    // three octal digits may say more than a byte holds
    (number & 0xff) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        let entries =
            store_entries("/a = \"x \\\" = \\\\ \\n\\x0f\\001\\7z\"\n/b = \"\"\n").unwrap();
        assert_eq!(entries[0].value, b"x \" = \\ \n\x0f\x01\x07z");
        assert_eq!((entries[1].path.as_str(), entries[1].value.as_slice()), ("/b", &b""[..]));
        assert!(store_entries("a = \"b\"").is_err() && store_entries("/a = b").is_err());
    }
}

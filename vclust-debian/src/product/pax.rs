//! The records of pax headers, written and read.
//!
//! A value may hold any bytes: only its record's length says where it ends.

use std::io::{self, Read};

use super::xattr::Xattr;

/// How pax names an extended attribute.
pub(super) const XATTR: &[u8] = b"SCHILY.xattr.";

/// More bytes than the extensions of one entry can have: attributes are limited to 64 KiB by Linux.
const MOST: u64 = 1 << 20;

/// A record of a pax header: its own length in digits, a blank, `key=value`, a line feed.
pub(super) fn record(pax: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    loop {
        let with_digits = rest + length.to_string().len();
        if with_digits == length {
            break;
        }
        length = with_digits;
    }
    pax.extend_from_slice(format!("{length} ").as_bytes());
    pax.extend_from_slice(key);
    pax.push(b'=');
    pax.extend_from_slice(value);
    pax.push(b'\n');
}

/// What a pax header says of the entry that follows it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link_path: Option<Vec<u8>>,
    pub(super) xattrs: Vec<Xattr>,
}

impl Extensions {
    /// Reads all records.
    pub(super) fn read(pax: &mut dyn Read) -> io::Result<Self> {
        let mut records = Vec::new();
        pax.take(MOST).read_to_end(&mut records)?;
        let mut extensions = Self::default();
        let mut rest = &records[..];
        while !rest.is_empty() {
            let (key, value, after) = split(rest).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, "a damaged pax header")
            })?;
            rest = after;
            match key {
                b"path" => extensions.path = Some(value.to_vec()),
                b"linkpath" => extensions.link_path = Some(value.to_vec()),
                _ => {
                    if let Some(name) = key.strip_prefix(XATTR) {
                        extensions.xattrs.push((name.to_vec(), value.to_vec()));
                    }
                }
            }
        }
        Ok(extensions)
    }
}

/// The first record's key and value, and what follows it.
fn split(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = records.iter().take(8).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&records[..blank]).ok()?.parse().ok()?;
    let record = records.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &records[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_length() {
        for size in [0, 1, 80, 90, 91, 92, 93, 94, 95, 980, 990, 991, 992, 993, 10_000] {
            let mut pax = Vec::new();
            let value = vec![b'\n'; size];
            record(&mut pax, b"path", &value);
            record(&mut pax, b"SCHILY.xattr.user.a", b"=\0 12\n");
            let read = Extensions::read(&mut &pax[..]).expect("records");
            assert_eq!(read.path, Some(value), "{size}");
            assert_eq!(read.xattrs, [(b"user.a".to_vec(), b"=\0 12\n".to_vec())]);
        }
    }

    #[test]
    fn damaged_records_are_refused() {
        for text in ["12", "x path=a\n", "99 path=a\n", "9 path a\n", "0 \n", "3 a\n"] {
            assert!(Extensions::read(&mut text.as_bytes()).is_err(), "{text:?}");
        }
    }
}

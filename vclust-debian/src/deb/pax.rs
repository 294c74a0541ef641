//! Extended headers of tar archives (POSIX.1-2001, pax): `LENGTH KEY=VALUE\n` records that replace
//! or extend the header that follows. dpkg-deb does not write them and dpkg does not read them; GNU
//! tar, and so `dpkg-deb --extract`, does.

/// What extended headers say; `None` where they say nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Extended {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) user: Option<u64>,
    pub(super) group: Option<u64>,
    pub(super) user_name: Option<Vec<u8>>,
    pub(super) group_name: Option<Vec<u8>>,
    pub(super) modified: Option<i64>,
    pub(super) attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Extended {
    /// Adds the records of an extended header; of two records with one key, the later counts.
    pub(super) fn add(&mut self, mut records: &[u8]) -> Result<(), &'static str> {
        while !records.is_empty() {
            let blank = records.iter().position(|byte| *byte == b' ').ok_or(MALFORMED)?;
            let length: usize = decimal(&records[..blank])
                .and_then(|length| usize::try_from(length).ok())
                .ok_or(MALFORMED)?;
            // at least the blank, an equals sign and the newline
            if length > records.len() || length < blank + 3 || records[length - 1] != b'\n' {
                return Err(MALFORMED);
            }
            let record = &records[blank + 1..length - 1];
            records = &records[length..];
            let equals = record.iter().position(|byte| *byte == b'=').ok_or(MALFORMED)?;
            self.record(&record[..equals], &record[equals + 1..])?;
        }
        Ok(())
    }

    fn record(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let bytes = || Some(value.to_vec());
        let number = || decimal(value).map(Some).ok_or(MALFORMED);
        match key {
            b"path" => self.path = bytes(),
            b"linkpath" => self.link = bytes(),
            b"uname" => self.user_name = bytes(),
            b"gname" => self.group_name = bytes(),
            b"size" => self.size = number()?,
            b"uid" => self.user = number()?,
            b"gid" => self.group = number()?,
            b"mtime" => self.modified = Some(seconds(value).ok_or(MALFORMED)?),
            _ if key.starts_with(b"GNU.sparse.") => {
                return Err("a sparse file, which no package may hold");
            }
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.attributes.retain(|(other, _)| other != name);
                    if self.attributes.len() == ATTRIBUTES {
                        return Err("a file with more extended attributes than are allowed");
                    }
                    self.attributes.push((name.to_vec(), value.to_vec()));
                }
            }
        }
        Ok(())
    }
}

/// Extended attributes of one file, at most. Packages have none, or one (`security.capability`).
const ATTRIBUTES: usize = 64;

const MALFORMED: &str = "a malformed extended header";

fn decimal(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Whole seconds of a time with an optional sign and fraction, towards the past.
fn seconds(value: &[u8]) -> Option<i64> {
    let (sign, digits) = match value.strip_prefix(b"-") {
        Some(digits) => (-1, digits),
        None => (1, value),
    };
    let mut parts = digits.splitn(2, |byte| *byte == b'.');
    let whole = i64::try_from(decimal(parts.next()?)?).ok()?;
    let fraction = parts.next().unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let below = sign < 0 && fraction.iter().any(|digit| *digit != b'0');
    Some(sign * whole - i64::from(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_replace_and_extend() {
        let mut extended = Extended::default();
        extended.add(b"9 path=a\n12 path=b\nc\n24 mtime=1600000000.999\n").unwrap();
        assert_eq!(extended.path.as_deref(), Some(&b"b\nc"[..]));
        assert_eq!(extended.modified, Some(1_600_000_000));
        extended.add(b"27 SCHILY.xattr.user.a=b=c\n").unwrap();
        assert_eq!(extended.attributes, [(b"user.a".to_vec(), b"b=c".to_vec())]);
    }

    #[test]
    fn malformed_records_are_refused() {
        for records in [
            &b"path=a\n"[..],
            b"99 path=a\n",
            b"9 path=ab",
            b"3 \n",
            b"8 pathab\n",
            b"18446744073709551616 path=a\n",
            b"9 size=x\n",
            b"0 a=b\n",
            b"19 GNU.sparse.x=ab\n",
        ] {
            assert!(Extended::default().add(records).is_err(), "{records:?}");
        }
    }

    #[test]
    fn times_are_whole_seconds() {
        assert_eq!(seconds(b"-0.5"), Some(-1));
        assert_eq!(seconds(b"-2.0"), Some(-2));
        assert_eq!(seconds(b"7"), Some(7));
        assert_eq!(seconds(b"1.x"), None);
        assert_eq!(seconds(b""), None);
    }
}

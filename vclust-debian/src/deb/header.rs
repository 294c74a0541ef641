//! The 512 bytes before each entry of a tar archive, in the variants that are in use: that of 1988
//! (POSIX.1, "ustar"), GNU's, and the one before both.

/// Bytes of a header, and what contents are padded to.
pub(super) const BLOCK: usize = 512;

/// A header's fields.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: u8,
    pub(super) mode: u32,
    pub(super) user: u64,
    pub(super) group: u64,
    pub(super) user_name: Vec<u8>,
    pub(super) group_name: Vec<u8>,
    pub(super) size: u64,
    pub(super) modified: i64,
    pub(super) major: u32,
    pub(super) minor: u32,
}

impl Header {
    /// Reads a header; what is wrong with it is named. Blocks of zeros are no headers.
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Self, &'static str> {
        let sum: u64 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) })
            .sum();
        if octal(&block[148..156]) != Some(sum) {
            return Err("a header with a wrong checksum");
        }
        let is_ustar = block[257..263] == *b"ustar\0";
        let named = is_ustar || block[257..263] == *b"ustar ";
        let mut name = text(&block[..100]);
        let prefix = text(&block[345..500]);
        if is_ustar && !prefix.is_empty() {
            name = [&prefix[..], b"/", &name[..]].concat();
        }
        let kind = match block[156] {
            0 => b'0',
            kind => kind,
        };
        let device = |field: &[u8]| -> Result<u32, &'static str> {
            if !named || !matches!(kind, b'3' | b'4') {
                return Ok(0);
            }
            number(field)
                .and_then(|number| u32::try_from(number).ok())
                .ok_or("a header with a wrong device number")
        };
        let modified = number(&block[136..148]).ok_or("a header with a wrong time")?;
        let unsigned = |range: std::ops::Range<usize>, problem| {
            number(&block[range]).and_then(|number| u64::try_from(number).ok()).ok_or(problem)
        };
        let mode = unsigned(100..108, "a header with a wrong mode")?;
        Ok(Self {
            name,
            link: text(&block[157..257]),
            kind,
            mode: u32::try_from(mode & 0o7777).unwrap_or(0),
            user: unsigned(108..116, "a header with a wrong user id")?,
            group: unsigned(116..124, "a header with a wrong group id")?,
            user_name: if named { text(&block[265..297]) } else { Vec::new() },
            group_name: if named { text(&block[297..329]) } else { Vec::new() },
            size: unsigned(124..136, "a header with a wrong size")?,
            modified,
            major: device(&block[329..337])?,
            minor: device(&block[337..345])?,
        })
    }
}

/// A text field: up to its first zero byte.
fn text(field: &[u8]) -> Vec<u8> {
    field.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}

/// A number field: octal digits, or, if its first bit is set, a big-endian number in two's
/// complement (GNU tar's extension for what does not fit).
fn number(field: &[u8]) -> Option<i64> {
    let first = *field.first()?;
    if first != 0x80 && first != 0xff {
        return octal(field).and_then(|number| i64::try_from(number).ok());
    }
    let negative = first == 0xff;
    let start = if negative { -1_i64 } else { 0 };
    field[1..].iter().try_fold(start, |value, byte| {
        value.checked_mul(256).and_then(|value| value.checked_add(i64::from(*byte)))
    })
}

/// Octal digits with blanks before and blanks or zero bytes after them.
fn octal(field: &[u8]) -> Option<u64> {
    let start = field.iter().position(|byte| *byte != b' ')?;
    let digits = field[start..].iter().take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    let end = start + digits;
    if !field[end..].iter().all(|byte| matches!(byte, b' ' | 0)) {
        return None;
    }
    // twelve octal digits, the longest field, are 36 bits
    Some(field[start..end].iter().fold(0, |value, digit| value << 3 | u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::{number, octal};

    #[test]
    fn numbers_are_octal_or_binary() {
        assert_eq!(octal(b"0000644\0"), Some(0o644));
        assert_eq!(octal(b"  644 \0\0"), Some(0o644));
        assert_eq!(octal(b"\0\0\0\0\0\0\0\0"), Some(0));
        assert_eq!(octal(b"        "), None);
        assert_eq!(octal(b"0000648\0"), None);
        assert_eq!(octal(b"644 1\0\0\0"), None);
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]), Some(1 << 32));
        assert_eq!(number(&[0xff; 12]), Some(-1));
        let too_large = [0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(number(&too_large), None);
    }
}

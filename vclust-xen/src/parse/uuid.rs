//! UUIDs, by which domains stay the same when they get another number.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where hyphens stand in a UUID's text.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// The UUID of a domain (RFC 9562).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// The UUID of random bytes (version 4).
    #[must_use]
    pub fn of_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// Whether all its bits are 0, as those of the control domain are.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        self.0 == [0; 16]
    }
}

impl FromStr for Uuid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("`{}` is no UUID", text.chars().take(60).collect::<String>());
        if text.len() != 36 || !text.is_ascii() {
            return Err(error());
        }
        let mut digits = Vec::with_capacity(32);
        for (place, letter) in text.chars().enumerate() {
            match (HYPHENS.contains(&place), letter) {
                (true, '-') => {}
                (false, digit) => digits.push(digit.to_digit(16).ok_or_else(error)? as u8),
                (true, _) => return Err(error()),
            }
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            let hyphen = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(formatter, "{hyphen}{byte:02x}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Uuid {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Uuid> for String {
    fn from(uuid: Uuid) -> Self {
        uuid.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let uuid = Uuid::of_random([0xab; 16]);
        assert_eq!(uuid.to_string(), "abababab-abab-4bab-abab-abababababab");
        assert_eq!(uuid.to_string().parse(), Ok(uuid));
        for text in
            ["", "abababab-abab-4bab-abab-ababababab", "abababababab-4bab-abab-abababababab-"]
        {
            assert!(text.parse::<Uuid>().is_err(), "{text}");
        }
        assert!("00000000-0000-0000-0000-000000000000".parse::<Uuid>().unwrap().is_nil());
    }
}

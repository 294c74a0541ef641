//! Sizes with their units, as specs and command lines write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A number of bytes: `320MiB`, `1.6GB`, `4096`. Units are powers of ten (`kB`, `MB`, `GB`, `TB`) or of
/// two (`KiB`, `MiB`, `GiB`, `TiB`), in any case, with or without a blank before them.
///
/// ```
/// use vclust_core::ByteSize;
/// let memory: ByteSize = "320MiB".parse()?;
/// assert_eq!(memory.bytes(), 335_544_320);
/// assert_eq!("1.6GB".parse::<ByteSize>()?.to_string(), "1.6GB");
/// # Ok::<(), vclust_core::ByteSizeError>(())
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(u64);

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is no size; write a number with a unit, such as 320MiB or 1.6GB")]
pub struct ByteSizeError {
    text: String,
}

const UNITS: [(&str, u64); 14] = [
    ("tib", 1 << 40),
    ("gib", 1 << 30),
    ("mib", 1 << 20),
    ("kib", 1 << 10),
    ("tb", 1_000_000_000_000),
    ("gb", 1_000_000_000),
    ("mb", 1_000_000),
    ("kb", 1_000),
    ("t", 1 << 40),
    ("g", 1 << 30),
    ("m", 1 << 20),
    ("k", 1 << 10),
    ("b", 1),
    ("", 1),
];

impl ByteSize {
    /// A size of so many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ByteSizeError { text: text.chars().take(40).collect() };
        let lower = text.trim().to_ascii_lowercase();
        let digits = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
        let (number, unit) = lower.split_at(digits);
        let unit = unit.trim();
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(error)?;
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(*factor).map(Self).ok_or_else(error);
        }
        let parts: f64 = number.parse().map_err(|_| error())?;
        let bytes = (parts * *factor as f64).round();
        if !(0.0..1.8e19).contains(&bytes) {
            return Err(error());
        }
        #[expect(clippy::cast_sign_loss, reason = "just checked")]
        Ok(Self(bytes as u64))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = |factor: u64| self.0 >= factor && (self.0 * 10) % factor == 0;
        // Sizes of this order are far below where ten times them would overflow.
        if self.0 < u64::MAX / 16 {
            let large = UNITS[..8].iter().filter(|(_, factor)| exact(*factor));
            if let Some((name, factor)) = large.max_by_key(|(_, factor)| *factor) {
                let name: String = match name.len() {
                    3 => format!("{}iB", name[..1].to_ascii_uppercase()),
                    _ if *name == "kb" => "kB".to_owned(),
                    _ => name.to_ascii_uppercase(),
                };
                let tenths = self.0 * 10 / factor;
                return if tenths % 10 == 0 {
                    write!(out, "{}{name}", tenths / 10)
                } else {
                    write!(out, "{}.{}{name}", tenths / 10, tenths % 10)
                };
            }
        }
        write!(out, "{}B", self.0)
    }
}

impl TryFrom<String> for ByteSize {
    type Error = ByteSizeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> Self {
        size.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_survive_being_written_and_read() {
        for (text, bytes, written) in [
            ("320MiB", 335_544_320, "320MiB"),
            ("1.6 GB", 1_600_000_000, "1.6GB"),
            ("2g", 2_147_483_648, "2GiB"),
            ("4096", 4096, "4KiB"),
            ("1001b", 1001, "1001B"),
            ("0", 0, "0B"),
            ("18446744073709551615", u64::MAX, "18446744073709551615B"),
        ] {
            let size: ByteSize = text.parse().expect(text);
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, written), "{text}");
            assert_eq!(written.parse(), Ok(size));
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "MB", "-1MB", "1.2.3MB", "5 apples", "nan", "99999999999TiB", "1e99"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}

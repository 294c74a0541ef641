//! Moments as RFC 3339 writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A moment, to the microsecond, in the form of RFC 3339: `2026-11-23T02:30:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp {
    microseconds: i64,
}

/// A text that is no moment of RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is no RFC 3339 time such as 2026-11-23T02:30:00Z")]
pub struct TimestampError {
    text: String,
}

impl Timestamp {
    /// The moment so many microseconds after the start of 1970, if RFC 3339 can write it: years 0
    /// to 9999.
    #[must_use]
    pub fn from_unix_microseconds(microseconds: i64) -> Option<Self> {
        let (year, _, _) = date_of(microseconds.div_euclid(MICROSECONDS_A_DAY));
        (0..=9999).contains(&year).then_some(Self { microseconds })
    }

    /// Microseconds since the start of 1970.
    #[must_use]
    pub fn unix_microseconds(self) -> i64 {
        self.microseconds
    }
}

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| TimestampError { text: text.chars().take(60).collect() })
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let number = |start: usize, length: usize| -> Option<i64> {
        let digits = bytes.get(start..start + length)?;
        digits.iter().all(u8::is_ascii_digit).then_some(())?;
        Some(digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    };
    let mark = |at: usize, allowed: &[u8]| bytes.get(at).filter(|byte| allowed.contains(byte));
    mark(4, b"-")?;
    mark(7, b"-")?;
    mark(10, b"Tt ")?;
    mark(13, b":")?;
    mark(16, b":")?;
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    // Second 60 is a leap second.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_of(year, month, day);
    if date_of(days) != (year, month, day) {
        return None;
    }
    let mut at = 19;
    let mut fraction = 0;
    if bytes.get(at) == Some(&b'.') {
        let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let kept = digits.min(6);
        fraction = number(at + 1, kept)? * 10_i64.pow(6 - kept as u32);
        at += 1 + digits;
    }
    let offset = match bytes.get(at)? {
        b'Z' | b'z' if bytes.len() == at + 1 => 0,
        sign @ (b'+' | b'-') if bytes.len() == at + 6 && bytes[at + 3] == b':' => {
            let (hours, minutes) = (number(at + 1, 2)?, number(at + 4, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'-' { -60 } else { 60 }
        }
        _ => return None,
    };
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    Timestamp::from_unix_microseconds(seconds * 1_000_000 + fraction)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant's `days_from_civil`).
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days_of`]: year, month and day.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days - era * 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.microseconds.div_euclid(MICROSECONDS_A_DAY));
        let rest = self.microseconds.rem_euclid(MICROSECONDS_A_DAY);
        let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if fraction != 0 {
            write!(out, ".{fraction:06}")?;
        }
        out.write_str("Z")
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(moment: Timestamp) -> Self {
        moment.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_survive_being_written_and_read() {
        for (text, written) in [
            ("2026-11-23T02:30:00Z", "2026-11-23T02:30:00Z"),
            ("2026-11-23T02:30:00.5+01:00", "2026-11-23T01:30:00.500000Z"),
            ("1970-01-01 00:00:00z", "1970-01-01T00:00:00Z"),
            ("2024-02-29T23:59:60-00:30", "2024-03-01T00:30:00Z"),
            ("0000-03-01T00:00:00.1234567Z", "0000-03-01T00:00:00.123456Z"),
        ] {
            let moment: Timestamp = text.parse().expect(text);
            assert_eq!(moment.to_string(), written);
            assert_eq!(written.parse(), Ok(moment));
        }
        let epoch: Timestamp = "2026-11-23T02:30:00Z".parse().expect("a moment");
        assert_eq!(epoch.unix_microseconds(), 1_795_401_000_000_000);
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T02:30:00",
            "2026-11-23T02:30:00.Z",
            "2026-11-23T02:30:00+0100",
            "2026-11-23T02:30:00Zé",
            "0000-01-01T00:00:00+23:59",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}

//! Dates as `Release` files write them, without a clock.

/// A date as Debian writes it (`Sat, 17 May 2025 07:42:15 UTC`), in seconds since 1970.
///
/// The day of the week may be missing and is not checked; the zone may be `UTC`, `GMT`, `Z` or an
/// offset like `+0200`.
#[must_use]
pub fn parse_date(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let text = match text.split_once(',') {
        Some((day, rest)) if day.bytes().all(|byte| byte.is_ascii_alphabetic()) => rest,
        Some(_) => return None,
        None => text,
    };
    let mut words = text.split_ascii_whitespace();
    let day: i64 = number(words.next()?)?;
    let month = words.next()?;
    let year: i64 = number(words.next()?)?;
    let mut clock = words.next()?.split(':');
    let (hour, minute) = (number(clock.next()?)?, number(clock.next()?)?);
    let second = clock.next().map_or(Some(0), number)?;
    let zone = words.next()?;
    if words.next().is_some() || clock.next().is_some() {
        return None;
    }
    let months =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let month = months.iter().position(|name| name.eq_ignore_ascii_case(month))?;
    let month = i64::try_from(month).ok()? + 1;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let valid = (1..=days_in_month).contains(&day)
        && (1900..=9999).contains(&year)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !valid {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(seconds - zone_seconds(zone)?)
}

/// A decimal number of at most four digits, without sign.
fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn zone_seconds(zone: &str) -> Option<i64> {
    if ["UTC", "GMT", "Z", "UT"].iter().any(|name| name.eq_ignore_ascii_case(zone)) {
        return Some(0);
    }
    let (sign, digits) = match zone.as_bytes().first()? {
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return None,
    };
    let value = if digits.len() == 4 {
        number(digits)?
    } else {
        return None;
    };
    Some(sign * (value / 100 * 3600 + value % 100 * 60))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_counted_from_1970() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 UTC", Some(0)),
            ("Sat, 17 May 2025 07:42:15 UTC", Some(1_747_467_735)),
            ("17 May 2025 09:42:15 +0200", Some(1_747_467_735)),
            ("Thu, 29 Feb 2024 23:59:59 GMT", Some(1_709_251_199)),
            ("Wed, 29 Feb 2023 00:00:00 UTC", None),
            ("Thu, 01 Jan 1970 24:00:00 UTC", None),
            ("Thu, 01 Jan 1970 00:00:00", None),
            ("2025-05-17T07:42:15Z", None),
        ] {
            assert_eq!(parse_date(text.as_bytes()), seconds, "{text}");
        }
    }
}

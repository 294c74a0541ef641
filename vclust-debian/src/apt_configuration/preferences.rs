//! The files of `apt_preferences(5)`, read into core's pins with apt's own strictness.

use std::path::Path;

use vclust_core::{
    PackagePattern, Pattern, PatternError, Pin, PinSelector, ReleasePattern, Stanza, Stanzas,
};

use super::AptConfigurationError;
use super::source::Location;
use super::source_files::without_comments;

/// Parses a preferences file: one pin for each word of each `Package` field.
///
/// A stanza that apt passes over with a warning (no `Pin`, or one of an unknown type) is passed over
/// here too; what apt refuses is an error.
pub fn parse_preferences(path: &Path, text: &[u8]) -> Result<Vec<Pin>, AptConfigurationError> {
    let mut pins = Vec::new();
    let text = without_comments(text);
    for stanza in Stanzas::new(&text) {
        let location = Location { path: path.to_owned(), line: stanza.line() };
        read_stanza(stanza, &location, &mut pins)?;
    }
    Ok(pins)
}

fn read_stanza(
    stanza: Stanza<'_>,
    location: &Location,
    pins: &mut Vec<Pin>,
) -> Result<(), AptConfigurationError> {
    let invalid =
        |reason: String| AptConfigurationError::Preference { location: location.clone(), reason };
    for field in stanza.fields() {
        field.map_err(|error| AptConfigurationError::Preference {
            location: Location { path: location.path.clone(), line: error.line },
            reason: format!("expected `Name: value`, found `{}`", error.text),
        })?;
    }
    if stanza.fields().next().is_none() {
        return Ok(());
    }
    let text = |name| stanza.field(name).map(|field| field.text().into_owned());
    let packages =
        text("Package").ok_or_else(|| invalid("the stanza has no `Package`".to_owned()))?;
    let Some(pin) = text("Pin") else {
        return Ok(());
    };
    let pattern = |error: PatternError| invalid(error.to_string());
    let (kind, data) = pin.split_once(char::is_whitespace).unwrap_or((&pin, ""));
    let everything = packages == "*";
    let Some(selector) = selector(kind, data.trim(), everything).map_err(pattern)? else {
        tracing::warn!("{location}: the pin `{pin}` is of no known type and has no effect");
        return Ok(());
    };
    let priority = text("Pin-Priority")
        .and_then(|value| value.parse::<i16>().ok())
        .filter(|priority| *priority != 0)
        .ok_or_else(|| {
            invalid("`Pin-Priority` must be a number between -32768 and 32767, and not 0".into())
        })?
        .into();
    if everything {
        pins.push(Pin { packages: PackagePattern::all(), selector, priority });
        return Ok(());
    }
    for word in packages.split_ascii_whitespace() {
        let packages = PackagePattern::parse(word).map_err(pattern)?;
        pins.push(Pin { packages, selector: selector.clone(), priority });
    }
    Ok(())
}

/// The selector of a `Pin` field; `None` for a type that apt does not know there.
fn selector(kind: &str, data: &str, everything: bool) -> Result<Option<PinSelector>, PatternError> {
    if kind.eq_ignore_ascii_case("version") && !everything {
        return Ok(Some(PinSelector::Version(Pattern::parse(data)?)));
    }
    if kind.eq_ignore_ascii_case("origin") {
        let host = data.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(data);
        return Ok(Some(PinSelector::Site(Pattern::parse(host)?)));
    }
    if !kind.eq_ignore_ascii_case("release") {
        return Ok(None);
    }
    if data == "*" {
        return Ok(Some(PinSelector::Everything));
    }
    let mut release = ReleasePattern::default();
    if !data.contains('=') {
        let pattern = Some(Pattern::parse(data)?);
        if data.starts_with(|first: char| first.is_ascii_digit()) {
            release.version = pattern;
        } else if !data.is_empty() {
            release.archive_or_codename = pattern;
        }
        return Ok(Some(PinSelector::Release(Box::new(release))));
    }
    for condition in data.split(',').map(str::trim) {
        let Some((name, value)) = condition.split_once('=') else {
            continue;
        };
        let slot = match name.to_ascii_lowercase().as_str() {
            "a" => &mut release.archive,
            "n" => &mut release.codename,
            "o" => &mut release.origin,
            "l" => &mut release.label,
            "c" => &mut release.component,
            "v" => &mut release.version,
            "b" => &mut release.architecture,
            _ => continue,
        };
        if !value.is_empty() {
            *slot = Some(Pattern::parse(value)?);
        }
    }
    Ok(Some(PinSelector::Release(Box::new(release))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use vclust_core::Suite;

    fn pins(text: &str) -> Result<Vec<Pin>, AptConfigurationError> {
        parse_preferences(Path::new("preferences"), text.as_bytes())
    }

    #[test]
    fn each_word_of_package_is_a_pin() {
        let text = "# first\nExplanation: why\nPackage: perl* src:gcc\nPin: version 5.3?.*\n\
            Pin-Priority: 1001\n\nPackage: *\nPin: release a=testing, o=Debian\nPin-Priority: -10\n";
        let pins = pins(text).unwrap();
        assert_eq!(pins.len(), 3);
        assert!(pins[1].packages.is_source());
        assert!(pins[2].packages.is_all());
        assert_eq!([pins[0].priority, pins[2].priority], [1001, -10]);
        assert!(pins[0].selector.matches("5.36.0-7", &Suite::default()));
        let suite = |archive: &str| Suite {
            archive: Some(archive.into()),
            origin: Some("Debian".into()),
            ..Suite::default()
        };
        assert!(pins[2].selector.matches("1", &suite("testing")));
        assert!(!pins[2].selector.matches("1", &suite("stable")));
    }

    #[test]
    fn origins_are_hosts_and_an_empty_one_is_this_machine() {
        let text = "Package: *\nPin: origin \"\"\nPin-Priority: 1\n\n\
            Package: *\nPin: origin \"h.example\"\nPin-Priority: 1\n";
        let pins = pins(text).unwrap();
        let remote = Suite { site: "h.example".into(), ..Suite::default() };
        assert!(pins[0].selector.matches("1", &Suite::default()));
        assert!(!pins[0].selector.matches("1", &remote));
        assert!(pins[1].selector.matches("1", &remote));
    }

    #[test]
    fn what_apt_refuses_is_refused_with_its_line() {
        for (text, message) in [
            ("\nPin: release *\n", "preferences:2: the stanza has no `Package`"),
            (
                "Package: a\nPin: release *\nPin-Priority: 0\n",
                "preferences:1: `Pin-Priority` must be a number between -32768 and 32767, and not 0",
            ),
            ("Package: a\nx\n", "preferences:2: expected `Name: value`, found `x`"),
        ] {
            assert_eq!(pins(text).unwrap_err().to_string(), message);
        }
        assert!(pins("Package: /(/\nPin: release *\nPin-Priority: 1\n").is_err());
    }

    #[test]
    fn what_apt_passes_over_is_passed_over() {
        assert_eq!(
            pins("Package: a\n\nPackage: *\nPin: version 1\nPin-Priority: 1\n").unwrap(),
            []
        );
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "(Package: |Pin: |release |Pin-Priority: |a=|[ \\n#*/0-9]|\\PC){0,30}") {
            let _ = pins(&text);
        }
    }
}

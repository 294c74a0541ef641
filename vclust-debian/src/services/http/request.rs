//! Requests, as far as nodes make them.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::Instant;

/// Longest request.
const LONGEST: usize = 8 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Head,
}

/// What part of a file is asked for, and what of it there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    From { first: u64, bytes: u64 },
    Nothing,
}

/// The part of a file that a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Whole,
    /// From a byte to another, both included, or to the end.
    From(u64, Option<u64>),
    /// So many bytes at the end.
    Last(u64),
}

/// A request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request<'a> {
    pub(super) method: Method,
    /// The target without its slash.
    pub(super) name: &'a str,
    pub(super) part: Asked,
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    NoRequest,
    OtherMethod,
}

impl Refusal {
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::NoRequest => "400 Bad Request",
            Self::OtherMethod => "405 Method Not Allowed",
        }
    }
}

/// Reads a request up to the empty line that ends it; `None` if it is too long.
pub(super) fn read(mut stream: &TcpStream, end: Instant) -> io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    let mut buffer = [0; 1024];
    while !text.windows(4).any(|window| window == b"\r\n\r\n") {
        if text.len() >= LONGEST {
            return Ok(None);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => text.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(Some(text))
}

impl<'a> Request<'a> {
    /// Reads the text of a request. Of its fields only the range matters; several ranges at once are
    /// answered with the whole, as RFC 9110 allows.
    pub(super) fn parse(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(text.as_ref()).map_err(|_| Refusal::NoRequest)?;
        let mut lines = text.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Refusal::NoRequest);
        };
        if !version.starts_with("HTTP/1.") {
            return Err(Refusal::NoRequest);
        }
        let method = match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            _ => return Err(Refusal::OtherMethod),
        };
        let name = target.strip_prefix('/').ok_or(Refusal::NoRequest)?;
        let fields = lines.filter_map(|line| line.split_once(':'));
        let mut ranges = fields.filter(|(name, _)| name.eq_ignore_ascii_case("range"));
        let part = ranges.next().map_or(Asked::Whole, |(_, value)| asked(value.trim()));
        Ok(Self { method, name, part })
    }
}

/// A range; what cannot be understood is as good as none.
fn asked(value: &str) -> Asked {
    let understood = || {
        let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
        let number = |digits: &str| -> Option<u64> {
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        match (first, last) {
            ("", last) => number(last).map(Asked::Last),
            (first, "") => number(first).map(|first| Asked::From(first, None)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Asked::From(first, Some(last)))
            }
        }
    };
    understood().unwrap_or(Asked::Whole)
}

impl Asked {
    /// What a file of so many bytes has of it.
    pub(super) fn of(self, length: u64) -> Part {
        match self {
            Self::Whole => Part::Whole,
            Self::From(first, _) if first >= length => Part::Nothing,
            Self::From(first, last) => {
                let last = last.unwrap_or(u64::MAX).min(length - 1);
                Part::From { first, bytes: last - first + 1 }
            }
            Self::Last(0) => Part::Nothing,
            Self::Last(_) if length == 0 => Part::Nothing,
            Self::Last(bytes) => {
                let bytes = bytes.min(length);
                Part::From { first: length - bytes, bytes }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests_are_read() {
        let text = b"GET /root.tar.zst HTTP/1.1\r\nHost: h\r\nrange: bytes=5-9\r\n\r\n";
        let part = Asked::From(5, Some(9));
        let expected = Request { method: Method::Get, name: "root.tar.zst", part };
        assert_eq!(Request::parse(text), Ok(expected));
        for broken in [&b""[..], b"GET /\r\n\r\n", b"GET a HTTP/1.1", b"GET / X HTTP/1.1", b"\xff"]
        {
            assert_eq!(Request::parse(broken), Err(Refusal::NoRequest));
        }
        assert_eq!(Request::parse(b"PUT /a HTTP/1.1"), Err(Refusal::OtherMethod));
    }

    proptest! {
        #[test]
        fn no_request_breaks_the_reader_and_no_part_is_beyond_the_file(
            text in proptest::collection::vec(any::<u8>(), 0..200),
            range in "(bytes=)?[0-9]{0,21}-[0-9]{0,21}",
            length in any::<u64>(),
        ) {
            let _ = Request::parse(&text);
            let text = format!("GET /a HTTP/1.1\r\nRange: {range}\r\n\r\n");
            let request = Request::parse(&text).expect("a request");
            if let Part::From { first, bytes } = request.part.of(length) {
                prop_assert!(bytes > 0 && first.checked_add(bytes).is_some_and(|end| end <= length));
            }
        }
    }

    #[test]
    fn ranges_are_what_there_is_of_them() {
        let of = |value, length| asked(value).of(length);
        assert_eq!(of("bytes=0-0", 10), Part::From { first: 0, bytes: 1 });
        assert_eq!(of("bytes=3-", 10), Part::From { first: 3, bytes: 7 });
        assert_eq!(of("bytes=3-99", 10), Part::From { first: 3, bytes: 7 });
        assert_eq!(of("bytes=-4", 10), Part::From { first: 6, bytes: 4 });
        assert_eq!(of("bytes=-40", 10), Part::From { first: 0, bytes: 10 });
        for nothing in ["bytes=10-", "bytes=99-100", "bytes=-0"] {
            assert_eq!(of(nothing, 10), Part::Nothing, "{nothing}");
        }
        assert_eq!(of("bytes=-4", 0), Part::Nothing);
        for whole in ["", "bytes=5-4", "bytes=0-1,3-4", "lines=0-1", "bytes=+1-2", "bytes=x-"] {
            assert_eq!(of(whole, 10), Part::Whole, "{whole}");
        }
    }
}

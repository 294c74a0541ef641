//! One request for one file, over http, https or from this machine.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use ureq::http::HeaderMap;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Proxy};

use super::error::{MirrorError, shown};

/// What a server said to recognise a version of a file by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Validators {
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

impl Validators {
    /// As the two lines that are kept beside the file.
    pub(super) fn to_text(&self) -> String {
        let line = |value: &Option<String>| value.clone().unwrap_or_default();
        format!("{}\n{}\n", line(&self.etag), line(&self.last_modified))
    }

    pub(super) fn from_text(text: &str) -> Self {
        let mut lines = text.lines().map(|line| Some(line.to_owned()).filter(|l| !l.is_empty()));
        Self { etag: lines.next().flatten(), last_modified: lines.next().flatten() }
    }
}

/// The answer to a request.
pub(super) enum Reply {
    /// The content, from an offset on.
    Body {
        reader: Box<dyn Read>,
        /// Where the content starts in the file.
        from: u64,
        /// Size of the whole file, where the server says.
        size: Option<u64>,
        validators: Validators,
    },
    NotModified,
    NotFound,
    /// The file is not as long as the offset asked for.
    BeyondEnd,
}

/// Why a request failed.
pub(super) enum FetchError {
    /// It may work the next time.
    Transient(io::Error),
    /// It will not.
    Permanent(MirrorError),
}

/// Makes requests to one archive. Clones share its connections.
#[derive(Clone)]
pub(crate) struct Fetcher {
    agent: Agent,
}

impl Fetcher {
    /// A fetcher that goes through a proxy, if one is given, and gives up after so long a silence.
    pub(crate) fn new(
        uri: &str,
        proxy: Option<&str>,
        silence: Duration,
    ) -> Result<Self, MirrorError> {
        let proxy = match proxy {
            None => None,
            Some(text) => Some(
                Proxy::new(text)
                    .map_err(|_| MirrorError::Proxy { proxy: shown(text), url: shown(uri) })?,
            ),
        };
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(proxy)
            .tls_config(tls)
            .timeout_connect(Some(silence))
            .timeout_recv_response(Some(silence))
            .timeout_per_read(Some(silence))
            .user_agent(concat!("vclust/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.new_agent() })
    }

    /// Asks for a file from an offset on, or only if it is not the version of `known`.
    pub(super) fn get(
        &self,
        url: &str,
        from: u64,
        known: Option<&Validators>,
    ) -> Result<Reply, FetchError> {
        let scheme = url.split(':').next().unwrap_or_default();
        match scheme {
            "http" | "https" => self.get_http(url, from, known),
            "file" => get_file(url, from, known).map_err(FetchError::Transient),
            _ => Err(FetchError::Permanent(MirrorError::Scheme { url: shown(url) })),
        }
    }

    fn get_http(
        &self,
        url: &str,
        from: u64,
        known: Option<&Validators>,
    ) -> Result<Reply, FetchError> {
        let plain_url = shown(url);
        let mut request = self.agent.get(&plain_url);
        if let Some(user) = user_of(url) {
            let encoded = base64::engine::general_purpose::STANDARD.encode(user);
            request = request.header("Authorization", format!("Basic {encoded}"));
        }
        if from > 0 {
            request = request.header("Range", format!("bytes={from}-"));
        }
        if let Some(etag) = known.and_then(|known| known.etag.as_deref()) {
            request = request.header("If-None-Match", etag);
        }
        if let Some(date) = known.and_then(|known| known.last_modified.as_deref()) {
            request = request.header("If-Modified-Since", date);
        }
        let response = request.call().map_err(|error| FetchError::Transient(error.into_io()))?;
        let status = response.status().as_u16();
        let text = |headers: &HeaderMap, name: &str| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let headers = response.headers().clone();
        let (start, size) = match status {
            200 => {
                let length = text(&headers, "content-length").and_then(|text| text.parse().ok());
                (0, length)
            }
            206 => match text(&headers, "content-range").as_deref().and_then(content_range) {
                Some((start, size)) if start == from => (start, size),
                _ => {
                    let error = io::Error::other("the server sends another range than asked for");
                    return Err(FetchError::Transient(error));
                }
            },
            304 if known.is_some() => return Ok(Reply::NotModified),
            404 | 410 => return Ok(Reply::NotFound),
            416 => return Ok(Reply::BeyondEnd),
            408 | 429 | 500..=599 => {
                let error = io::Error::other(format!("the server answers with status {status}"));
                return Err(FetchError::Transient(error));
            }
            _ => {
                return Err(FetchError::Permanent(MirrorError::Status { url: plain_url, status }));
            }
        };
        let validators = Validators {
            etag: text(&headers, "etag"),
            last_modified: text(&headers, "last-modified"),
        };
        let reader = Box::new(response.into_body().into_reader());
        Ok(Reply::Body { reader, from: start, size, validators })
    }
}

/// `user:password` of a URL.
fn user_of(url: &str) -> Option<&str> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    authority.rsplit_once('@').map(|(user, _)| user)
}

/// Start and whole size in `bytes 10-19/20`.
fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, size) = value.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.parse().ok()?, size.parse().ok()))
}

fn get_file(url: &str, from: u64, known: Option<&Validators>) -> io::Result<Reply> {
    let path = url.strip_prefix("file:").unwrap_or(url);
    let path = path.strip_prefix("//").unwrap_or(path);
    let mut file = match File::open(percent_decoded(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Reply::NotFound),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let validators = Validators { etag: None, last_modified: Some(format!("{modified:?}")) };
    if known == Some(&validators) {
        return Ok(Reply::NotModified);
    }
    if from > metadata.len() {
        return Ok(Reply::BeyondEnd);
    }
    file.seek(SeekFrom::Start(from))?;
    Ok(Reply::Body { reader: Box::new(file), from, size: Some(metadata.len()), validators })
}

/// A path with `%` and two hexadecimal digits replaced by the byte they stand for.
fn percent_decoded(path: &str) -> std::path::PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let bytes = path.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while let Some(&byte) = bytes.get(position) {
        let digits = bytes.get(position + 1..position + 3);
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let value = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match value {
            Some(value) if byte == b'%' => {
                decoded.push(value);
                position += 3;
            }
            _ => {
                decoded.push(byte);
                position += 1;
            }
        }
    }
    std::ffi::OsString::from_vec(decoded).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(content_range("bytes 10-19/20"), Some((10, Some(20))));
        assert_eq!(content_range("bytes 0-0/*"), Some((0, None)));
        assert_eq!(content_range("bytes */20"), None);
    }

    #[test]
    fn passwords_are_sent_and_not_shown() {
        assert_eq!(user_of("https://u:p@h/x@y"), Some("u:p"));
        assert_eq!(user_of("https://h/x@y"), None);
        assert_eq!(shown("https://u:p@h/x@y"), "https://h/x@y");
    }

    #[test]
    fn paths_are_decoded() {
        assert_eq!(percent_decoded("/a%20b%2").as_os_str(), "/a b%2");
    }
}

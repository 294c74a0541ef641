//! The armor of public keys (RFC 4880, section 6), which gpgv does not read in keyrings.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thiserror::Error;

const BEGIN: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &[u8] = b"-----END PGP PUBLIC KEY BLOCK-----";

/// What is wrong with armored keys.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ArmorError {
    /// No block of keys.
    #[error("there is no `-----BEGIN PGP PUBLIC KEY BLOCK-----`")]
    NoBlock,
    /// A block without its end.
    #[error("the block of keys does not end")]
    Unfinished,
    /// A line that is no base64.
    #[error("line {line} is no base64")]
    Base64 {
        /// Line number, from 1.
        line: usize,
    },
}

/// Whether a keyring is armored.
pub(super) fn is_armored(content: &[u8]) -> bool {
    let start = content.trim_ascii_start();
    start.starts_with(BEGIN)
        || content
            .windows(BEGIN.len() + 1)
            .any(|window| window[0] == b'\n' && &window[1..] == BEGIN)
}

/// The keys in armored text, of all its blocks, as gpgv reads them.
pub fn dearmor(text: &[u8]) -> Result<Vec<u8>, ArmorError> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&STANDARD, config);
    let mut keys = Vec::new();
    let mut found = false;
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).enumerate();
    while let Some((_, line)) = lines.next() {
        if line != BEGIN {
            continue;
        }
        found = true;
        // headers such as `Version:` end with an empty line, which may be missing without headers
        let mut data = Vec::new();
        let mut start = 0;
        loop {
            let (number, line) = lines.next().ok_or(ArmorError::Unfinished)?;
            if line == END {
                break;
            }
            let header = data.is_empty() && line.contains(&b':');
            // `=` and four characters are the checksum
            if header || line.is_empty() || line.starts_with(b"=") {
                continue;
            }
            if data.is_empty() {
                start = number + 1;
            }
            if !line.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte)) {
                return Err(ArmorError::Base64 { line: number + 1 });
            }
            data.extend_from_slice(line);
        }
        let block = engine.decode(&data).map_err(|_| ArmorError::Base64 { line: start })?;
        keys.extend_from_slice(&block);
    }
    if found { Ok(keys) } else { Err(ArmorError::NoBlock) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blocks_follow_one_another() {
        let text = "x\n-----BEGIN PGP PUBLIC KEY BLOCK-----\nVersion: 1\n\naGVs\nbG8=\n=abcd\n\
            -----END PGP PUBLIC KEY BLOCK-----\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nIQ==\n\
            -----END PGP PUBLIC KEY BLOCK-----";
        assert_eq!(dearmor(text.as_bytes()).unwrap(), b"hello!");
        assert!(is_armored(text.as_bytes()));
    }

    #[test]
    fn damage_is_named() {
        let begin = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n";
        assert_eq!(dearmor(b"abc"), Err(ArmorError::NoBlock));
        assert_eq!(dearmor(begin.as_bytes()), Err(ArmorError::Unfinished));
        let text = format!("{begin}a*b\n-----END PGP PUBLIC KEY BLOCK-----\n");
        assert_eq!(dearmor(text.as_bytes()), Err(ArmorError::Base64 { line: 3 }));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(-----BEGIN PGP PUBLIC KEY BLOCK-----\n|-----END PGP PUBLIC KEY BLOCK-----|[a-z=:\\n]|\\PC){0,20}") {
            let _ = dearmor(text.as_bytes());
        }
    }
}

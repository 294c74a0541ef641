//! MD5 sums, which dpkg keeps of conffiles and of files (not for security: they find changes).

use std::fmt;
use std::io::{self, Read};

use md5::Digest;

/// An MD5 sum; as text, 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Md5(pub [u8; 16]);

impl fmt::Display for Md5 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl Md5 {
    /// The sum of all that is left to read.
    pub(super) fn of(reader: &mut impl Read) -> io::Result<Self> {
        let mut sum = Summing::default();
        let mut buffer = vec![0; 64 << 10];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(sum.end()),
                bytes => sum.add(&buffer[..bytes]),
            }
        }
    }
}

/// A sum that is being computed.
#[derive(Default)]
pub(super) struct Summing(md5::Md5);

impl Summing {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn end(self) -> Md5 {
        Md5(self.0.finalize().into())
    }
}

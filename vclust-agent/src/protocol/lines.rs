//! Lines of bounded length.

use std::io::{self, Read, Write};
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Why a line was not understood.
#[derive(Debug, Error)]
pub enum LineError {
    /// The line cannot be read.
    #[error("cannot read from the channel")]
    Read(#[source] io::Error),
    /// It is too long.
    #[error("a line has more than {most} bytes")]
    TooLong {
        /// Most bytes.
        most: usize,
    },
    /// It is no document of the protocol.
    #[error("a line is not of the protocol")]
    Form(#[source] serde_json::Error),
}

/// Reads documents of one kind, one a line.
#[derive(Debug)]
pub struct Lines<R, T> {
    source: R,
    most: usize,
    buffer: Vec<u8>,
    /// Bytes of the buffer that hold no line's end.
    searched: usize,
    /// Whether the rest of a line that was too long is to be skipped.
    skipping: bool,
    kind: PhantomData<fn() -> T>,
}

impl<R: Read, T: DeserializeOwned> Lines<R, T> {
    /// Reads from a source; lines have at most so many bytes.
    pub fn new(source: R, most: usize) -> Self {
        Self { source, most, buffer: Vec::new(), searched: 0, skipping: false, kind: PhantomData }
    }

    /// The source.
    pub fn source_mut(&mut self) -> &mut R {
        &mut self.source
    }

    /// The next document; none when the source has no more for now. After an error about a line the next
    /// call goes on with the line after it.
    pub fn next_document(&mut self) -> Result<Option<T>, LineError> {
        loop {
            if let Some(end) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let end = self.searched + end;
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                self.searched = 0;
                if std::mem::take(&mut self.skipping) {
                    continue;
                }
                let line = line.trim_ascii();
                if line.is_empty() {
                    continue;
                }
                return serde_json::from_slice(line).map(Some).map_err(LineError::Form);
            }
            self.searched = self.buffer.len();
            if self.skipping {
                self.buffer.clear();
                self.searched = 0;
            } else if self.buffer.len() > self.most {
                self.buffer.clear();
                self.searched = 0;
                self.skipping = true;
                return Err(LineError::TooLong { most: self.most });
            }
            let mut chunk = [0; 8192];
            match self.source.read(&mut chunk) {
                Ok(0) => return Ok(None),
                Ok(read) => self.buffer.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LineError::Read(error)),
            }
        }
    }
}

/// Writes a document as one line, at once.
pub fn write_line(target: &mut impl Write, document: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(document).map_err(io::Error::from)?;
    line.push(b'\n');
    target.write_all(&line)?;
    target.flush()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::{LONGEST_REPORT, Report};

    fn all(bytes: &[u8], most: usize) -> Vec<Result<Report, String>> {
        let mut lines = Lines::<_, Report>::new(bytes, most);
        let mut found = Vec::new();
        loop {
            match lines.next_document() {
                Ok(None) => return found,
                Ok(Some(report)) => found.push(Ok(report)),
                Err(error) => found.push(Err(error.to_string())),
            }
        }
    }

    #[test]
    fn what_is_too_long_or_wrong_is_told_and_passed() {
        let long = "y".repeat(50_000);
        let text = format!(
            "{{\"report\":\"prepared\"}}\n\n{long}\nnot JSON\n{{\"report\":\"ready\",\"uptime\":2}}\n{{\"repo"
        );
        let found = all(text.as_bytes(), 1000);
        assert_eq!(
            found,
            [
                Ok(Report::Prepared),
                Err("a line has more than 1000 bytes".to_owned()),
                Err("a line is not of the protocol".to_owned()),
                Ok(Report::Ready { uptime: 2.0 }),
            ]
        );
    }

    proptest! {
        #[test]
        fn whatever_a_node_sends_is_read_to_its_end(
            bytes in proptest::collection::vec(any::<u8>(), 0..5000),
            most in 1_usize..200,
        ) {
            for report in all(&bytes, most).into_iter().flatten() {
                let _ = report.cleaned();
            }
        }

        #[test]
        fn what_is_written_is_read(id: u64, status: Option<i32>, output: String) {
            let report = Report::Ran { id, status, output };
            let mut bytes = Vec::new();
            write_line(&mut bytes, &report).unwrap();
            write_line(&mut bytes, &Report::Prepared).unwrap();
            prop_assert_eq!(all(&bytes, LONGEST_REPORT), [Ok(report), Ok(Report::Prepared)]);
        }
    }
}

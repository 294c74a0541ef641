//! The `ar` container of a package, by the rules of deb(5): `debian-binary` first, then the control
//! member, then the data member. Members whose names start with `_` are passed over between them;
//! whatever follows the data member is not looked at.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use super::DebError;

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER_BYTES: usize = 60;
/// Members that are looked at before the container is given up.
const MEMBERS: usize = 64;
/// Bytes of `debian-binary` that are read; it has four.
const VERSION_BYTES: u64 = 256;

/// Where a member lies.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: String,
    offset: u64,
    pub(super) size: u64,
}

/// The two members that matter.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) control: Member,
    pub(super) data: Member,
}

/// Opens a regular file for reading, never waiting for a pipe.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

impl Container {
    /// Reads the headers of all members up to the data member.
    pub(super) fn read(path: &Path, file: &File, size: u64) -> Result<Self, DebError> {
        let mut cursor = Cursor { path, file, size, offset: 0 };
        let mut magic = [0; MAGIC.len()];
        if size < MAGIC.len() as u64 || cursor.bytes(&mut magic).is_err() || magic != *MAGIC {
            return Err(cursor.problem("it does not start as an ar archive"));
        }
        let version = cursor.member()?;
        if version.name != "debian-binary" {
            return Err(cursor
                .problem(format!("its first member is `{}`, not `debian-binary`", version.name)));
        }
        cursor.check_version(&version)?;
        cursor.skip(&version);
        let mut control: Option<Member> = None;
        for _ in 0..MEMBERS {
            let member = cursor.member()?;
            cursor.skip(&member);
            if member.name.starts_with('_') {
                continue;
            }
            let is_data = match (control.is_some(), &member.name) {
                (false, name) if name.starts_with("control.tar") => false,
                (true, name) if name.starts_with("data.tar") => true,
                (before, name) => {
                    let wanted = if before { "data.tar" } else { "control.tar" };
                    return Err(
                        cursor.problem(format!("its member `{name}` stands before `{wanted}`"))
                    );
                }
            };
            if member.size == 0 {
                return Err(cursor.problem(format!("its member `{}` is empty", member.name)));
            }
            match (is_data, control.take()) {
                (true, Some(control)) => return Ok(Self { control, data: member }),
                _ => control = Some(member),
            }
        }
        Err(cursor.problem(format!("it has no data member among its first {MEMBERS} members")))
    }
}

/// The place in the container that is read next.
struct Cursor<'a> {
    path: &'a Path,
    file: &'a File,
    size: u64,
    offset: u64,
}

impl Cursor<'_> {
    fn problem(&self, problem: impl Into<String>) -> DebError {
        DebError::Container { package: self.path.to_owned(), problem: problem.into() }
    }

    fn bytes(&mut self, buffer: &mut [u8]) -> Result<(), DebError> {
        self.file
            .read_exact_at(buffer, self.offset)
            .map_err(|source| DebError::Read { package: self.path.to_owned(), source })?;
        self.offset += buffer.len() as u64;
        Ok(())
    }

    /// The header of the next member; its content lies where the cursor is then.
    fn member(&mut self) -> Result<Member, DebError> {
        if self.offset + HEADER_BYTES as u64 > self.size {
            return Err(self.problem(format!("it ends at byte {}, before its data", self.size)));
        }
        let at = self.offset;
        let mut header = [0; HEADER_BYTES];
        self.bytes(&mut header)?;
        if header[58..] != *b"`\n" {
            return Err(self.problem(format!("there is no member header at byte {at}")));
        }
        let name = header[..16].trim_ascii_end();
        let name = name.strip_suffix(b"/").unwrap_or(name);
        let name = String::from_utf8_lossy(name).escape_debug().to_string();
        let digits = header[48..58].trim_ascii_end();
        let size = std::str::from_utf8(digits)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse::<u64>().ok())
            .ok_or_else(|| self.problem(format!("its member `{name}` has no valid size")))?;
        let member = Member { name, offset: self.offset, size };
        // ten digits and a file's length: no sum here comes near the end of 64 bits
        let end = member.offset + size;
        if end > self.size {
            return Err(DebError::Truncated {
                package: self.path.to_owned(),
                member: member.name,
                end,
                size: self.size,
            });
        }
        Ok(member)
    }

    fn check_version(&mut self, member: &Member) -> Result<(), DebError> {
        let mut text = vec![0; usize::try_from(member.size.min(VERSION_BYTES)).unwrap_or(0)];
        let start = self.offset;
        self.bytes(&mut text)?;
        self.offset = start;
        let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = if line.len() < text.len() { line } else { &[] };
        let line = String::from_utf8_lossy(line);
        let mut parts = line.split('.');
        let number = |part: Option<&str>| {
            part.is_some_and(|part| {
                !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
            })
        };
        let major = parts.next();
        if !number(major) || !number(parts.next()) {
            return Err(self.problem("its member `debian-binary` holds no format version"));
        }
        if major.map(|major| major.trim_start_matches('0')) != Some("2") {
            let line = line.escape_debug();
            return Err(self.problem(format!("its format version is `{line}`, but 2.x is read")));
        }
        Ok(())
    }

    /// Goes to the header that follows a member: members start at even offsets.
    fn skip(&mut self, member: &Member) {
        self.offset = member.offset + member.size + member.size % 2;
    }
}

/// Reads one member of a file that others may read at the same time.
#[derive(Debug)]
pub(super) struct MemberReader {
    file: Arc<File>,
    offset: u64,
    left: u64,
}

impl MemberReader {
    pub(super) fn new(file: Arc<File>, member: &Member) -> Self {
        Self { file, offset: member.offset, left: member.size }
    }
}

impl Read for MemberReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read_at(&mut buffer[..wanted], self.offset)?;
        if read == 0 && wanted > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter"));
        }
        self.offset += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

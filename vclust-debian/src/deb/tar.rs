//! Tar archives, entry by entry, within bounds.
//!
//! This is a reader of its own and not the `tar` crate because each of its rules is dpkg's
//! (`lib/dpkg/tarfn.c`): which kinds there are, when the archive ends, that only files have content.
//! Besides, each quantity an archive can claim is bounded before anything is allocated for it.

use std::io::BufRead;

use super::DebError;
use super::compression::Content;
use super::entry::{DataEntry, EntryKind, normalize};
use super::error::Origin;
use super::header::{BLOCK, Header};
use super::pax::Extended;

/// Bytes of one extended header, at most: an extended attribute may have 64 KiB.
const EXTENDED_BYTES: u64 = 1 << 20;

/// What one archive may hold at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct TarBounds {
    /// Unpacked bytes, headers and padding included.
    pub(super) bytes: u64,
    pub(super) entry_bytes: u64,
    pub(super) entries: u64,
    pub(super) path_bytes: u64,
    pub(super) names_bytes: u64,
}

/// An archive that is being read.
pub(super) struct TarReader {
    content: Content,
    origin: Origin,
    bounds: TarBounds,
    dictionary_bytes: u64,
    /// Unpacked bytes so far.
    offset: u64,
    entries: u64,
    /// Bytes of names and attributes so far.
    names_bytes: u64,
    /// Content and padding of the entry before that nobody took.
    left: u64,
    padding: u64,
    /// Bytes of the buffer that the last chunk lent.
    lent: usize,
    /// The last entry's name, for errors.
    name: Vec<u8>,
    global: Extended,
    ended: bool,
}

impl TarReader {
    pub(super) fn new(
        content: Content,
        origin: Origin,
        bounds: TarBounds,
        dictionary_bytes: u64,
    ) -> Self {
        Self {
            content,
            origin,
            bounds,
            dictionary_bytes,
            offset: 0,
            entries: 0,
            names_bytes: 0,
            left: 0,
            padding: 0,
            lent: 0,
            name: Vec::new(),
            global: Extended::default(),
            ended: false,
        }
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The next entry; what is left of the content of the one before is passed over. At the end of
    /// the archive the member is read to its own end, so that its checksums are verified.
    pub(super) fn next_entry(&mut self) -> Result<Option<DataEntry>, DebError> {
        if self.ended {
            return Ok(None);
        }
        self.skip(self.left + self.padding)?;
        (self.left, self.padding) = (0, 0);
        let mut extended = self.global.clone();
        // GNU's long names come as entries of their own before the entry that they belong to
        let (mut long_name, mut long_link) = (None, None);
        loop {
            let mut block = [0; BLOCK];
            if !self.block(&mut block)? || block.iter().all(|byte| *byte == 0) {
                self.ended = true;
                self.drain()?;
                return Ok(None);
            }
            let start = self.offset - BLOCK as u64;
            let header =
                Header::parse(&block).map_err(|problem| self.origin.archive(start, problem))?;
            self.entries += 1;
            if self.entries > self.bounds.entries {
                return Err(self.too_much(Some(&header.name), "entries", self.bounds.entries));
            }
            match header.kind {
                b'L' => long_name = Some(self.text(&header)?),
                b'K' => long_link = Some(self.text(&header)?),
                b'x' => self.extended(&header, &mut extended)?,
                b'g' => {
                    let mut global = std::mem::take(&mut self.global);
                    self.extended(&header, &mut global)?;
                    self.global = global;
                    extended = self.global.clone();
                }
                _ => {
                    if let Some(name) = long_name {
                        extended.path = Some(name);
                    }
                    if let Some(link) = long_link {
                        extended.link = Some(link);
                    }
                    return self.entry(header, extended).map(Some);
                }
            }
        }
    }

    /// The next piece of the current file's content, empty at its end.
    pub(super) fn chunk(&mut self) -> Result<&[u8], DebError> {
        if self.left == 0 {
            return Ok(&[]);
        }
        let available = self.available()?;
        if available == 0 {
            return Err(self.ends_early());
        }
        let taken = available.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= taken as u64;
        self.offset += taken as u64;
        self.lent = taken;
        Ok(&self.content.buffer()[..taken])
    }

    /// How many bytes are in the buffer, which is filled if it is empty; none at the member's end.
    fn available(&mut self) -> Result<usize, DebError> {
        self.content.consume(std::mem::take(&mut self.lent));
        match self.content.fill_buf() {
            Ok(buffer) => Ok(buffer.len()),
            Err(source) => Err(self.origin.damaged(source, self.dictionary_bytes)),
        }
    }

    /// Reads one block; false at the end of the member.
    fn block(&mut self, block: &mut [u8; BLOCK]) -> Result<bool, DebError> {
        let mut filled = 0;
        while filled < BLOCK {
            let available = self.available()?;
            if available == 0 && filled == 0 {
                return Ok(false);
            }
            if available == 0 {
                return Err(self.ends_early());
            }
            let taken = available.min(BLOCK - filled);
            block[filled..filled + taken].copy_from_slice(&self.content.buffer()[..taken]);
            self.advance(taken)?;
            filled += taken;
        }
        Ok(true)
    }

    fn advance(&mut self, bytes: usize) -> Result<(), DebError> {
        self.content.consume(bytes);
        self.offset += bytes as u64;
        if self.offset > self.bounds.bytes {
            return Err(self.too_much(None, "bytes", self.bounds.bytes));
        }
        Ok(())
    }

    fn skip(&mut self, mut bytes: u64) -> Result<(), DebError> {
        while bytes > 0 {
            let available = self.available()?;
            if available == 0 {
                return Err(self.ends_early());
            }
            let taken = available.min(usize::try_from(bytes).unwrap_or(usize::MAX));
            self.advance(taken)?;
            bytes -= taken as u64;
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), DebError> {
        loop {
            let available = self.available()?;
            if available == 0 {
                return Ok(());
            }
            self.advance(available)?;
        }
    }

    /// The content of an entry that extends the next one, with its padding.
    fn whole(&mut self, header: &Header, limit: u64) -> Result<Vec<u8>, DebError> {
        if header.size > limit {
            return Err(self.too_much(Some(&header.name), "bytes in a name or header", limit));
        }
        self.left = header.size;
        let mut content = Vec::new();
        while self.left > 0 {
            let chunk = self.chunk()?;
            content.extend_from_slice(chunk);
        }
        self.skip(padding(header.size))?;
        Ok(content)
    }

    /// A GNU long name: up to its first zero byte.
    fn text(&mut self, header: &Header) -> Result<Vec<u8>, DebError> {
        let mut text = self.whole(header, self.bounds.path_bytes.saturating_add(1))?;
        if let Some(end) = text.iter().position(|byte| *byte == 0) {
            text.truncate(end);
        }
        Ok(text)
    }

    fn extended(&mut self, header: &Header, into: &mut Extended) -> Result<(), DebError> {
        let start = self.offset - BLOCK as u64;
        let records = self.whole(header, EXTENDED_BYTES)?;
        into.add(&records).map_err(|problem| self.origin.archive(start, problem))
    }

    fn entry(&mut self, header: Header, extended: Extended) -> Result<DataEntry, DebError> {
        let name = extended.path.unwrap_or(header.name);
        let link = extended.link.unwrap_or(header.link);
        for text in [&name, &link] {
            if text.len() as u64 > self.bounds.path_bytes {
                return Err(self.too_much(Some(text), "bytes in a path", self.bounds.path_bytes));
            }
        }
        let refused = |problem: &str| self.origin.entry(&name, problem);
        let path = normalize(&name).map_err(refused)?;
        let size = extended.size.unwrap_or(header.size);
        let (major, minor) = (header.major, header.minor);
        let kind = match header.kind {
            // archives from before 1988 mark directories by their names alone
            b'0' if name.ends_with(b"/") => EntryKind::Directory,
            b'0' => EntryKind::File { size },
            b'1' => EntryKind::HardLink {
                target: normalize(&link)
                    .map_err(|problem| refused(&format!("links to a name that {problem}")))?,
            },
            b'2' if link.is_empty() || link.contains(&0) => {
                return Err(refused("is a symbolic link to no possible name"));
            }
            b'2' => EntryKind::Symlink { target: link },
            b'3' => EntryKind::CharacterDevice { major, minor },
            b'4' => EntryKind::BlockDevice { major, minor },
            b'5' => EntryKind::Directory,
            b'6' => EntryKind::Fifo,
            kind => {
                let kind = char::from(kind).escape_debug();
                return Err(refused(&format!("is of the kind `{kind}`, which dpkg does not know")));
            }
        };
        if path.is_empty() && kind != EntryKind::Directory {
            return Err(refused("would replace the root itself"));
        }
        let id = |extended: Option<u64>, own: u64| {
            u32::try_from(extended.unwrap_or(own)).map_err(|_| refused("has an impossible owner"))
        };
        let user = id(extended.user, header.user)?;
        let group = id(extended.group, header.group)?;
        // only files have content, whatever the header says of the others
        if let EntryKind::File { size } = kind {
            if size > self.bounds.entry_bytes {
                return Err(self.too_much(Some(&name), "bytes in a file", self.bounds.entry_bytes));
            }
            if self.offset.saturating_add(size) > self.bounds.bytes {
                return Err(self.too_much(Some(&name), "bytes", self.bounds.bytes));
            }
            (self.left, self.padding) = (size, padding(size));
        }
        self.name.clone_from(&name);
        let entry = DataEntry {
            path,
            kind,
            mode: header.mode,
            user,
            group,
            user_name: extended.user_name.unwrap_or(header.user_name),
            group_name: extended.group_name.unwrap_or(header.group_name),
            modified: extended.modified.unwrap_or(header.modified),
            attributes: extended.attributes,
        };
        self.names_bytes += entry.names_bytes();
        if self.names_bytes > self.bounds.names_bytes {
            let limit = self.bounds.names_bytes;
            return Err(self.too_much(None, "bytes in names and attributes", limit));
        }
        Ok(entry)
    }

    fn ends_early(&self) -> DebError {
        let name = String::from_utf8_lossy(&self.name);
        let name = name.escape_debug();
        self.origin.archive(self.offset, format!("it ends within or after the entry `{name}`"))
    }

    fn too_much(&self, at: Option<&[u8]>, what: &'static str, limit: u64) -> DebError {
        let at = at.or_else(|| (!self.name.is_empty()).then_some(&self.name[..]));
        self.origin.limit(at, what, limit)
    }
}

/// Bytes that fill the last block of so many bytes.
fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64) - size
}

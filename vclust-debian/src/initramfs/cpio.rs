//! The archive that the kernel unpacks into its first file system: cpio in the "new ASCII" format,
//! after the kernel's `Documentation/driver-api/early-userspace/buffer-format.rst`.

/// Kind of a file in its mode.
const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

/// An archive in memory. All that is in it belongs to root and was modified in 1970, so that the same
/// content gives the same bytes.
#[derive(Debug, Default)]
pub(super) struct Cpio {
    bytes: Vec<u8>,
    entries: u32,
}

impl Cpio {
    /// Adds a directory; the directories above it must have been added.
    pub(super) fn directory(&mut self, path: &str) {
        self.entry(path, DIRECTORY | 0o755, (0, 0), &[]);
    }

    /// Adds a file with permission bits.
    pub(super) fn file(&mut self, path: &str, permissions: u32, content: &[u8]) {
        self.entry(path, FILE | permissions, (0, 0), content);
    }

    /// Adds a character device, for root alone.
    pub(super) fn character_device(&mut self, path: &str, major: u32, minor: u32) {
        self.entry(path, CHARACTER_DEVICE | 0o600, (major, minor), &[]);
    }

    /// The whole archive.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entries = 0;
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.bytes.extend_from_slice(b"070701");
        let links = if mode & DIRECTORY != 0 { 2 } else { 1 };
        let fields = [
            self.entries,
            mode,
            0,
            0,
            links,
            0,
            u32::try_from(content.len()).unwrap_or(u32::MAX),
            0,
            0,
            device.0,
            device.1,
            path.len() as u32 + 1,
            0,
        ];
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend_from_slice(content);
        self.align();
        self.entries += 1;
    }

    /// Headers and contents begin at multiples of four bytes.
    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_the_documented_form() {
        let mut archive = Cpio::default();
        archive.directory("dev");
        archive.character_device("dev/console", 5, 1);
        archive.file("init", 0o755, b"hello");
        let text = String::from_utf8(archive.finish()).unwrap();
        let expected = "070701\
             00000000000041ed000000000000000000000002000000000000000000000000000000000000000000000000\
             0000000400000000dev\0\0\0\
             070701\
             0000000100002180000000000000000000000001000000000000000000000000000000000000000500000001\
             0000000c00000000dev/console\0\0\0\
             070701\
             00000002000081ed000000000000000000000001000000000000000500000000000000000000000000000000\
             0000000500000000init\0\0hello\0\0\0\
             070701\
             0000000000000000000000000000000000000001000000000000000000000000000000000000000000000000\
             0000000b00000000TRAILER!!!\0\0\0\0";
        assert_eq!(text, expected);
    }
}

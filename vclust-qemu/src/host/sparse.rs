//! Files of memory: pages that hold nothing take no space, and stay so when a file is moved.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, SeekFrom, fallocate, seek};
use rustix::io::Errno;

use super::private_file;

/// Bytes that are looked at for zeros at a time.
const PAGE: usize = 4096;
const PIECE: usize = 256 * PAGE;

/// Calls `each` with the pieces of a file that hold data, and where they begin.
fn data(file: &File, mut each: impl FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut buffer = vec![0; PIECE];
    let mut place = 0;
    while place < length {
        let start = match seek(file, SeekFrom::Data(place)) {
            Ok(start) => start,
            // nothing but holes from here on
            Err(Errno::NXIO) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let end = seek(file, SeekFrom::Hole(start))?;
        place = start;
        while place < end {
            let piece = &mut buffer[..PIECE.min((end - place) as usize)];
            file.read_exact_at(piece, place)?;
            each(place, piece)?;
            place += piece.len() as u64;
        }
    }
    Ok(())
}

/// Gives back the space of pages that hold only zeros; answers the bytes that are left.
pub(crate) fn free_zeros(file: &File) -> io::Result<u64> {
    let mut kept = 0;
    data(file, |start, piece| {
        let mut hole: Option<(u64, u64)> = None;
        let mut holes = Vec::new();
        for (number, page) in piece.chunks(PAGE).enumerate() {
            let place = start + (number * PAGE) as u64;
            if page.iter().any(|byte| *byte != 0) {
                kept += page.len() as u64;
                holes.extend(hole.take());
            } else {
                let (begin, length) = hole.unwrap_or((place, 0));
                hole = Some((begin, length + page.len() as u64));
            }
        }
        holes.extend(hole);
        for (begin, length) in holes {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            match fallocate(file, flags, begin, length) {
                // a file system without holes
                Ok(()) | Err(Errno::OPNOTSUPP) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    })?;
    Ok(kept)
}

/// Moves a file, to another file system if need be.
pub(crate) fn move_sparse(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        other => return other,
    }
    let (source, target) = (File::open(from)?, private_file(to)?);
    target.set_len(source.metadata()?.len())?;
    data(&source, |place, piece| target.write_all_at(piece, place))?;
    fs::remove_file(from)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn pages_of_zeros_take_no_space_and_the_rest_is_as_before() {
        let directory = tempfile::tempdir().unwrap();
        let file = private_file(&directory.path().join("memory")).unwrap();
        let mut bytes = vec![0; 3 * PIECE + 100];
        for place in [5, PAGE * 3, PIECE + 7, 3 * PIECE + 99] {
            bytes[place] = 1;
        }
        file.write_all_at(&bytes, 0).unwrap();
        file.sync_all().unwrap();
        assert_eq!(free_zeros(&file).unwrap(), 3 * PAGE as u64 + 100);
        let data = file.metadata().unwrap();
        assert!(data.blocks() * 512 <= 8 * PAGE as u64, "{} blocks", data.blocks());
        let mut after = vec![9; bytes.len()];
        file.read_exact_at(&mut after, 0).unwrap();
        assert!(after == bytes && data.len() == bytes.len() as u64);
    }

    #[test]
    fn a_file_moves_to_another_file_system_with_its_holes() {
        let directory = tempfile::tempdir().unwrap();
        let shared = tempfile::tempdir_in("/dev/shm").unwrap();
        let (from, to) = (shared.path().join("memory"), directory.path().join("memory"));
        let file = private_file(&from).unwrap();
        file.set_len(64 << 20).unwrap();
        file.write_all_at(b"here", 9 << 20).unwrap();
        move_sparse(&from, &to).unwrap();
        assert!(!from.exists());
        let moved = File::open(&to).unwrap();
        let mut bytes = [0; 4];
        moved.read_exact_at(&mut bytes, 9 << 20).unwrap();
        assert_eq!(&bytes, b"here");
        let data = moved.metadata().unwrap();
        assert_eq!(data.len(), 64 << 20);
        assert!(data.blocks() * 512 < 4 << 20, "{} blocks", data.blocks());
    }
}

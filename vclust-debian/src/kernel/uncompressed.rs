//! The kernel inside a `vmlinuz`, as hypervisors start it without a boot loader.
//!
//! `vmlinuz` is a small program that decompresses the kernel to where it will run. Where processors are
//! emulated every node would pay for that, and for the firmware that loads the program. The kernel is the
//! same for all, so it is decompressed here, once; a hypervisor starts it by the entry that the kernel
//! declares for Xen's PVH guests, which QEMU uses, too.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::read::GzDecoder;
use liblzma::read::XzDecoder;
use lz4_flex::frame::FrameDecoder;
use object::Endianness;
use object::read::elf::{ElfFile64, ProgramHeader};

use super::{Kernel, KernelError};

/// The largest kernel that is decompressed: Debian's have 50 to 80 MB.
const MOST: u64 = 512 << 20;
/// The type of the note, of Xen's, that has the address of the PVH entry
/// (`XEN_ELFNOTE_PHYS32_ENTRY` in Xen's `xen/include/public/elfnote.h`).
const PVH_ENTRY: u32 = 18;

/// Puts the uncompressed kernel beside a kernel, if there is none and it can be started by the PVH entry.
pub(super) fn make(kernel: &Kernel) -> Result<(), KernelError> {
    let path = kernel.uncompressed_path();
    if path.exists() {
        return Ok(());
    }
    let image = fs::read(&kernel.image).map_err(KernelError::access("read", &kernel.image))?;
    let Some(uncompressed) = uncompressed(&image) else { return Ok(()) };
    write(&uncompressed, &path).map_err(KernelError::access("write", &path))
}

/// Writes a file that is whole or not there.
fn write(content: &[u8], path: &Path) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".vmlinux-").tempfile_in(directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// The kernel inside a `vmlinuz`; none if it is compressed in an unknown way or has no PVH entry.
fn uncompressed(vmlinuz: &[u8]) -> Option<Vec<u8>> {
    let kernel = decompress(payload(vmlinuz)?)?;
    has_pvh_entry(&kernel).then_some(kernel)
}

/// The compressed kernel, where the header says that it is: Linux's
/// `Documentation/arch/x86/boot.rst`, from version 2.08 of the protocol on.
fn payload(vmlinuz: &[u8]) -> Option<&[u8]> {
    let number = |at: usize| {
        let bytes = vmlinuz.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    if vmlinuz.get(0x202..0x206)? != b"HdrS" || number(0x206)? & 0xffff < 0x208 {
        return None;
    }
    let sectors = match *vmlinuz.get(0x1f1)? {
        0 => 4,
        sectors => usize::from(sectors),
    };
    let start = ((sectors + 1) * 512).checked_add(number(0x248)?)?;
    vmlinuz.get(start..start.checked_add(number(0x24c)?)?)
}

/// Decompresses what the kernel's build compressed. After all but gzip's streams follow four bytes with
/// the size.
fn decompress(payload: &[u8]) -> Option<Vec<u8>> {
    let without_size = payload.get(..payload.len().checked_sub(4)?)?;
    match payload {
        [0x1f, 0x8b, ..] => read(GzDecoder::new(payload)),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => read(XzDecoder::new(without_size)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => read(zstd::Decoder::new(without_size).ok()?.single_frame()),
        [0x02, 0x21, 0x4c, 0x18, ..] => read(FrameDecoder::new(without_size)),
        _ => None,
    }
}

fn read(stream: impl Read) -> Option<Vec<u8>> {
    let mut kernel = Vec::new();
    let bytes = stream.take(MOST + 1).read_to_end(&mut kernel).ok()?;
    (bytes as u64 <= MOST).then_some(kernel)
}

/// Whether an ELF file has the note that a hypervisor looks for.
fn has_pvh_entry(kernel: &[u8]) -> bool {
    let Ok(file) = ElfFile64::<Endianness>::parse(kernel) else { return false };
    let endian = file.endian();
    file.elf_program_headers().iter().any(|header| {
        let Ok(Some(mut notes)) = header.notes(endian, kernel) else { return false };
        while let Ok(Some(note)) = notes.next() {
            if note.name() == b"Xen" && note.n_type(endian) == PVH_ENTRY {
                return true;
            }
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit ELF file with one note of Xen's.
    fn kernel(note: u32) -> Vec<u8> {
        let mut file = vec![0; 64 + 56];
        file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        file[0x10..0x14].copy_from_slice(&[2, 0, 62, 0]);
        file[0x14] = 1;
        // one program header of 56 bytes right after this header of 64
        file[0x20] = 64;
        file[0x34..0x3a].copy_from_slice(&[64, 0, 56, 0, 1, 0]);
        // a segment of notes after that: its type, its place, its size, how it is aligned
        file[64] = 4;
        file[64 + 8] = 120;
        file[64 + 0x20] = 20;
        file[64 + 0x30] = 4;
        for number in [4, 4, note] {
            file.extend(number.to_le_bytes());
        }
        file.extend(b"Xen\0\0\0\0\x01");
        file
    }

    /// A boot image with a payload, of one sector and a header.
    fn vmlinuz(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 2 * 512 + 16];
        image[0x1f1] = 1;
        image[0x202..0x208].copy_from_slice(b"HdrS\x0f\x02");
        image[0x248] = 16;
        image[0x24c..0x250].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        image.extend(payload);
        image
    }

    fn with_size(mut compressed: Vec<u8>) -> Vec<u8> {
        compressed.extend(7_u32.to_le_bytes());
        compressed
    }

    #[test]
    fn kernels_are_found_however_they_are_compressed() {
        let kernel = kernel(PVH_ENTRY);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&kernel).unwrap();
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(&kernel).unwrap();
        let block = lz4_flex::block::compress(&kernel);
        let mut lz4 = vec![0x02, 0x21, 0x4c, 0x18];
        lz4.extend(u32::try_from(block.len()).unwrap().to_le_bytes());
        lz4.extend(block);
        let payloads = [
            gzip.finish().unwrap(),
            with_size(xz.finish().unwrap()),
            with_size(zstd::encode_all(&*kernel, 1).unwrap()),
            with_size(lz4),
        ];
        for payload in payloads {
            let found = uncompressed(&vmlinuz(&payload));
            assert_eq!(found.as_ref(), Some(&kernel), "{:x?}", &payload[..4]);
        }
    }

    #[test]
    fn what_cannot_be_started_directly_is_left_alone() {
        let zstd = |kernel: &[u8]| with_size(zstd::encode_all(kernel, 1).unwrap());
        assert_eq!(uncompressed(&vmlinuz(&zstd(&kernel(PVH_ENTRY - 1)))), None);
        assert_eq!(uncompressed(&vmlinuz(&zstd(b"no ELF file"))), None);
        assert_eq!(uncompressed(&vmlinuz(b"unknown")), None);
        let whole = vmlinuz(&zstd(&kernel(PVH_ENTRY)));
        for end in 0..whole.len() {
            assert_eq!(uncompressed(&whole[..end]), None, "cut off after {end} bytes");
        }
        let mut old = whole;
        old[0x206] = 7;
        assert_eq!(uncompressed(&old), None);
    }
}

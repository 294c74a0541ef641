//! busybox out of its package.

use std::path::Path;

use super::InitramfsError;
use crate::deb::{DebLimits, EntryKind, PackageFile};

/// Where packages have it; Debian 13 has no other `/bin` than `/usr/bin`.
const PATHS: [&[u8]; 2] = [b"bin/busybox", b"usr/bin/busybox"];

/// The program in the package `busybox-static`.
pub fn busybox_program(package: &Path) -> Result<Vec<u8>, InitramfsError> {
    let mut data = PackageFile::open(package, DebLimits::default())?.data()?;
    let mut program = None;
    // to the end, where the archive's checksum is
    while let Some(entry) = data.next_entry()? {
        if !PATHS.contains(&entry.path.as_slice()) || !matches!(entry.kind, EntryKind::File { .. })
        {
            continue;
        }
        let mut content = Vec::new();
        while let chunk @ [_, ..] = data.chunk()? {
            content.extend_from_slice(chunk);
        }
        program = Some(content);
    }
    let program =
        program.ok_or_else(|| InitramfsError::NoBusybox { package: package.to_owned() })?;
    if has_interpreter(&program) {
        return Err(InitramfsError::NotStatic { package: package.to_owned() });
    }
    Ok(program)
}

/// Whether a program names the dynamic linker, as the ELF specification has it: a program header of
/// type 3. For what is no 64-bit little-endian ELF file the answer is no.
fn has_interpreter(program: &[u8]) -> bool {
    if program.get(..6) != Some(b"\x7fELF\x02\x01") {
        return false;
    }
    let number = |at: usize, bytes: usize| {
        let digits = program.get(at..at.checked_add(bytes)?)?;
        let fold = |number: u64, digit: &u8| number << 8 | u64::from(*digit);
        usize::try_from(digits.iter().rev().fold(0, fold)).ok()
    };
    let headers = || Some((number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?));
    let Some((start, bytes, count)) = headers() else { return false };
    (0..count).any(|place| {
        let at = place.checked_mul(bytes).and_then(|offset| offset.checked_add(start));
        at.and_then(|at| number(at, 4)) == Some(3)
    })
}

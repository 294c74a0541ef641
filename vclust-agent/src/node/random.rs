//! The kernel's random number generator.

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io;

use rustix::ioctl;

use super::error::AgentError;

/// Bits of entropy in each byte that the head node sends.
const BITS: i32 = 8;
/// Most bytes that are taken at once.
const MOST: usize = 256;

/// Mixes a seed into the generator and has it start anew from there.
///
/// Copies of one machine would otherwise draw the same numbers, and with them the same keys.
pub(super) fn reseed(hexadecimal: &str) -> Result<(), AgentError> {
    let doing = || AgentError::doing::<io::Error>("reseed the random number generator");
    let seed = from_hexadecimal(hexadecimal).ok_or_else(|| {
        AgentError::Missing("the seed from the head node is no hexadecimal number".to_owned())
    })?;
    let device = OpenOptions::new().write(true).open("/dev/urandom").map_err(doing())?;
    add(&device, &seed).and_then(|()| start_anew(&device)).map_err(doing())
}

/// `struct rand_pool_info` of random(4), with room for the longest seed.
#[repr(C)]
struct PoolInfo {
    entropy_count: i32,
    bytes: i32,
    seed: [u8; MOST],
}

/// The request `RNDADDENTROPY`.
struct AddEntropy<'a>(&'a mut PoolInfo);

// SAFETY: the kernel reads `bytes` bytes after the two numbers, which `PoolInfo` has: `add` sees to it.
// Nothing is written.
#[expect(unsafe_code, reason = "random(4) can be told of entropy by ioctl alone")]
unsafe impl ioctl::Ioctl for AddEntropy<'_> {
    type Output = ();
    const IS_MUTATING: bool = false;

    fn opcode(&self) -> ioctl::Opcode {
        ioctl::opcode::write::<[i32; 2]>(b'R', 0x03)
    }

    fn as_ptr(&mut self) -> *mut c_void {
        std::ptr::from_mut(self.0).cast()
    }

    unsafe fn output_from_ptr(_: ioctl::IoctlOutput, _: *mut c_void) -> rustix::io::Result<()> {
        Ok(())
    }
}

#[expect(unsafe_code, reason = "random(4) can be told of entropy by ioctl alone")]
fn add(device: &File, seed: &[u8]) -> io::Result<()> {
    let length = seed.len().min(MOST);
    let bytes = i32::try_from(length).unwrap_or(0);
    let mut info = PoolInfo { entropy_count: bytes * BITS, bytes, seed: [0; MOST] };
    info.seed[..length].copy_from_slice(&seed[..length]);
    // SAFETY: the request is the one that its type says, on a file that knows it.
    unsafe { ioctl::ioctl(device, AddEntropy(&mut info)) }.map_err(io::Error::from)
}

#[expect(unsafe_code, reason = "random(4) starts anew by ioctl alone")]
fn start_anew(device: &File) -> io::Result<()> {
    // RNDRESEEDCRNG
    const REQUEST: ioctl::Opcode = ioctl::opcode::none(b'R', 0x07);
    // SAFETY: the request takes no argument.
    unsafe { ioctl::ioctl(device, ioctl::NoArg::<REQUEST>::new()) }.map_err(io::Error::from)
}

/// The bytes that digits stand for.
fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    if text.len() % 2 != 0 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_bytes() {
        assert_eq!(from_hexadecimal("00ff7F"), Some(vec![0, 255, 127]));
        assert_eq!(from_hexadecimal(""), Some(Vec::new()));
        for text in ["0", "0g", "+1", "ää"] {
            assert_eq!(from_hexadecimal(text), None, "{text}");
        }
    }
}

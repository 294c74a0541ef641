//! Mounting a file that holds a file system.
//!
//! Kernels from 6.12 on mount erofs from a file directly. Older ones need a loop device; it is told
//! to free itself with the mount, so that nothing has to be detached, even after a crash.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, mount};

/// Mounts an erofs image, read-only.
pub(super) fn mount_erofs(image: &Path, target: &Path) -> io::Result<()> {
    let flags = MountFlags::RDONLY | MountFlags::NODEV;
    match mount(image, target, "erofs", flags, None) {
        Err(rustix::io::Errno::NOTBLK) => {}
        result => return result.map_err(Into::into),
    }
    let (device, _open) = loop_device(image)?;
    // the device is attached while it is open, then while it is mounted
    mount(device, target, "erofs", flags, None).map_err(Into::into)
}

/// Attaches a file to a free loop device.
fn loop_device(image: &Path) -> io::Result<(PathBuf, File)> {
    let control = File::options().read(true).write(true).open("/dev/loop-control")?;
    let backing = File::open(image)?;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let number = free_device(&control)?;
        let path = PathBuf::from(format!("/dev/loop{number}"));
        let device = File::open(&path)?;
        match configure(&device, &backing) {
            Ok(()) => return Ok((path, device)),
            // somebody else was faster
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) && attempts < 100 => {}
            Err(error) => return Err(error),
        }
    }
}

/// `struct loop_info64` of linux/loop.h.
#[repr(C)]
struct LoopInfo {
    numbers: [u64; 5],
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// `struct loop_config` of linux/loop.h, whose descriptor is unsigned there.
#[repr(C)]
struct LoopConfig {
    fd: i32,
    block_size: u32,
    info: LoopInfo,
    reserved: [u64; 8],
}

const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4C82;
const LOOP_CONFIGURE: libc::Ioctl = 0x4C0A;
const READ_ONLY: u32 = 1;
const AUTOCLEAR: u32 = 4;

#[expect(unsafe_code, reason = "rustix has no calls for loop devices")]
fn free_device(control: &File) -> io::Result<i32> {
    // SAFETY: this request takes no argument and touches no memory.
    let number = unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE) };
    if number < 0 { Err(io::Error::last_os_error()) } else { Ok(number) }
}

#[expect(unsafe_code, reason = "rustix has no calls for loop devices")]
fn configure(device: &File, backing: &File) -> io::Result<()> {
    let config = LoopConfig {
        fd: backing.as_raw_fd(),
        block_size: 0,
        info: LoopInfo {
            numbers: [0; 5],
            number: 0,
            encrypt_type: 0,
            encrypt_key_size: 0,
            flags: READ_ONLY | AUTOCLEAR,
            file_name: [0; 64],
            crypt_name: [0; 64],
            encrypt_key: [0; 32],
            init: [0; 2],
        },
        reserved: [0; 8],
    };
    // SAFETY: the kernel reads a `struct loop_config`, which `LoopConfig` lays out as the header
    // does, and keeps no pointer to it; both descriptors are open during the call.
    let result = unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE, &raw const config) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

//! A filter after which calls that force data to disk succeed without doing so.
//!
//! dpkg and maintainer scripts sync for a system that is in use. A root under construction is made
//! durable as a whole when it is finished, and thrown away if it is not. Unlike a preloaded library,
//! the filter also covers static programs, and it leaves nothing in the root.

use std::io;

/// The number by which the kernel names the instruction set that a call was made in.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: Option<u32> = Some(0xc000_003e);
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: Option<u32> = Some(0xc000_00b7);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ARCHITECTURE: Option<u32> = None;

const CALLS: [libc::c_long; 5] = [
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_sync,
    libc::SYS_syncfs,
    libc::SYS_sync_file_range,
];

/// Offsets in `struct seccomp_data`.
const NUMBER_OFFSET: u32 = 0;
const ARCHITECTURE_OFFSET: u32 = 4;

/// A call's number as the filter compares it.
fn number(call: libc::c_long) -> u32 {
    u32::try_from(call).unwrap_or(u32::MAX)
}

/// The filter's program: made before a process forks, installed by the child.
#[derive(Debug)]
pub(super) struct Unsynced(Vec<libc::sock_filter>);

impl Unsynced {
    /// The filter for this machine; it does nothing where the machine's instruction set is not known.
    pub(super) fn new() -> Self {
        let Some(architecture) = ARCHITECTURE else { return Self(Vec::new()) };
        let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
        let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        let answer = (libc::BPF_RET | libc::BPF_K) as u16;
        let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
        let calls = CALLS.len() as u8;
        let mut program = vec![
            step(load, 0, 0, ARCHITECTURE_OFFSET),
            // another instruction set numbers its calls differently: all are allowed
            step(equal, 0, calls + 1, architecture),
            step(load, 0, 0, NUMBER_OFFSET),
        ];
        for (done, call) in CALLS.iter().enumerate() {
            let left = calls - 1 - done as u8;
            program.push(step(equal, left + 1, 0, number(*call)));
        }
        program.push(step(answer, 0, 0, libc::SECCOMP_RET_ALLOW));
        program.push(step(answer, 0, 0, libc::SECCOMP_RET_ERRNO));
        Self(program)
    }

    /// Puts the filter on this process and all that it will start.
    ///
    /// Needs the rights of an administrator (those of a user namespace suffice). Allocates nothing.
    #[expect(unsafe_code, reason = "the standard library and rustix have no call for it")]
    pub(super) fn install(&self) -> io::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let program =
            libc::sock_fprog { len: self.0.len() as u16, filter: self.0.as_ptr().cast_mut() };
        // SAFETY: the kernel reads `len` instructions behind `filter` during the call and keeps no
        // pointer to them; both come from the same vector, which outlives the call.
        let result = unsafe {
            libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::c_ulong::from(libc::SECCOMP_MODE_FILTER),
                &raw const program,
            )
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

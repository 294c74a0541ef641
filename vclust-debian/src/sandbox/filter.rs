//! A filter on the system calls that a root's programs make.
//!
//! Calls that force data to disk succeed without doing so: dpkg and maintainer scripts sync for a
//! system that is in use, but a root under construction is made durable as a whole when it is finished,
//! and thrown away if it is not. Unlike a preloaded library, the filter also covers static programs, and
//! it leaves nothing in the root.
//!
//! Calls that no maintainer script needs, and that would give it a way to the kernel, are refused: those
//! that load code into it, that concern the machine as a whole, and that make namespaces, in which a
//! program would have rights again that were taken from it. So are calls by the numbers of another
//! instruction set, which the filter would not recognise.

use std::io;

/// The number by which the kernel names the instruction set that a call was made in.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: Option<u32> = Some(0xc000_003e);
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: Option<u32> = Some(0xc000_00b7);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ARCHITECTURE: Option<u32> = None;

/// Calls that do nothing and succeed.
const UNSYNCED: [libc::c_long; 5] = [
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_sync,
    libc::SYS_syncfs,
    libc::SYS_sync_file_range,
];

/// Calls that are not permitted.
const REFUSED: [libc::c_long; 33] = [
    // code for the kernel
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_bpf,
    libc::SYS_kexec_load,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    // the machine
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_syslog,
    libc::SYS_fanotify_init,
    libc::SYS_open_by_handle_at,
    // keys, which no namespace separates
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // namespaces and mounts
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_mount_setattr,
];

/// Calls that programs do without where the kernel does not know them: the filter cannot see what they
/// are asked for.
const UNKNOWN: [libc::c_long; 2] = [libc::SYS_clone3, libc::SYS_io_uring_setup];

/// Flags of `clone` that ask for namespaces (`CLONE_NEW*` of linux/sched.h).
const NAMESPACES: u32 = 0x7e02_0000;
/// The bit that tells calls of x32 from others (`__X32_SYSCALL_BIT`); no other machine has such numbers.
const FOREIGN_BIT: u32 = 0x4000_0000;

/// Offsets in `struct seccomp_data`; both machines have the low half of an argument first.
const NUMBER_OFFSET: u32 = 0;
const ARCHITECTURE_OFFSET: u32 = 4;
const FIRST_ARGUMENT_OFFSET: u32 = 16;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const HAS_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const ANSWER: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// What becomes of calls by the numbers of another instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForeignCalls {
    /// Whoever makes one is killed.
    Refused,
    /// They are made, for packages of another architecture that run their own programs.
    Allowed,
}

/// A call's number as the filter compares it.
fn number(call: libc::c_long) -> u32 {
    u32::try_from(call).unwrap_or(u32::MAX)
}

fn step(code: u16, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

fn refused(error: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | error.unsigned_abs()
}

/// The filter's program: made before a process forks, installed by the child.
#[derive(Debug)]
pub(super) struct Filter(Vec<libc::sock_filter>);

impl Filter {
    /// The filter for this machine; it does nothing where the machine's instruction set is not known.
    pub(super) fn new(foreign: ForeignCalls) -> Self {
        let Some(architecture) = ARCHITECTURE else { return Self(Vec::new()) };
        let other = match foreign {
            ForeignCalls::Refused => libc::SECCOMP_RET_KILL_PROCESS,
            ForeignCalls::Allowed => libc::SECCOMP_RET_ALLOW,
        };
        let mut program = vec![
            step(LOAD, 0, 0, ARCHITECTURE_OFFSET),
            step(EQUAL, 1, 0, architecture),
            step(ANSWER, 0, 0, other),
            step(LOAD, 0, 0, NUMBER_OFFSET),
            step(HAS_BIT, 0, 1, FOREIGN_BIT),
            step(ANSWER, 0, 0, refused(libc::ENOSYS)),
        ];
        // each call is compared with and answered by a step of its own, so that no jump is long
        for (calls, answer) in [
            (&UNSYNCED[..], refused(0)),
            (&REFUSED, refused(libc::EPERM)),
            (&UNKNOWN, refused(libc::ENOSYS)),
        ] {
            for call in calls {
                program.push(step(EQUAL, 0, 1, number(*call)));
                program.push(step(ANSWER, 0, 0, answer));
            }
        }
        program.extend([
            step(EQUAL, 0, 3, number(libc::SYS_clone)),
            step(LOAD, 0, 0, FIRST_ARGUMENT_OFFSET),
            step(HAS_BIT, 0, 1, NAMESPACES),
            step(ANSWER, 0, 0, refused(libc::EPERM)),
            step(ANSWER, 0, 0, libc::SECCOMP_RET_ALLOW),
        ]);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a filter answers to a call, by the meaning of its few instructions.
    fn answer(filter: &Filter, architecture: u32, call: u32, first_argument: u32) -> u32 {
        let (mut at, mut value) = (0, 0);
        loop {
            let step = filter.0[at];
            at += 1;
            let holds = match step.code {
                LOAD => {
                    value = match step.k {
                        NUMBER_OFFSET => call,
                        ARCHITECTURE_OFFSET => architecture,
                        FIRST_ARGUMENT_OFFSET => first_argument,
                        offset => panic!("nothing is known of offset {offset}"),
                    };
                    continue;
                }
                EQUAL => value == step.k,
                HAS_BIT => value & step.k != 0,
                ANSWER => return step.k,
                code => panic!("no such instruction: {code}"),
            };
            at += usize::from(if holds { step.jt } else { step.jf });
        }
    }

    #[test]
    fn each_call_gets_its_answer() {
        let Some(own) = ARCHITECTURE else { return };
        let filter = Filter::new(ForeignCalls::Refused);
        let here = |call| answer(&filter, own, number(call), 0);
        assert_eq!(here(libc::SYS_fsync), refused(0));
        assert_eq!(here(libc::SYS_bpf), refused(libc::EPERM));
        assert_eq!(here(libc::SYS_mount_setattr), refused(libc::EPERM));
        assert_eq!(here(libc::SYS_clone3), refused(libc::ENOSYS));
        assert_eq!(here(libc::SYS_openat), libc::SECCOMP_RET_ALLOW);
        assert_eq!(here(libc::SYS_clone), libc::SECCOMP_RET_ALLOW);
        let clone = |flags| answer(&filter, own, number(libc::SYS_clone), flags);
        for flag in [
            libc::CLONE_NEWNS,
            libc::CLONE_NEWCGROUP,
            libc::CLONE_NEWUTS,
            libc::CLONE_NEWIPC,
            libc::CLONE_NEWUSER,
            libc::CLONE_NEWPID,
            libc::CLONE_NEWNET,
        ] {
            assert_eq!(clone(flag.unsigned_abs()), refused(libc::EPERM));
        }
        // what fork and threads ask for
        assert_eq!(clone(0x0120_0011), libc::SECCOMP_RET_ALLOW);
        assert_eq!(clone(0x003d_0f00), libc::SECCOMP_RET_ALLOW);
        let x32 = number(libc::SYS_openat) | FOREIGN_BIT;
        assert_eq!(answer(&filter, own, x32, 0), refused(libc::ENOSYS));
        let i386 = 0x4000_0003;
        assert_eq!(answer(&filter, i386, 1, 0), libc::SECCOMP_RET_KILL_PROCESS);
        let lenient = Filter::new(ForeignCalls::Allowed);
        assert_eq!(answer(&lenient, i386, 1, 0), libc::SECCOMP_RET_ALLOW);
    }
}

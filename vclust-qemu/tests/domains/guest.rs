//! A guest of one sector: it needs no kernel, and every part of a domain's life can be seen on it.
//!
//! It writes `B` to its serial port when it starts and then does what it is told there: `i` counts up
//! and shows the count, so that one sees whether its memory is still the same; `d` shows the first
//! byte of its second disk; `p` writes that letter for ever; `r` restarts the machine; `o` switches it
//! off, and so does the power button.

use std::path::Path;

/// Bytes of a disk that the firmware starts from; it refuses smaller ones.
const DISK: usize = 1 << 20;

/// Writes the guest's disk.
pub(crate) fn disk(path: &Path) {
    let mut disk = vec![0; DISK];
    disk[..CODE.len()].copy_from_slice(CODE);
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    std::fs::write(path, disk).expect("a disk");
}

/// Writes a disk with something in its first byte.
pub(crate) fn second_disk(path: &Path, first: u8, length: usize) {
    let mut disk = vec![0; length];
    disk[0] = first;
    std::fs::write(path, disk).expect("a disk");
}

/// Loaded at 0x7c00, in real mode.
#[rustfmt::skip]
const CODE: &[u8] = &[
    0xfa, // cli
    0x31, 0xc0, // xor %ax,%ax
    0x8e, 0xd8, // mov %ax,%ds
    0x8e, 0xc0, // mov %ax,%es
    0x8e, 0xd0, // mov %ax,%ss
    0xbc, 0x00, 0x7c, // mov $0x7c00,%sp
    // the power button sets its bit once it is enabled
    0xba, 0x02, 0x06, // mov $0x602,%dx
    0xb8, 0x00, 0x01, // mov $0x100,%ax
    0xef, // out %ax,%dx
    0xb3, 0x30, // mov $'0',%bl
    0xb0, 0x42, // mov $'B',%al
    0xe8, 0x5d, 0x00, // call put
    0xfb, // sti
    // loop:
    0xf4, // hlt
    0xba, 0x00, 0x06, // mov $0x600,%dx
    0xed, // in %dx,%ax
    0xf6, 0xc4, 0x01, // test $1,%ah
    0x75, 0x2b, // jnz off
    0xba, 0xfd, 0x03, // mov $0x3fd,%dx
    0xec, // in %dx,%al
    0xa8, 0x01, // test $1,%al
    0x74, 0xee, // jz loop
    0xba, 0xf8, 0x03, // mov $0x3f8,%dx
    0xec, // in %dx,%al
    0x3c, 0x69, // cmp $'i',%al
    0x74, 0x12, // je increase
    0x3c, 0x6f, // cmp $'o',%al
    0x74, 0x17, // je off
    0x3c, 0x72, // cmp $'r',%al
    0x74, 0x1c, // je again
    0x3c, 0x64, // cmp $'d',%al
    0x74, 0x1e, // je disk
    0x3c, 0x70, // cmp $'p',%al
    0x74, 0x37, // je flood
    0xeb, 0xd4, // jmp loop
    // increase:
    0xfe, 0xc3, // inc %bl
    0x88, 0xd8, // mov %bl,%al
    0xe8, 0x29, 0x00, // call put
    0xeb, 0xcb, // jmp loop
    // off:
    0xba, 0x04, 0x06, // mov $0x604,%dx
    0xb8, 0x00, 0x20, // mov $0x2000,%ax
    0xef, // out %ax,%dx
    0xeb, 0xc2, // jmp loop
    // again:
    0xb0, 0xfe, // mov $0xfe,%al
    0xe6, 0x64, // out %al,$0x64
    0xeb, 0xbc, // jmp loop
    // disk:
    // one sector of the second disk to 0x8000; its first byte
    0x53, // push %bx
    0xb8, 0x01, 0x02, // mov $0x0201,%ax
    0xb9, 0x01, 0x00, // mov $1,%cx
    0xba, 0x81, 0x00, // mov $0x0081,%dx
    0xbb, 0x00, 0x80, // mov $0x8000,%bx
    0xcd, 0x13, // int $0x13
    0x5b, // pop %bx
    0xa0, 0x00, 0x80, // mov (0x8000),%al
    0xe8, 0x02, 0x00, // call put
    0xeb, 0xa4, // jmp loop
    // put:
    0xba, 0xf8, 0x03, // mov $0x3f8,%dx
    0xee, // out %al,%dx
    0xc3, // ret
    // flood:
    0xba, 0xf8, 0x03, // mov $0x3f8,%dx
    0xb0, 0x70, // mov $'p',%al
    // next:
    0xee, // out %al,%dx
    0xeb, 0xfd, // jmp next
];

//! Owners and extended attributes.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::root::{put, root, unpack_plain};
use crate::maker::{Tar, seal, with_data};

#[test]
fn owners_are_those_of_the_roots_own_accounts() {
    let root = root();
    put(root.path(), "etc/passwd", "root:x:0:0::/:/bin/sh\nsomeone:x:1234:1:::\n");
    put(root.path(), "etc/group", "root:x:0:\nfolk:x:4321:\n");
    let mut data = Tar::default().entry("./f", b'0', b"", "");
    data.bytes[265..265 + 8].copy_from_slice(b"someone\0");
    data.bytes[297..297 + 8].copy_from_slice(b"unknown\0");
    data.bytes[116..124].copy_from_slice(b"0000077\0");
    seal(&mut data.bytes);
    let mut other = Tar::default().entry("./g", b'0', b"", "");
    other.bytes[265..265 + 8].copy_from_slice(b"\0\0\0\0\0\0\0\0");
    other.bytes[108..116].copy_from_slice(b"0000012\0");
    other.bytes[297..297 + 5].copy_from_slice(b"folk\0");
    seal(&mut other.bytes);
    data.bytes.extend(other.bytes);
    unpack_plain(root.path(), &[with_data(data)], 1).unwrap();
    let of = |name: &str| {
        let metadata = fs::metadata(root.path().join(name)).unwrap();
        (metadata.uid(), metadata.gid())
    };
    assert_eq!((of("f"), of("g")), ((1234, 0o77), (0o12, 4321)));
}

#[test]
fn a_file_is_setuid_only_after_it_has_its_owner() {
    let root = root();
    let mut data = Tar::default().header(b"./su", b'0', 0, b"", "0006755");
    data.bytes[108..116].copy_from_slice(b"0001750\0");
    data.bytes[265] = 0;
    seal(&mut data.bytes);
    unpack_plain(root.path(), &[with_data(data)], 1).unwrap();
    // the kernel clears the bits if the owner changes after them
    let metadata = fs::metadata(root.path().join("su")).unwrap();
    assert_eq!((metadata.uid(), metadata.mode() & 0o7777), (1000, 0o6755));
}

#[test]
fn extended_attributes_are_set() {
    let root = root();
    let records: &[(&str, &[u8])] = &[("SCHILY.xattr.user.note", b"value\0")];
    let data = Tar::default().extended(records).entry("./f", b'0', b"x", "");
    unpack_plain(root.path(), &[with_data(data)], 1).unwrap();
    let mut value = [0; 16];
    let bytes = rustix::fs::getxattr(root.path().join("f"), "user.note", &mut value).unwrap();
    assert_eq!(&value[..bytes], b"value\0");
}

//! Containers that are cut short, in disorder, or of something else.

use crate::maker::{Tar, container, package, read, refusal, with_data};

fn whole() -> Vec<u8> {
    with_data(Tar::default().entry("./f", b'0', &[b'x'; 700], ""))
}

#[test]
fn a_package_that_ends_anywhere_before_its_end_is_refused() {
    let whole = whole();
    assert_eq!(read(&whole).unwrap().len(), 1);
    for end in 0..whole.len() {
        assert!(read(&whole[..end]).is_err(), "cut at {end}");
    }
    let text = refusal(&whole[..whole.len() - 1]);
    assert!(text.contains("is truncated: its member `data.tar` reaches to byte"), "{text}");
}

#[test]
fn members_are_taken_in_the_order_that_dpkg_wants() {
    let (control, data) = (Tar::control("a", "").end(), Tar::default().end());
    let version: (&str, &[u8]) = ("debian-binary", b"2.0\n");
    let control: (&str, &[u8]) = ("control.tar", &control);
    let data: (&str, &[u8]) = ("data.tar", &data);
    let odd: (&str, &[u8]) = ("_odd", b"odd");
    for members in [
        &[version, control, data][..],
        &[version, odd, control, odd, data, ("whatever", b"")],
        &[("debian-binary/", b"2.99\nmore\n"), control, data],
    ] {
        read(&container(members)).unwrap();
    }
    for (members, problem) in [
        (&[control, data][..], "first member is `control.tar`, not `debian-binary`"),
        (&[version, data, control], "`data.tar` stands before `control.tar`"),
        (&[version, control, control, data], "`control.tar` stands before `data.tar`"),
        (&[version, control, ("more", b""), data], "`more` stands before `data.tar`"),
        (&[version, control, ("data.tar", b"")], "`data.tar` is empty"),
        (&[version, control], "it ends at byte"),
        (&[("debian-binary", b"3.0\n"), control, data], "is `3.0`, but 2.x is read"),
        (&[("debian-binary", b"2.0"), control, data], "no format version"),
        (&[("debian-binary", b"2\n"), control, data], "no format version"),
        (&[odd, version, control, data], "first member is `_odd`"),
    ] {
        let text = refusal(&container(members));
        assert!(text.contains(problem), "{problem}: {text}");
    }
    let many: Vec<_> = [version].into_iter().chain([odd; 100]).chain([control, data]).collect();
    assert!(refusal(&container(&many)).contains("among its first 64 members"));
}

#[test]
fn what_is_no_container_is_refused() {
    assert!(refusal(b"").contains("does not start as an ar archive"));
    assert!(refusal(b"!<arch>\r\n").contains("does not start as an ar archive"));
    assert!(refusal(b"!<arch>\n").contains("it ends at byte 8"));
    let mut bytes = whole();
    bytes[8 + 58] = b'x';
    assert!(refusal(&bytes).contains("no member header at byte 8"));
    let mut bytes = whole();
    bytes[8 + 48..8 + 58].copy_from_slice(b"-1        ");
    assert!(refusal(&bytes).contains("`debian-binary` has no valid size"));
    let mut bytes = whole();
    bytes[8 + 48..8 + 58].copy_from_slice(b"9999999999");
    assert!(refusal(&bytes).contains("is truncated"));
}

#[test]
fn compressions_that_are_not_read_are_refused_by_name() {
    let control = Tar::control("a", "").end();
    for name in ["data.tar.bz2", "data.tar.lz4", "data.tar.xz.gz", "data.tarball"] {
        let members: [(&str, &[u8]); 3] =
            [("debian-binary", b"2.0\n"), ("control.tar", &control), (name, b"BZh9")];
        let text = refusal(&container(&members));
        assert!(text.contains(&format!("member `{name}` of PACKAGE is compressed")), "{text}");
    }
}

#[test]
fn control_files_are_files_and_their_paragraph_is_one() {
    let cases: [(Tar, &str); 8] = [
        (Tar::default().entry("./postinst", b'0', b"", ""), "it has no file `control`"),
        (Tar::default().entry("./control", b'0', b"", ""), "`control` is empty"),
        (Tar::default().entry("./control", b'0', b"Package: a\n", ""), "field `Version`"),
        (Tar::default().entry("./control", b'0', b"Package a\n", ""), "line 1: expected"),
        (Tar::control("../a", ""), "`../a` is no name of a package"),
        (Tar::control("a", "").entry("./d/", b'5', b"", ""), "is no regular file"),
        (Tar::control("a", "").entry("./d/f", b'0', b"", ""), "is no name of a control file"),
        (Tar::control("a", "").entry("control", b'0', b"", ""), "is there twice"),
    ];
    for (control, problem) in cases {
        let text = refusal(&package(control, Tar::default()));
        assert!(text.contains(problem), "{problem}: {text}");
    }
    for (lines, problem) in [
        (&b"etc/a\n"[..], "is no absolute path"),
        (b"/etc/../a\n", "leads out of the root"),
        (b"//etc/a\n", "has an absolute name"),
    ] {
        let control = Tar::control("a", "").entry("./conffiles", b'0', lines, "");
        let text = refusal(&package(control, Tar::default()));
        assert!(text.contains(problem), "{problem}: {text}");
    }
}

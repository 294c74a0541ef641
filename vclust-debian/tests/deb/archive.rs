//! Archives inside packages that are damaged, that lie, or that would fill the machine.

use std::io::{Read, Write};

use vclust_debian::{DebError, DebLimits};

use crate::maker::{Tar, container, read, read_with, refusal, seal, with_data, written};

type Compress = fn(&[u8]) -> Vec<u8>;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lzma(bytes: &[u8]) -> Vec<u8> {
    let options = liblzma::stream::LzmaOptions::new_preset(6).unwrap();
    let stream = liblzma::stream::Stream::new_lzma_encoder(&options).unwrap();
    let mut packed = Vec::new();
    liblzma::read::XzEncoder::new_stream(bytes, stream).read_to_end(&mut packed).unwrap();
    packed
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    // with the checksum that dpkg-deb asks for
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const COMPRESSIONS: [(&str, Compress); 4] =
    [("data.tar.gz", gzip), ("data.tar.xz", xz), ("data.tar.zst", zst), ("data.tar.lzma", lzma)];

fn package(member: &str, content: &[u8]) -> Vec<u8> {
    let control = Tar::control("a", "").end();
    container(&[("debian-binary", b"2.0\n"), ("control.tar", &control), (member, content)])
}

fn noise(bytes: u32) -> Vec<u8> {
    (0..bytes / 4).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

#[test]
fn compressed_data_that_end_early_are_refused() {
    let data = Tar::default().entry("./f", b'0', &noise(40_000), "").end();
    for (member, compress) in COMPRESSIONS {
        let whole = compress(&data);
        assert_eq!(read(&package(member, &whole)).unwrap().len(), 1, "{member}");
        let cuts = (1..64).chain([whole.len() / 2]).chain(whole.len() - 32..whole.len());
        for end in cuts {
            let result = read(&package(member, &whole[..end]));
            assert!(result.is_err(), "{member} cut at {end} of {}", whole.len());
        }
    }
}

#[test]
fn damaged_compressed_data_are_refused() {
    let data = Tar::default().entry("./f", b'0', &noise(40_000), "").end();
    // the old lzma has no checksum, so that not every fault of its can be seen
    for (member, compress) in &COMPRESSIONS[..3] {
        let whole = compress(&data);
        for at in [20, 200, whole.len() / 2, whole.len() - 30] {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            let error = read(&package(member, &damaged)).unwrap_err();
            assert!(
                matches!(error, DebError::Damaged { .. } | DebError::Archive { .. }),
                "{error}"
            );
        }
    }
    let text = refusal(&package("data.tar.xz", b"this is not xz"));
    assert!(text.starts_with("member `data.tar.xz` of PACKAGE is damaged"), "{text}");
}

#[test]
fn what_follows_the_end_of_an_archive_is_still_verified() {
    let mut data = Tar::default().entry("./f", b'0', b"x", "").end();
    data.extend_from_slice(&noise(1 << 20));
    for (member, compress) in &COMPRESSIONS[..3] {
        let whole = compress(&data);
        read(&package(member, &whole)).unwrap();
        read(&package(member, &whole[..whole.len() - 100])).unwrap_err();
    }
}

#[test]
fn bombs_are_refused_before_they_unpack() {
    let size = 4 << 20;
    let one = Tar::default().entry("./f", b'0', &vec![0; size], "").end();
    // zeros after the end of the archive, which are only read to verify them
    let mut after = Tar::default().entry("./f", b'0', b"", "").end();
    after.resize(size, 0);
    for (member, compress) in COMPRESSIONS {
        let tight = DebLimits { data_bytes: 1 << 20, ..DebLimits::default() };
        for data in [&one, &after] {
            let file = written(&package(member, &compress(data)));
            let error = read_with(file.path(), tight).unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, DebError::Limit { limit: 0x10_0000, .. }), "{text}");
            assert!(text.contains(member) && text.contains("`./f`"), "{text}");
        }
        let tight = DebLimits { entry_bytes: 1 << 20, ..DebLimits::default() };
        let error =
            read_with(written(&package(member, &compress(&one))).path(), tight).unwrap_err();
        assert!(error.to_string().contains("bytes in a file more than 1048576"), "{error}");
    }
    let control =
        [("debian-binary", &b"2.0\n"[..]), ("control.tar.xz", &xz(&one)), ("data.tar", b"x")];
    let tight = DebLimits { control_bytes: 1 << 20, ..DebLimits::default() };
    let error = read_with(written(&container(&control)).path(), tight).unwrap_err();
    assert!(matches!(error, DebError::Limit { .. }), "{error}");
}

#[test]
fn entries_without_number_are_refused() {
    let mut data = Tar::default();
    for number in 0..1000 {
        data = data.entry(format!("./{number}"), b'5', b"", "");
    }
    let file = written(&package("data.tar.xz", &xz(&data.end())));
    assert_eq!(read_with(file.path(), DebLimits::default()).unwrap().len(), 1000);
    let tight = DebLimits { entries: 100, ..DebLimits::default() };
    let error = read_with(file.path(), tight).unwrap_err();
    assert!(error.to_string().contains("entries more than 100 (at the entry `./100`)"), "{error}");
    // headers that only extend another count, too
    let mut data = Tar::default();
    for _ in 0..200 {
        data = data.extended(&[("comment", b"")]);
    }
    let error = read_with(written(&with_data(data)).path(), tight).unwrap_err();
    assert!(matches!(error, DebError::Limit { what: "entries", .. }), "{error}");
}

#[test]
fn names_and_attributes_are_bounded_together() {
    let value = vec![b'v'; 60_000];
    let mut data = Tar::default();
    for number in 0..40 {
        let records: &[(&str, &[u8])] = &[("SCHILY.xattr.user.a", &value)];
        data = data.extended(records).entry(format!("./{number}"), b'0', b"", "");
    }
    let file = written(&with_data(data));
    assert_eq!(read_with(file.path(), DebLimits::default()).unwrap().len(), 40);
    let tight = DebLimits { names_bytes: 1 << 20, ..DebLimits::default() };
    let error = read_with(file.path(), tight).unwrap_err();
    assert!(error.to_string().contains("bytes in names and attributes more than"), "{error}");

    // a header for all that follow counts with each of them
    let mut global = Tar::default().extended(&[("uname", &value)]);
    global.bytes[156] = b'g';
    seal(&mut global.bytes);
    for number in 0..40 {
        global = global.entry(format!("./{number}"), b'0', b"", "");
    }
    let error = read_with(written(&with_data(global)).path(), tight).unwrap_err();
    assert!(error.to_string().contains("bytes in names and attributes more than"), "{error}");

    let names: Vec<String> = (0..65).map(|number| format!("SCHILY.xattr.user.{number}")).collect();
    let records: Vec<(&str, &[u8])> = names.iter().map(|name| (&name[..], &b""[..])).collect();
    let many = Tar::default().extended(&records).entry("./f", b'0', b"", "");
    assert!(refusal(&with_data(many)).contains("more extended attributes than are allowed"));
}

#[test]
fn dictionaries_are_bounded() {
    let data = Tar::default().entry("./f", b'0', &noise(1 << 20), "").end();
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&data).unwrap();
    let mut options = liblzma::stream::LzmaOptions::new_preset(1).unwrap();
    options.dict_size(128 << 20);
    let mut filters = liblzma::stream::Filters::new();
    filters.lzma2(&options);
    let check = liblzma::stream::Check::Crc64;
    let stream = liblzma::stream::Stream::new_stream_encoder(&filters, check).unwrap();
    let mut large = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    large.write_all(&data).unwrap();
    for (member, packed) in
        [("data.tar.zst", encoder.finish().unwrap()), ("data.tar.xz", large.finish().unwrap())]
    {
        let file = written(&package(member, &packed));
        let error = read_with(file.path(), DebLimits::default()).unwrap_err();
        assert!(error.to_string().contains("a dictionary of more than 67108864"), "{error}");
        let wide = DebLimits { dictionary_bytes: 128 << 20, ..DebLimits::default() };
        assert_eq!(read_with(file.path(), wide).unwrap().len(), 1, "{member}");
    }
    let mut best = liblzma::write::XzEncoder::new(Vec::new(), 9);
    best.write_all(&data).unwrap();
    read(&package("data.tar.xz", &best.finish().unwrap())).unwrap();
}

#[test]
fn names_that_lead_out_of_the_root_are_refused() {
    for (name, problem) in [
        ("../../etc/passwd", "leads out of the root with `..`"),
        ("./usr/../../x", "leads out of the root with `..`"),
        ("/etc/passwd", "has an absolute name"),
        ("./a\nb", "has a newline"),
        ("./a//b", "has an empty component"),
        ("", "has no name"),
    ] {
        let text = refusal(&with_data(Tar::default().entry(name, b'0', b"", "")));
        assert!(text.contains(problem) && text.contains("do not install"), "{name}: {text}");
    }
    let text = refusal(&with_data(Tar::default().entry("./a", b'1', b"", "../../etc/shadow")));
    assert!(text.contains("`./a`, which links to a name that leads out of the root"), "{text}");
    let text = refusal(&with_data(
        Tar::default().extended(&[("path", b"../x")]).entry("a", b'0', b"", ""),
    ));
    assert!(text.contains("the entry `../x`"), "{text}");
}

#[test]
fn the_root_is_a_directory() {
    let text = refusal(&with_data(Tar::default().entry("./", b'2', b"", "/tmp")));
    assert!(text.contains("would replace the root itself"), "{text}");
}

#[test]
fn kinds_that_dpkg_does_not_know_are_refused() {
    for kind in [b'7', b'S', b'V', b'M', b'D', 0xff] {
        let text = refusal(&with_data(Tar::default().entry("./a", kind, b"", "")));
        assert!(text.contains("is of the kind"), "{text}");
    }
}

#[test]
fn archives_that_lie_are_refused() {
    let larger = Tar::default().header(b"./f", b'0', 1 << 20, b"", "0000644").content(b"short");
    let text = refusal(&with_data(larger));
    assert!(text.contains("it ends within or after the entry `./f`"), "{text}");

    let mut wrong = Tar::default().entry("./f", b'0', b"", "");
    wrong.bytes[0] = b'x';
    assert!(refusal(&with_data(wrong)).contains("a header with a wrong checksum at byte 0"));

    let mut negative = Tar::default().entry("./f", b'0', b"", "");
    negative.bytes[124..136].copy_from_slice(&[0xff; 12]);
    seal(&mut negative.bytes);
    assert!(refusal(&with_data(negative)).contains("a header with a wrong size"));

    let mut huge = Tar::default().entry("./f", b'0', b"", "");
    huge.bytes[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255]);
    seal(&mut huge.bytes);
    assert!(refusal(&with_data(huge)).contains("bytes in a file more than"));

    let endless = Tar::default().header(b"././@LongLink", b'L', 1 << 30, b"", "0000644");
    assert!(refusal(&with_data(endless)).contains("bytes in a name or header more than"));
    let endless = Tar::default().header(b"./x", b'x', 1 << 30, b"", "0000644");
    assert!(refusal(&with_data(endless)).contains("bytes in a name or header more than"));
    let malformed = Tar::default().entry("./x", b'x', b"99 path=x\n", "");
    assert!(refusal(&with_data(malformed)).contains("a malformed extended header"));
    let dangling = Tar::default().entry("././@LongLink", b'L', b"name\0", "");
    assert_eq!(read(&with_data(dangling)).unwrap().len(), 0, "as in dpkg");
}

//! Makes the products of a root directory and says what each took.
//!
//! `products ROOT OUT [EPOCH]` writes `root.tar.zst` and `root.erofs` into the new directory OUT, and
//! unpacks the archive there; what each step took goes to stdout.

use std::path::PathBuf;
use std::time::Instant;

use vclust_debian::{Compression, ProductError, Tree, unpack_archive, write_erofs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(root), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: products ROOT OUT [EPOCH]".into());
    };
    let epoch = match arguments.next() {
        Some(epoch) => epoch.to_string_lossy().parse()?,
        None => 1_700_000_000,
    };
    std::fs::create_dir(&out)?;
    let start = Instant::now();
    let tree = Tree::read(&root, epoch)?;
    let (entries, bytes) = (tree.entries(), tree.content_bytes());
    println!("{entries} entries, {bytes} bytes: read in {:.2} s", start.elapsed().as_secs_f64());
    let content = timed("digest", || Ok((tree.digest(&|_| ())?, 0)))?;
    let archive = out.join("root.tar.zst");
    timed("tar.zst", || {
        let written = tree.write_tar_zst(&archive, Compression::default(), &|_| ())?;
        assert_eq!(written.content, content);
        Ok(((), written.file.bytes))
    })?;
    timed("erofs", || {
        let written = write_erofs(&tree, &out.join("root.erofs"), content, &|_| ())?;
        Ok(((), written.bytes))
    })?;
    let unpacked = out.join("root");
    std::fs::create_dir(&unpacked)?;
    timed("unpacked", || {
        let unpacked = unpack_archive(&archive, content, &unpacked, &|_| ())?;
        Ok(((), unpacked.content_bytes))
    })?;
    Ok(())
}

fn timed<T>(
    what: &str,
    work: impl FnOnce() -> Result<(T, u64), ProductError>,
) -> Result<T, ProductError> {
    let start = Instant::now();
    let (answer, bytes) = work()?;
    println!("{what:<10} {:>7.2} s {bytes:>12} bytes", start.elapsed().as_secs_f64());
    Ok(answer)
}

//! Unpacks packages into a directory, and says how long that took; what dpkg has to unpack is named.
//!
//! `cargo run --release -p vclust-debian --example unpack -- [--threads N] [--lists DIRECTORY] ROOT DEB...`

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use vclust_debian::{Overrides, Unpacked, Unpacker};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (mut threads, mut lists, mut paths) = (None, None, Vec::<PathBuf>::new());
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--threads") => {
                let number = arguments.next().ok_or("--threads needs a number")?;
                threads = Some(number.to_string_lossy().parse::<NonZeroUsize>()?);
            }
            Some("--lists") => {
                lists = Some(PathBuf::from(arguments.next().ok_or("--lists needs a directory")?));
            }
            _ => paths.push(argument.into()),
        }
    }
    if paths.len() < 2 {
        return Err("usage: unpack [--threads N] [--lists DIRECTORY] ROOT DEB...".into());
    }
    let root = paths.remove(0);
    std::fs::create_dir_all(&root)?;
    let overrides = Overrides::default();
    let mut unpacker = Unpacker::new(&root, &overrides);
    if let Some(threads) = threads {
        unpacker = unpacker.threads(threads);
    }
    let start = Instant::now();
    let packages = unpacker.read(&paths)?;
    let read = start.elapsed();
    let answers = unpacker.unpack(&packages)?;
    let elapsed = start.elapsed();
    let (mut files, mut bytes, mut longest) = (0, 0, (0.0, String::new()));
    for (package, answer) in packages.iter().zip(&answers) {
        let name = &package.description().name;
        match answer {
            Unpacked::Left(left) => println!("{name} is left to dpkg: {left}"),
            Unpacked::Done(done) => {
                files += done.files.len();
                bytes += done.bytes;
                let seconds = done.elapsed.as_secs_f64();
                if seconds > longest.0 {
                    longest = (seconds, name.clone());
                }
                if let Some(lists) = &lists {
                    std::fs::write(lists.join(format!("{name}.list")), done.list())?;
                }
            }
        }
    }
    println!(
        "{} packages, {files} paths, {:.1} MB in {:.2} s ({:.2} s to read what they say); the longest, \
         {}, took {:.2} s",
        packages.len(),
        bytes as f64 / 1e6,
        elapsed.as_secs_f64(),
        read.as_secs_f64(),
        longest.1,
        longest.0
    );
    Ok(())
}

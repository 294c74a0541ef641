//! Loads one index file and does nothing else: for measuring the memory that takes.
//!
//! With a second argument, `prepare`, it also reads all relations.

use std::path::Path;
use std::process::ExitCode;

use vclust_core::{FileOrigin, Index};
use vclust_debian::open_index;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(file) = arguments.next() else {
        eprintln!("usage: load_index FILE [prepare]");
        return ExitCode::from(2);
    };
    match load(&file) {
        Ok(index) => {
            if arguments.next().as_deref() == Some("prepare") {
                index.prepare();
            }
            println!("{} packages", index.package_count());
            // The process ends here: giving the index back would only take time.
            std::mem::forget(index);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn load(file: &str) -> Result<Index, Box<dyn std::error::Error>> {
    let mut builder = Index::builder("amd64");
    builder.packages(open_index(Path::new(file))?, FileOrigin::named(file))?;
    Ok(builder.build()?)
}

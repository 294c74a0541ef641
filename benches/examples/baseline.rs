//! What loading indexes and resolving a request take without Python, for `scripts/bench-python`.
//!
//! It reads `Packages` files over a status file, then resolves a request again and again, and prints
//! the seconds of each load and each closure as a JSON document.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use serde_json::json;
use vclust_core::Request;
use vclust_grid::{PackageSource, PackagesError, RootState};

const LOADS: usize = 7;
const CLOSURES: usize = 50;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(status), Some(request)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: baseline STATUS PACKAGE,... FILE...");
        return ExitCode::from(2);
    };
    let files: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let items: Vec<String> = request.split(',').map(str::to_owned).collect();
    match measure(&files, status.into(), &items) {
        Ok(document) => {
            println!("{document}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(
    files: &[PathBuf],
    status: PathBuf,
    items: &[String],
) -> Result<serde_json::Value, PackagesError> {
    let source = PackageSource::of_files(files);
    let root = RootState::StatusFile(status);
    let mut loads = Vec::new();
    for _ in 0..LOADS {
        let start = Instant::now();
        let loaded = source.load(&root, &|_| ())?;
        loads.push(start.elapsed().as_secs_f64());
        drop(loaded);
    }
    let loaded = source.load(&root, &|_| ())?;
    loaded.index.prepare();
    let mut closures = Vec::new();
    let mut packages = 0;
    for _ in 0..CLOSURES {
        let start = Instant::now();
        let closure = Request::new(items).resolve(&loaded.index, &loaded.policy)?;
        closures.push(start.elapsed().as_secs_f64());
        packages = closure.len();
    }
    Ok(json!({ "load_seconds": loads, "closure_seconds": closures, "packages": packages }))
}

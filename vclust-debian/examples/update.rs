//! Fetches the indexes of this machine's own sources into a state directory, as apt would:
//! `cargo run -p vclust-debian --example update -- DIRECTORY`.

use std::error::Error;
use std::time::Instant;

use vclust_debian::{
    AptConfiguration, Mirror, Repository, SourceKind, StateDirectory, Wanted, open_index,
};

fn main() -> Result<(), Box<dyn Error>> {
    let state = match std::env::args_os().nth(1) {
        Some(path) => StateDirectory::at(path),
        None => StateDirectory::locate()?,
    };
    let apt = AptConfiguration::load()?;
    for repository in Repository::of_machine(&apt)? {
        let start = Instant::now();
        let mirror = Mirror::for_repository(state.clone(), &repository, &apt);
        let updated = mirror.update(&repository, Wanted::Packages, &|_| {})?;
        let seconds = start.elapsed().as_secs_f64();
        println!("{}: {} bytes in {seconds:.2} s", repository.suite, updated.downloaded);
        for file in mirror.cached(&repository, SourceKind::Binary)? {
            println!("  {}: {} bytes", file.path.display(), open_index(&file.path)?.len());
        }
    }
    Ok(())
}

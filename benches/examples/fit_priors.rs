//! Fits the shipped priors of the install estimator to the runs of our own machine and writes
//! `coefficients.tsv` and `measured.tsv.gz` into a directory, or prints the coefficients.
//!
//! ```sh
//! cargo run --release -p vclust-benches --example fit_priors vclust-core/data/estimates
//! ```

use std::io::Write;
use std::path::Path;

use flate2::{Compression, GzBuilder};
use vclust_benches::{Recorded, own_priors};

fn main() -> std::io::Result<()> {
    let priors = own_priors(&Recorded::read().index);
    let Some(directory) = std::env::args_os().nth(1) else {
        print!("{}", priors.coefficients);
        return Ok(());
    };
    let directory = Path::new(&directory);
    std::fs::write(directory.join("coefficients.tsv"), priors.coefficients)?;
    // Without a time of writing, the same numbers give the same file.
    let file = std::fs::File::create(directory.join("measured.tsv.gz"))?;
    let mut compressed = GzBuilder::new().write(file, Compression::best());
    compressed.write_all(priors.measured.as_bytes())?;
    compressed.finish()?.sync_all()
}

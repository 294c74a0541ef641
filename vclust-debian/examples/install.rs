//! Installs packages into a directory: `install ROOT ARCHITECTURE PACKAGE.deb...`, in dpkg's order. With `STEPS` set it tells
//! how long each step took.

use std::error::Error;
use std::time::Instant;

use vclust_debian::Installation;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: install ROOT ARCHITECTURE PACKAGE.deb...";
    let (root, architecture) = (arguments.next().ok_or(usage)?, arguments.next().ok_or(usage)?);
    std::fs::create_dir_all(&root)?;
    let start = Instant::now();
    let installed = Installation::new(root, architecture, arguments).run(&|_| ())?;
    println!(
        "{} packages in {:.2} s: unpacked in {:.2} s, configured in {:.2} s, {} through dpkg",
        installed.packages.len(),
        start.elapsed().as_secs_f64(),
        installed.unpack_seconds,
        installed.configure_seconds,
        installed.through_dpkg.len()
    );
    if std::env::var_os("STEPS").is_some() {
        for step in installed.steps {
            println!("{:9} {:8.4} s  {}", format!("{:?}", step.step), step.seconds, step.package);
        }
    }
    Ok(())
}

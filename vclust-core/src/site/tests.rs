//! The paper's tables, analytic cases, and what must be true of any simulation.

use super::*;

#[test]
fn explore() {
    let site = SiteDescription::paper();
    for row in site.compare(&Observation::paper()) {
        println!(
            "{:50} {:3} {:7.2} {:7.2} {:+.3}",
            row.what, row.nodes, row.measured_seconds, row.simulated_seconds, row.error
        );
    }
    let calibration = site.calibrate(&Observation::paper()).unwrap();
    for row in calibration.rows {
        println!(
            "{:50} {:3} {:7.2} {:7.2} {:+.3}",
            row.what, row.nodes, row.measured_seconds, row.simulated_seconds, row.error
        );
    }
    println!("{}", calibration.site.to_toml());
}

//! The tables of `docs/src/site-simulation.md`: how far the simulation is from the paper, and what it
//! says of more nodes.

use vclust_core::{
    CalibrationRow, Observation, SiteDescription, SiteError, SiteTask, Software, Strategy,
    TransferMethod,
};

fn main() -> Result<(), SiteError> {
    let all = Observation::paper();
    let (few, sixteen): (Vec<_>, Vec<_>) = all.iter().cloned().partition(|one| one.nodes < 16);
    let hardware = SiteDescription::paper_hardware();
    let fitted = hardware.calibrate(&all)?.rows;
    let from_few = hardware.calibrate(&few)?.site;
    let mut predicted = from_few.compare(&sixteen)?.into_iter();
    println!("| what | nodes | measured | fitted to all | fitted to 4 and 8 nodes |");
    println!("| --- | --- | --- | --- | --- |");
    for row in &fitted {
        // Boots were measured as parts of whole builds only, and these of 16 nodes only.
        let alone = if row.nodes == 16 { predicted.next() } else { None };
        let alone = alone.filter(|row| !row.what.starts_with("whole build"));
        let alone = alone.as_ref().map_or_else(|| "-".to_owned(), figure);
        let (what, nodes) = (&row.what, row.nodes);
        println!("| {what} | {nodes} | {} | {} | {alone} |", row.measured_seconds, figure(row));
    }
    let site = SiteDescription::paper();
    let cached =
        Software { image_bytes: 61_300_000, packages: 0, packages_bytes: 0, ..Software::paper() };
    for (title, software) in
        [("47 packages on the minimal image", Software::paper()), ("all in the image", cached)]
    {
        println!("\n{title}\n\n| strategy | transfer | 16 | 190 | 1,000 | 10,000 |");
        println!("| --- | --- | --- | --- | --- | --- |");
        for strategy in Strategy::ALL {
            for transfer in TransferMethod::ALL {
                print!("| {strategy} | {transfer} |");
                for nodes in [16, 190, 1000, 10_000] {
                    let software = software.clone();
                    let task = SiteTask { strategy, transfer, nodes, software, seed: 1 };
                    let run = site.simulate(&task)?;
                    print!(" {:.0} ({}) |", run.total_seconds, run.bottleneck);
                }
                println!();
            }
        }
    }
    Ok(())
}

fn figure(row: &CalibrationRow) -> String {
    format!("{:.2} ({:+.1} %)", row.simulated_seconds, 100.0 * row.error)
}

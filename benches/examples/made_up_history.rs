//! Prints a made-up site's history as JSON lines, of so many events as its argument says, to measure
//! imports with.

use std::io::{self, BufWriter, Write};

use vclust_benches::made_up_event;

fn main() -> io::Result<()> {
    let number = std::env::args().nth(1).and_then(|number| number.parse().ok());
    let number: u64 = number.unwrap_or(1_000_000);
    let mut out = BufWriter::new(io::stdout().lock());
    for event in (0..number).map(made_up_event) {
        writeln!(out, "{}", event.to_json_line())?;
    }
    out.flush()
}

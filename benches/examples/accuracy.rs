//! Prints the accuracy figures of `docs/src/estimators.md`.

use vclust_benches::Recorded;
use vclust_core::Accuracy;

const SPLITS: u64 = 24;

fn main() {
    let recorded = Recorded::read();
    for (unseen, title) in [(1.0 / 3.0, "a third or more unseen"), (0.0, "all test runs")] {
        for seed in [1, 7] {
            println!("{title}, {SPLITS} splits, seed {seed}");
            recorded.accuracies(SPLITS, seed, unseen).iter().for_each(print);
        }
    }
    let [odd, even] = recorded.halves();
    for (title, rows) in [("learned from odd lines", odd), ("learned from even lines", even)] {
        println!("{title}");
        rows.iter().for_each(print);
    }
    print(&recorded.noise());
}

fn print(row: &Accuracy) {
    println!(
        "  {:42} n {:4}  {:5.1} % {:6.1} % {:6.1} %  covered {:5.1} %",
        row.estimator,
        row.n,
        100.0 * row.median,
        100.0 * row.p90,
        100.0 * row.max,
        100.0 * row.covered
    );
}

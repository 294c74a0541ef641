//! Prints the accuracy figures of `docs/src/estimators.md`, over 24 splits a seed or as many as the
//! first argument says.

use vclust_benches::Recorded;
use vclust_core::Accuracy;

fn main() {
    let splits = std::env::args().nth(1).and_then(|number| number.parse().ok()).unwrap_or(24);
    let recorded = Recorded::read();
    for (unseen, title) in [(1.0 / 3.0, "a third or more unseen"), (0.0, "all test runs")] {
        for seed in [1, 7] {
            println!("{title}, {splits} splits, seed {seed}");
            recorded.accuracies(splits, seed, unseen).iter().for_each(print);
            print(&recorded.accuracy_by_set(splits, seed, unseen));
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

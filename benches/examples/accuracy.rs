//! Prints the accuracy figures of `docs/src/estimators.md`.

use vclust_benches::Recorded;

fn main() {
    let recorded = Recorded::read();
    for (unseen, title) in [(1.0 / 3.0, "a third or more unseen"), (0.0, "all test runs")] {
        for seed in [1, 7] {
            println!("{title}, 8 splits, seed {seed}");
            for row in recorded.accuracies(8, seed, unseen) {
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
        }
    }
    let noise = recorded.noise();
    println!(
        "{}: n {}, {:.1} % {:.1} % {:.1} %",
        noise.estimator,
        noise.n,
        100.0 * noise.median,
        100.0 * noise.p90,
        100.0 * noise.max
    );
}

//! Random universes of two architectures, asked of vclust and of the real `apt-get -s`.

mod support;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use support::apt::Apt;
use support::random::{Features, universe};

/// `RANDOM_UNIVERSES` sets another number than that of every test run.
fn count() -> usize {
    std::env::var("RANDOM_UNIVERSES").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

fn compare(features: Features) {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = universe(features);
    let (mut refused, mut differences) = (0, Vec::new());
    for number in 0..count() {
        let (universe, request) = strategy.new_tree(&mut runner).expect("a universe").current();
        let (expected, said) = Apt::of(&universe).answer(&request);
        let given = universe.answer(&request);
        refused += usize::from(expected == "refused");
        if given != expected {
            differences.push(format!(
                "{number}: {request}\n{universe}vclust: {given}\napt:    {expected}\n{said}"
            ));
        }
    }
    println!("{features:?}: {} universes, apt refuses {refused}", count());
    assert!(differences.is_empty(), "{} differ\n{}", differences.len(), differences.join("\n\n"));
}

#[test]
fn of_one_architecture() {
    compare(Features::Plain);
}

#[test]
fn of_two_architectures() {
    compare(Features::MultiArch);
}

//! Random universes of two architectures, asked of vclust and of the real `apt-get -s`.

mod support;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use support::apt::Apt;
use support::random::{Features, count, universe};

fn compare(features: Features) {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (strategy, count) = (universe(features), count(60));
    let (mut refused, mut differences) = (0, Vec::new());
    for number in 0..count {
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
    println!("{features:?}: {count} universes, apt refuses {refused}");
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

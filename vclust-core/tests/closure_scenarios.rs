//! Closures of small universes: a scenario for every rule that apt's classic solver follows.

#[macro_use]
#[path = "support/multi_arch_scenarios.rs"]
mod multi_arch_scenarios;
#[macro_use]
#[path = "support/scenarios.rs"]
mod scenarios;
mod support;

use support::universe::Universe;

macro_rules! answers_are_right {
    ($($name:ident { $universe:literal; $($request:literal => $answer:literal,)+ })+) => {
        $(
            #[test]
            fn $name() {
                let universe = Universe::parse($universe);
                let expected = [$(format!("{} => {}", $request, $answer)),+];
                let given = [$(format!("{} => {}", $request, universe.answer($request))),+];
                assert_eq!(given.join("\n"), expected.join("\n"));
            }
        )+
    };
}

for_each_scenario!(answers_are_right);
for_each_multi_arch_scenario!(answers_are_right);

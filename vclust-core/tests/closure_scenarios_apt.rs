//! The same scenarios, asked of the real `apt-get -s`: where an expected answer is not apt's, the
//! test says so.

#[macro_use]
#[path = "support/multi_arch_scenarios.rs"]
mod multi_arch_scenarios;
#[macro_use]
#[path = "support/scenarios.rs"]
mod scenarios;
mod support;

use support::apt::Apt;
use support::universe::Universe;

macro_rules! apt_agrees {
    ($($name:ident { $universe:literal; $($request:literal => $answer:literal,)+ })+) => {
        $(
            #[test]
            fn $name() {
                let apt = Apt::of(&Universe::parse($universe));
                let expected = [$(format!("{} => {}", $request, $answer)),+];
                let answers = [$(($request, apt.answer($request))),+];
                let given = answers.each_ref().map(|(request, (plan, _))| {
                    format!("{request} => {plan}")
                });
                let said = answers.map(|(request, (_, said))| format!("{request}:\n{said}"));
                assert_eq!(given.join("\n"), expected.join("\n"), "{}", said.join("\n"));
            }
        )+
    };
}

for_each_scenario!(apt_agrees);
for_each_multi_arch_scenario!(apt_agrees);

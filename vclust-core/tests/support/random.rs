//! Random small universes.

use proptest::option;
use proptest::prelude::*;

use super::universe::{Package, Universe};

/// Which of apt's features a random universe uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Features {
    /// One architecture, no Recommends: what a SAT solver is told here.
    Plain,
    /// Two architectures, `Multi-Arch`, qualified relations and Recommends, too.
    MultiArch,
}

/// How many universes a test draws: `usual`, or what `RANDOM_UNIVERSES` says.
pub(crate) fn count(usual: usize) -> usize {
    std::env::var("RANDOM_UNIVERSES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A universe in which nothing installed lacks anything, and the request for one or two packages.
pub(crate) fn universe(features: Features) -> impl Strategy<Value = (Universe, String)> {
    let request = prop::collection::vec(name_of_package(), 1..=2);
    let recommends = prop::bool::weighted(0.3);
    (prop::collection::vec(line(features), 4..=22), request, recommends).prop_map(
        move |(lines, mut request, recommends)| {
            let mut universe = Universe::parse("");
            if features == Features::MultiArch {
                universe.foreign.push("i386".to_owned());
            }
            for mut package in lines.iter().map(|line| Package::parse(line)) {
                // What is for all architectures is the native package.
                let place = |package: &Package| {
                    (package.name.clone(), package.architecture.replace("all", "amd64"))
                };
                let mut siblings =
                    universe.packages.iter().filter(|other| place(other) == place(&package));
                if siblings.clone().any(|other| other.version == package.version) {
                    continue;
                }
                if siblings.any(|other| other.status.is_some()) {
                    package.status = None;
                }
                universe.packages.push(package);
            }
            mend_root(&mut universe);
            request.dedup();
            if features == Features::MultiArch && recommends {
                request.insert(0, "--recommends".to_owned());
            }
            (universe, request.join(" "))
        },
    )
}

/// Takes away what is installed, the last package first, until the root is whole.
fn mend_root(universe: &mut Universe) {
    while universe.answer("") == "refused" {
        let last = universe.packages.iter_mut().rev().find(|package| package.status.is_some());
        last.expect("an empty root is whole").status = None;
    }
}

fn name_of_package() -> impl Strategy<Value = String> {
    (0..9u8).prop_map(|number| format!("p{number}"))
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![6 => name_of_package(), 2 => (0..3u8).prop_map(|number| format!("v{number}"))]
}

fn constraint() -> impl Strategy<Value = String> {
    let operator = prop::sample::select(vec!["<<", "<=", "=", ">=", ">>"]);
    let some =
        (operator, 1..=3u8).prop_map(|(operator, version)| format!(" ({operator} {version})"));
    prop_oneof![3 => Just(String::new()), 2 => some]
}

fn relation(features: Features) -> impl Strategy<Value = String> {
    let qualifier = match features {
        Features::Plain => Just("").boxed(),
        Features::MultiArch => {
            prop_oneof![14 => Just(""), 2 => Just(":any"), 1 => Just(":i386"), 1 => Just(":amd64")]
                .boxed()
        }
    };
    (name(), qualifier, constraint()).prop_map(|(name, qualifier, constraint)| {
        // apt's answer to `virtual:arch (>= 1)` hangs on the order of the file's stanzas.
        let is_quirk = name.starts_with('v') && qualifier.len() > ":any".len();
        let constraint = if is_quirk { "" } else { &constraint };
        format!("{name}{qualifier}{constraint}")
    })
}

/// One package, as a line of [`Universe::parse`].
fn line(features: Features) -> impl Strategy<Value = String> {
    let group = prop::collection::vec(relation(features), 1..=2).prop_map(|or| or.join(" | "));
    let field =
        |groups| prop::collection::vec(groups, 0..=2).prop_map(|list: Vec<String>| list.join(", "));
    let negative = (prop::sample::select(vec!["conflicts", "breaks"]), relation(features));
    let provides = (0..3u8, option::of(1..=3u8)).prop_map(|(number, version)| match version {
        None => format!("; provides v{number}"),
        Some(version) => format!("; provides v{number} (= {version})"),
    });
    let architecture = match features {
        Features::Plain => Just("").boxed(),
        Features::MultiArch => {
            prop_oneof![5 => Just(""), 3 => Just("; arch=i386"), 1 => Just("; arch=all")].boxed()
        }
    };
    let multi_arch = match features {
        Features::Plain => Just("").boxed(),
        Features::MultiArch => prop_oneof![
            3 => Just(""),
            3 => Just("; ma=same"),
            2 => Just("; ma=foreign"),
            1 => Just("; ma=allowed")
        ]
        .boxed(),
    };
    let recommends = match features {
        Features::Plain => Just(None).boxed(),
        Features::MultiArch => option::weighted(0.2, relation(features)).boxed(),
    };
    (
        (name_of_package(), 1..=3u8, field(group.boxed()), architecture, multi_arch),
        option::weighted(0.25, negative),
        option::weighted(0.3, provides),
        recommends,
        prop::bool::weighted(0.3),
    )
        .prop_map(
            |(
                (name, version, depends, architecture, multi_arch),
                negative,
                provides,
                recommends,
                installed,
            )| {
                let mut line = format!("{name} {version}");
                if !depends.is_empty() {
                    line.extend([" -> ", &depends]);
                }
                if let Some((field, relation)) = negative {
                    line.extend(["; ", field, " ", &relation]);
                }
                line += &provides.unwrap_or_default();
                if let Some(relation) = recommends {
                    line.extend(["; recommends ", &relation]);
                }
                line += architecture;
                // Debian forbids `Multi-Arch: same` for packages of all architectures.
                line += if (architecture, multi_arch) == ("; arch=all", "; ma=same") {
                    ""
                } else {
                    multi_arch
                };
                if installed {
                    line += "; installed";
                }
                line
            },
        )
}

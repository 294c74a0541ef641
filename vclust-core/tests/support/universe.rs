//! Universes of packages, a line each.
//!
//! ```text
//! a 1 -> b (>= 2) | c; conflicts d; provides e (= 1); essential; arch=i386; ma=same; installed
//! % foreign i386
//! % suite experimental not-automatic
//! % pin a: release a=experimental: 600
//! ```
//!
//! A line is a name, a version, what it depends on, and then clauses: relations by the names of
//! their fields in small letters (`pre` for `Pre-Depends`), and
//!
//! | clause | meaning |
//! | --- | --- |
//! | `essential`, `important`, `protected` | the field of that name says yes |
//! | `arch=`, `ma=`, `priority=`, `source=`, `size=` | the field says so; the architecture is amd64 unless given |
//! | `suite=` | the archive that has it; `main` unless given |
//! | `installed`, `held`, `unpacked`, `config-files` | the root has it, in that state, and the archive, too |
//! | `gone` | the archive does not have it any more |

use std::fmt::Write as _;

use vclust_core::{
    Closure, FileOrigin, Index, PackagePattern, Pattern, Pin, PinSelector, Policy, ReleasePattern,
    Request, ResolveError, Suite,
};

/// The archive of packages that name none.
const MAIN: &str = "main";

#[derive(Debug, Clone)]
pub(crate) struct Universe {
    pub(crate) foreign: Vec<String>,
    pub(crate) suites: Vec<Archive>,
    pub(crate) pins: Vec<PinLine>,
    pub(crate) packages: Vec<Package>,
}

/// A suite and what its Release file says.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    pub(crate) name: String,
    pub(crate) not_automatic: bool,
    pub(crate) but_automatic_upgrades: bool,
}

/// A pin, as its three fields in apt's preferences.
#[derive(Debug, Clone)]
pub(crate) struct PinLine {
    pub(crate) package: String,
    pub(crate) pin: String,
    pub(crate) priority: i32,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Names and values of the fields beside those of its own.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) architecture: String,
    pub(crate) suite: String,
    /// What dpkg's status says, if it is there.
    pub(crate) status: Option<&'static str>,
    pub(crate) gone: bool,
}

impl Universe {
    pub(crate) fn parse(text: &str) -> Self {
        let mut universe = Self {
            foreign: Vec::new(),
            suites: vec![Archive {
                name: MAIN.to_owned(),
                not_automatic: false,
                but_automatic_upgrades: false,
            }],
            pins: Vec::new(),
            packages: Vec::new(),
        };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.strip_prefix('%') {
                Some(setting) => universe.set(setting.trim()),
                None => universe.packages.push(Package::parse(line)),
            }
        }
        universe
    }

    fn set(&mut self, setting: &str) {
        let (word, rest) = setting.split_once(' ').expect("a setting and its value");
        match word {
            "foreign" => self.foreign.push(rest.to_owned()),
            "suite" => {
                let mut words = rest.split(' ');
                let name = words.next().expect("a suite has a name").to_owned();
                let flags: Vec<&str> = words.collect();
                self.suites.push(Archive {
                    name,
                    not_automatic: flags.contains(&"not-automatic"),
                    but_automatic_upgrades: flags.contains(&"but-automatic-upgrades"),
                });
            }
            "pin" => {
                let parts: Vec<&str> = rest.split(": ").collect();
                let [package, pin, priority] = parts[..] else { panic!("a pin: {rest}") };
                self.pins.push(PinLine {
                    package: package.to_owned(),
                    pin: pin.to_owned(),
                    priority: priority.parse().expect("a priority"),
                });
            }
            other => panic!("no such setting: {other}"),
        }
    }

    /// The `Packages` file of a suite.
    pub(crate) fn packages_of(&self, suite: &str) -> String {
        let there = self.packages.iter().filter(|package| package.suite == suite && !package.gone);
        there.map(|package| package.stanza(false)).collect()
    }

    /// dpkg's status file.
    pub(crate) fn status(&self) -> String {
        let installed = self.packages.iter().filter(|package| package.status.is_some());
        installed.map(|package| package.stanza(true)).collect()
    }

    pub(crate) fn index(&self) -> Index {
        let mut builder = Index::builder("amd64");
        for architecture in &self.foreign {
            builder.foreign_architecture(architecture);
        }
        for archive in &self.suites {
            let suite = Suite {
                archive: Some(archive.name.clone()),
                codename: Some(archive.name.clone()),
                not_automatic: archive.not_automatic,
                but_automatic_upgrades: archive.but_automatic_upgrades,
                ..Suite::default()
            };
            let origin = FileOrigin::of_suite(archive.name.clone(), suite);
            builder.packages(self.packages_of(&archive.name), origin).expect("a Packages file");
        }
        let now = Suite { archive: Some("now".to_owned()), ..Suite::default() };
        builder.status(self.status(), FileOrigin::of_suite("status", now));
        builder.build().expect("an index")
    }

    pub(crate) fn policy(&self, asked: &Asked) -> Policy {
        let pins = self.pins.iter().map(|line| {
            let literal = |text: &str| Some(Pattern::parse(text).expect("a pattern"));
            let selector = match line.pin.split_once(' ').expect("a kind of pin") {
                ("release", text) => {
                    let mut pattern = ReleasePattern::default();
                    for part in text.split(',') {
                        match part.split_once('=').expect("a key of a release") {
                            ("a", value) => pattern.archive = literal(value),
                            ("n", value) => pattern.codename = literal(value),
                            (key, _) => panic!("no such key: {key}"),
                        }
                    }
                    PinSelector::Release(Box::new(pattern))
                }
                ("version", text) => PinSelector::Version(Pattern::parse(text).expect("a pattern")),
                (kind, _) => panic!("no such kind of pin: {kind}"),
            };
            let packages = match line.package.as_str() {
                "*" => PackagePattern::all(),
                name => PackagePattern::parse(name).expect("a pattern of packages"),
            };
            Pin { packages, selector, priority: line.priority }
        });
        let policy = Policy::with_pins(pins.collect());
        match &asked.default_release {
            Some(name) => policy.default_release(name.clone()),
            None => policy,
        }
    }

    /// vclust's answer, in the words of [`plan`]; `refused` where it gives none.
    pub(crate) fn answer(&self, request: &str) -> String {
        self.resolve(request, |closure| match closure {
            Ok(closure) => plan_of(&closure),
            Err(_) => "refused".to_owned(),
        })
    }

    /// What vclust says where it refuses.
    pub(crate) fn refusal(&self, request: &str) -> String {
        self.resolve(request, |closure| match closure {
            Ok(closure) => format!("not refused: {}", plan_of(&closure)),
            Err(error) => error.explanation().join("\n"),
        })
    }

    pub(crate) fn resolve<R>(
        &self,
        request: &str,
        then: impl FnOnce(Result<Closure<'_>, ResolveError>) -> R,
    ) -> R {
        let asked = Asked::parse(request);
        let index = self.index();
        let policy = self.policy(&asked);
        let request = Request::new(asked.items.clone()).install_recommends(asked.recommends);
        then(request.resolve(&index, &policy))
    }
}

/// A request: items, after `--recommends` and `-t SUITE`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) items: Vec<String>,
    pub(crate) recommends: bool,
    pub(crate) default_release: Option<String>,
}

impl Asked {
    pub(crate) fn parse(text: &str) -> Self {
        let mut asked = Self::default();
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            match word {
                "--recommends" => asked.recommends = true,
                "-t" => asked.default_release = words.next().map(str::to_owned),
                item => asked.items.push(item.to_owned()),
            }
        }
        asked
    }
}

impl Package {
    fn parse(line: &str) -> Self {
        let mut clauses = line.split(';').map(str::trim).filter(|clause| !clause.is_empty());
        let head = clauses.next().expect("a line starts with a name");
        let (head, depends) = match head.split_once("->") {
            Some((head, depends)) => (head.trim(), Some(depends.trim())),
            None => (head, None),
        };
        let (name, version) = head.split_once(' ').expect("a name and a version");
        let mut package = Self {
            name: name.to_owned(),
            version: version.trim().to_owned(),
            architecture: "amd64".to_owned(),
            suite: MAIN.to_owned(),
            ..Self::default()
        };
        if let Some(depends) = depends {
            package.field("Depends", depends);
        }
        for clause in clauses {
            package.clause(clause);
        }
        package
    }

    pub(crate) fn field(&mut self, name: &str, value: &str) {
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    fn clause(&mut self, clause: &str) {
        if let Some((key, value)) = clause.split_once(['=', ' ']) {
            match key {
                "arch" => self.architecture = value.to_owned(),
                "suite" => self.suite = value.to_owned(),
                "ma" => self.field("Multi-Arch", value),
                "priority" => self.field("Priority", value),
                "source" => self.field("Source", value),
                "size" => self.field("Installed-Size", value),
                "pre" => self.field("Pre-Depends", value),
                "recommends" => self.field("Recommends", value),
                "suggests" => self.field("Suggests", value),
                "conflicts" => self.field("Conflicts", value),
                "breaks" => self.field("Breaks", value),
                "replaces" => self.field("Replaces", value),
                "provides" => self.field("Provides", value),
                other => panic!("no such clause: {other}"),
            }
            return;
        }
        match clause {
            "essential" => self.field("Essential", "yes"),
            "important" => self.field("Important", "yes"),
            "protected" => self.field("Protected", "yes"),
            "installed" => self.status = Some("install ok installed"),
            "held" => self.status = Some("hold ok installed"),
            "unpacked" => self.status = Some("install ok unpacked"),
            "config-files" => self.status = Some("deinstall ok config-files"),
            "gone" => self.gone = true,
            other => panic!("no such clause: {other}"),
        }
    }

    fn stanza(&self, status: bool) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            writeln!(text, "{name}: {value}").expect("strings take everything");
        };
        line("Package", &self.name);
        if let (true, Some(words)) = (status, self.status) {
            line("Status", words);
        }
        line("Architecture", &self.architecture);
        line("Version", &self.version);
        for (name, value) in &self.fields {
            line(name, value);
        }
        if !status {
            line(
                "Filename",
                &format!("./{}_{}_{}.deb", self.name, self.version, self.architecture),
            );
            line("Size", "1000");
        }
        text.push('\n');
        text
    }
}

/// A closure in one line: `b=2` is installed or upgraded to, `-c=1` goes, both sorted by name; a
/// package of a foreign architecture is `name:architecture`.
pub(crate) fn plan_of(closure: &Closure<'_>) -> String {
    let name = |version: &vclust_core::VersionView<'_>| {
        let package = version.package();
        match package.architecture() {
            "amd64" => package.name().into_owned(),
            other => format!("{}:{other}", package.name()),
        }
    };
    let install = closure.install().map(|version| (name(&version), version.version().into_owned()));
    let remove = closure.remove().map(|version| (name(&version), version.version().into_owned()));
    plan(install.collect(), remove.collect())
}

/// A plan in one line, from names and versions to install and to remove.
pub(crate) fn plan(install: Vec<(String, String)>, remove: Vec<(String, String)>) -> String {
    let words = |list: Vec<(String, String)>, sign: &str| {
        let mut words: Vec<String> =
            list.iter().map(|(name, version)| format!("{sign}{name}={version}")).collect();
        words.sort();
        words
    };
    let mut all = words(install, "");
    all.extend(words(remove, "-"));
    if all.is_empty() { "nothing".to_owned() } else { all.join(" ") }
}

//! What is known of a package before it is installed, as the terms of the cost model.

use super::tables::{Contents, Deb, Measured};
use crate::history::PackageVersion;
use crate::index::{Index, RelationKind, VersionView};

/// Terms of the cost of unpacking: 1, compressed and uncompressed megabytes to decode, files,
/// directories, megabytes to write, conffiles, whether there is a preinst.
pub(super) const UNPACK: usize = 8;
/// Terms of the cost of configuring; 16 where the maintainer scripts are known, else 10.
pub(super) const SCRIPTS: usize = 16;
pub(super) const BY_INDEX: usize = 10;

/// What the cost of configuring depends on.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Configure {
    /// What the maintainer scripts call: see [`Deb::script`].
    Scripts([f64; SCRIPTS]),
    /// 1, files in /etc, whether it has Python files and how many, units, init scripts,
    /// dependencies on debconf, adduser and ucf, programs.
    ByIndex([f64; BY_INDEX]),
}

/// What is known of a package.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    pub(super) unpack: [f64; UNPACK],
    pub(super) configure: Configure,
    pub(super) activates_ldconfig: bool,
    /// Seconds and runs that we measured, on the machine that the shipped coefficients are of.
    pub(super) measured_configure: Option<(f64, f64)>,
    pub(super) measured_unpack: Option<(f64, f64)>,
}

/// The version of a package that an index has: the one asked for, else the highest.
pub(in crate::estimate) fn find_version<'a>(
    index: &'a Index,
    package: &PackageVersion,
) -> Option<VersionView<'a>> {
    let found = match package.package.split_once(':') {
        Some((name, architecture)) => index.find_on(name, architecture)?,
        None => index.find(&package.package)?,
    };
    let same = found.versions().find(|version| version.version() == package.version);
    same.or_else(|| found.versions().next())
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// A package's name without its architecture.
fn bare_name(package: &PackageVersion) -> &str {
    package.package.split(':').next().unwrap_or_default()
}

/// dpkg decodes several blocks of xz at once, so what comes after the first 24 MB costs less.
fn parallel_share(megabytes: f64) -> f64 {
    let first = (24.0 / megabytes).min(1.0);
    first + 0.45 * (1.0 - first)
}

impl Facts {
    pub(super) fn of(index: &Index, package: &PackageVersion) -> Self {
        let name = bare_name(package);
        let Some(deb) = Deb::of(name) else { return Self::without_deb(index, package) };
        // A package that vanished from the index is taken for a small one.
        let compressed = find_version(index, package).map_or(100_000, |version| version.size());
        Self::of_deb(&deb, megabytes(compressed), Contents::of(name).as_ref(), Measured::of(name))
    }

    /// As [`Facts::of`] where the package's .deb is not known.
    pub(super) fn without_deb(index: &Index, package: &PackageVersion) -> Self {
        let version = find_version(index, package);
        let compressed = version.map_or(100_000, |version| version.size());
        let installed = version.map_or(400_000, |version| version.installed_size());
        let contents = Contents::of(bare_name(package));
        Self::by_index(version, megabytes(compressed), megabytes(installed.max(1)), contents)
    }

    fn of_deb(
        deb: &Deb,
        compressed: f64,
        contents: Option<&Contents>,
        measured: Option<Measured>,
    ) -> Self {
        let written = deb.megabytes.max(1e-6);
        let share = parallel_share(written);
        let s = deb.script;
        let python = if s[4] > 0.0 { contents.map_or(0.0, |counts| counts.python) } else { 0.0 };
        Self {
            unpack: [
                1.0,
                compressed * share,
                written * share,
                deb.files,
                deb.directories,
                written,
                deb.conffiles,
                deb.preinst,
            ],
            configure: Configure::Scripts([
                1.0, s[0], s[1], s[2], s[3], s[4], python, s[5], s[6], s[7], s[8], s[9], s[10],
                s[11], s[12], s[13],
            ]),
            activates_ldconfig: deb.activates_ldconfig,
            measured_configure: measured.as_ref().and_then(|measured| measured.configure),
            measured_unpack: measured.and_then(|measured| measured.unpack),
        }
    }

    fn by_index(
        version: Option<VersionView<'_>>,
        compressed: f64,
        installed: f64,
        contents: Option<Contents>,
    ) -> Self {
        // A package that is in no Contents index has as many files as others of its size.
        let counts = contents.unwrap_or(Contents {
            files: 8.0 + 15.0 * installed.powf(0.7),
            directories: 8.0,
            etc: 0.0,
            python: 0.0,
            libraries: 0.0,
            units: 0.0,
            init_scripts: 0.0,
            programs: 0.0,
        });
        let needs = version.map(depends_on).unwrap_or_default();
        let flag = |yes: bool| f64::from(u8::from(yes));
        let python = if needs.python { counts.python } else { 0.0 };
        let directories = counts.directories + 6.0;
        // Installed-Size counts a kilobyte for each directory and rounds each file up.
        let written =
            (installed - 0.001 * (counts.files + directories)).max(0.7 * installed).max(1e-6);
        let share = parallel_share(written);
        Self {
            unpack: [
                1.0,
                compressed * share,
                written * share,
                counts.files,
                directories,
                written,
                counts.etc,
                0.0,
            ],
            configure: Configure::ByIndex([
                1.0,
                counts.etc,
                flag(python > 0.0),
                python,
                flag(counts.units > 0.0),
                flag(counts.init_scripts > 0.0),
                flag(needs.debconf),
                flag(needs.adduser),
                flag(needs.ucf),
                counts.programs.min(1.0),
            ]),
            activates_ldconfig: counts.libraries > 0.0,
            measured_configure: None,
            measured_unpack: None,
        }
    }
}

/// Dependencies that tell what a maintainer script will do.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts")]
struct Needs {
    debconf: bool,
    adduser: bool,
    ucf: bool,
    python: bool,
}

fn depends_on(version: VersionView<'_>) -> Needs {
    let mut needs = Needs::default();
    for kind in [RelationKind::Depends, RelationKind::PreDepends] {
        let field = version.field(kind.field()).unwrap_or_default();
        for relation in field.split([',', '|']) {
            let end = |letter: char| letter.is_whitespace() || letter == '(' || letter == ':';
            let name = relation.trim().split(end).next().unwrap_or_default();
            needs.debconf |= name == "debconf" || name == "debconf-2.0";
            needs.adduser |= name == "adduser";
            needs.ucf |= name == "ucf";
            needs.python |= name.starts_with("python3");
        }
    }
    needs
}

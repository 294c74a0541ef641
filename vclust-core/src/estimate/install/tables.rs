//! The shipped tables: what is known of Debian's packages before anything was measured at a site.
//!
//! `contents` counts files, from Debian 12's Contents indexes, for all packages. `debs` counts what
//! maintainer scripts call, from the .debs of some usual packages. `measured` has the seconds that
//! some of these took on our own machine (`benches/data/own-installs.jsonl.gz`).

use std::io::Read;
use std::sync::OnceLock;

use flate2::read::GzDecoder;

const CONTENTS: &[u8] = include_bytes!("../../../data/estimates/contents.tsv.gz");
const MEASURED: &[u8] = include_bytes!("../../../data/estimates/measured.tsv.gz");
const DEBS: &[u8] = include_bytes!("../../../data/estimates/debs.tsv.gz");

/// A table of tab-separated numbers, sorted by the name in its first column.
pub(super) struct Table {
    text: String,
    /// Where each line starts, the header left out.
    lines: Vec<u32>,
}

impl Table {
    fn read(compressed: &[u8]) -> Self {
        let mut text = String::new();
        // The data is part of the program, so it can be read; a test looks up its last line.
        GzDecoder::new(compressed).read_to_string(&mut text).unwrap_or_default();
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let mut lines: Vec<u32> = ends.map(|(at, _)| at as u32 + 1).collect();
        lines.pop();
        Self { text, lines }
    }

    /// Counts of files by package: see [`Contents`].
    pub(super) fn contents() -> &'static Self {
        static TABLE: OnceLock<Table> = OnceLock::new();
        TABLE.get_or_init(|| Self::read(CONTENTS))
    }

    /// Facts of .debs by package: see [`Deb`].
    pub(super) fn debs() -> &'static Self {
        static TABLE: OnceLock<Table> = OnceLock::new();
        TABLE.get_or_init(|| Self::read(DEBS))
    }

    /// Seconds that we measured: see [`Measured`].
    pub(super) fn measured() -> &'static Self {
        static TABLE: OnceLock<Table> = OnceLock::new();
        TABLE.get_or_init(|| Self::read(MEASURED))
    }

    /// The numbers of a package; what the line leaves empty is 0.
    pub(super) fn find<const N: usize>(&self, package: &str) -> Option<[f64; N]> {
        let place = self.lines.binary_search_by(|start| self.name(*start).cmp(package)).ok()?;
        let mut numbers = [0.0; N];
        for (number, field) in numbers.iter_mut().zip(self.fields(self.lines[place])) {
            *number = field.parse().unwrap_or(0.0);
        }
        Some(numbers)
    }

    /// All names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|start| self.name(*start))
    }

    fn name(&self, start: u32) -> &str {
        let rest = &self.text[start as usize..];
        &rest[..memchr::memchr2(b'\t', b'\n', rest.as_bytes()).unwrap_or(rest.len())]
    }

    fn fields(&self, start: u32) -> impl Iterator<Item = &str> {
        let rest = &self.text[start as usize..];
        rest[..rest.find('\n').unwrap_or(rest.len())].split('\t').skip(1)
    }
}

/// Columns of the contents table.
pub(super) struct Contents {
    pub(super) files: f64,
    pub(super) directories: f64,
    pub(super) etc: f64,
    pub(super) python: f64,
    pub(super) libraries: f64,
    pub(super) units: f64,
    pub(super) init_scripts: f64,
    pub(super) programs: f64,
}

impl Contents {
    pub(super) fn of(package: &str) -> Option<Self> {
        let [files, directories, etc, python, libraries, units, init_scripts, programs] =
            Table::contents().find(package)?;
        Some(Self { files, directories, etc, python, libraries, units, init_scripts, programs })
    }
}

/// Columns of the table of .debs.
pub(super) struct Deb {
    pub(super) files: f64,
    pub(super) directories: f64,
    pub(super) megabytes: f64,
    pub(super) preinst: f64,
    pub(super) conffiles: f64,
    /// Postinst, conffiles, then calls of deb-systemd-helper (system, user), py3compile,
    /// update-alternatives, adduser, debconf, ucf, dpkg-maintscript-helper, update-rc.d,
    /// find or chown -R, interpreters; and triggers it is interested in.
    pub(super) script: [f64; 14],
    pub(super) activates_ldconfig: bool,
}

impl Deb {
    pub(super) fn of(package: &str) -> Option<Self> {
        let row: [f64; 20] = Table::debs().find(package)?;
        let [files, directories, links, kilobytes, postinst, preinst, conffiles, ..] = row;
        let [system_units, user_units, py3compile, alternatives, adduser] =
            [row[7], row[8], row[9].min(1.0), row[10], row[11].min(4.0)];
        let [debconf, ucf, helper, update_rc, find, interpreters] = [
            row[12],
            row[13].min(3.0),
            row[14],
            row[15].min(2.0),
            row[16].min(5.0),
            row[17].min(3.0),
        ];
        Some(Self {
            files: files + links,
            directories,
            megabytes: kilobytes / 1000.0,
            preinst,
            conffiles,
            script: [
                postinst,
                conffiles,
                system_units,
                user_units,
                py3compile,
                alternatives,
                adduser,
                debconf,
                ucf,
                helper,
                update_rc,
                find,
                interpreters,
                row[19],
            ],
            activates_ldconfig: row[18] > 0.0,
        })
    }
}

/// Columns of the table of measured packages: seconds and the number of runs they are of.
pub(super) struct Measured {
    pub(super) configure: Option<(f64, f64)>,
    pub(super) unpack: Option<(f64, f64)>,
}

impl Measured {
    pub(super) fn of(package: &str) -> Option<Self> {
        let [configure, configure_runs, unpack, unpack_runs] = Table::measured().find(package)?;
        let measured = |seconds, runs| (runs > 0.0).then_some((seconds, runs));
        Some(Self {
            configure: measured(configure, configure_runs),
            unpack: measured(unpack, unpack_runs),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_hold_every_package() {
        for table in [Table::contents(), Table::debs(), Table::measured()] {
            let names: Vec<&str> = table.names().collect();
            assert!(names.is_sorted() && names.len() > 1000);
            for name in [names[0], names[names.len() / 2], names[names.len() - 1]] {
                assert!(table.find::<1>(name).is_some(), "{name}");
            }
        }
        assert!(Table::contents().find::<8>("no-such-package").is_none());
        let deb = Deb::of("locales").expect("a shipped package");
        assert!(deb.files > 100.0 && deb.script[0] > 0.0);
    }
}

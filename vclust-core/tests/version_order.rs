//! The order of versions is dpkg's: its published tests, and what the machine's own dpkg and apt
//! say about a large sample.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use vclust_core::compare_versions;

/// Versions of Debian 12 and 13, half of them with an epoch, a tilde or letters between digits.
const REAL: &str = include_str!("data/versions.txt");
const VECTORS: &str = include_str!("data/version-vectors.txt");

/// How many pairs dpkg is asked about, a process for each, and apt, in one process.
const PAIRS_FOR_DPKG: usize = 600;
const PAIRS_FOR_APT: usize = 200_000;

/// What Python's apt is asked to do: a line with two versions in, the sign of their order out.
const APT: &str = "\
import sys, apt_pkg
apt_pkg.init_system()
for line in sys.stdin:
    order = apt_pkg.version_compare(*line.split())
    print((order > 0) - (order < 0))
";

/// What a shell is asked to do: the same with dpkg.
const DPKG: &str = "\
while read -r a b; do
    if dpkg --compare-versions \"$a\" lt \"$b\"; then echo -1
    elif dpkg --compare-versions \"$a\" eq \"$b\"; then echo 0
    else echo 1; fi
done
";

/// A small generator of numbers (xorshift), so that every run draws the same pairs.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("a small number")
    }

    fn letter(&mut self, alphabet: &str) -> char {
        char::from(alphabet.as_bytes()[self.below(alphabet.len())])
    }

    /// A version with one to three letters inserted, removed or replaced; still valid.
    fn mutated(&mut self, version: &str) -> String {
        let start = version.find(':').map_or(0, |at| at + 1);
        let mut letters: Vec<char> = version[start..].chars().collect();
        for _ in 0..=self.below(3) {
            let at = 1 + self.below(letters.len());
            match self.below(3) {
                0 => letters.insert(at, self.letter("0019a~+.Z")),
                1 if letters.len() > at => drop(letters.remove(at)),
                _ if letters.len() > at => letters[at] = self.letter("0019a~+.Z"),
                _ => letters.push(self.letter("01~.")),
            }
        }
        if letters.last() == Some(&'-') {
            letters.push('0');
        }
        version[..start].chars().chain(letters).collect()
    }

    /// A short version over few letters, so that near ties are frequent.
    fn tiny(&mut self) -> String {
        let mut version = String::new();
        if self.below(4) == 0 {
            let _ = write!(version, "{}:", self.below(2));
        }
        version.push(self.letter("01"));
        for _ in 0..self.below(6) {
            version.push(self.letter("01a~+."));
        }
        if self.below(2) == 0 {
            version.push('-');
            for _ in 0..=self.below(3) {
                version.push(self.letter("01a~+."));
            }
        }
        version
    }

    fn pairs(&mut self, number: usize) -> Vec<(String, String)> {
        let real: Vec<&str> = REAL.lines().collect();
        let pair = |draw: &mut Self| {
            let first = real[draw.below(real.len())];
            match draw.below(4) {
                0 => (first.to_owned(), real[draw.below(real.len())].to_owned()),
                1 => (first.to_owned(), draw.mutated(first)),
                2 => (draw.mutated(first), draw.mutated(first)),
                _ => (draw.tiny(), draw.tiny()),
            }
        };
        (0..number).map(|_| pair(self)).collect()
    }
}

/// The orders of `pairs` as a program says that reads them, one pair a line.
fn ask(command: &mut Command, pairs: &[(String, String)]) -> Vec<Ordering> {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut input = child.stdin.take().expect("a pipe");
    let text: String = pairs.iter().fold(String::new(), |mut text, (a, b)| {
        let _ = writeln!(text, "{a} {b}");
        text
    });
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("the writer ends").expect("the program reads everything");
    let text = String::from_utf8(output.stdout).expect("plain text");
    let orders: Vec<Ordering> =
        text.lines().map(|line| line.parse::<i8>().expect("a sign").cmp(&0)).collect();
    assert_eq!(orders.len(), pairs.len(), "the program answers every pair");
    orders
}

fn assert_same_orders(pairs: &[(String, String)], orders: &[Ordering], authority: &str) {
    for ((a, b), expected) in pairs.iter().zip(orders) {
        let ours = compare_versions(a.as_bytes(), b.as_bytes());
        assert_eq!(ours, *expected, "`{a}` and `{b}`: {authority} says otherwise");
        let turned = compare_versions(b.as_bytes(), a.as_bytes());
        assert_eq!(turned, expected.reverse(), "`{b}` and `{a}`, turned round");
    }
}

fn dpkg() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", DPKG]);
    command
}

fn vectors() -> (Vec<(String, String)>, Vec<Ordering>) {
    let lines = VECTORS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let [a, relation, b] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("`{line}` is not two versions and a relation");
            };
            let order = match relation {
                "<" => Ordering::Less,
                "=" => Ordering::Equal,
                ">" => Ordering::Greater,
                _ => panic!("`{relation}` is no relation"),
            };
            ((a.to_owned(), b.to_owned()), order)
        })
        .unzip()
}

#[test]
fn the_published_vectors_hold_for_us_and_for_dpkg() {
    let (pairs, orders) = vectors();
    assert!(pairs.len() > 90, "{} vectors", pairs.len());
    assert_same_orders(&pairs, &orders, "the published test");
    assert_eq!(ask(&mut dpkg(), &pairs), orders, "dpkg agrees with the published tests");
}

#[test]
fn dpkg_orders_a_random_sample_as_we_do() {
    let pairs = Draw(0x9e37_79b9_7f4a_7c15).pairs(PAIRS_FOR_DPKG);
    assert_same_orders(&pairs, &ask(&mut dpkg(), &pairs), "dpkg");
}

#[test]
fn apt_orders_a_large_random_sample_as_we_do() {
    let python = || Command::new("/usr/bin/python3");
    let probe = python().args(["-c", "import apt_pkg"]).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("left out: /usr/bin/python3 has no apt_pkg (Debian's python3-apt)");
        return;
    }
    let pairs = Draw(0x2545_f491_4f6c_dd1d).pairs(PAIRS_FOR_APT);
    assert_same_orders(&pairs, &ask(python().args(["-c", APT]), &pairs), "apt");
}

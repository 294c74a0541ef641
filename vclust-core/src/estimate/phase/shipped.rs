//! What phases took before a site measured any.
//!
//! Measured with QEMU 7.2 in software emulation on 2 cores, Debian 12 and its cloud kernel: `layers`
//! booted 1, 4 and 16 nodes in 2.0, 4.8 and 24.6 s; `install` reached its network root in 2.65 s with
//! 1 node and 5.2 with 4, unpacked a 153 MB root from 45 MB of zstd in 10.5 and 24.2 s, and came back
//! from its disk in 2.5 s with 1; `clone` resumed 1, 4 and 16 clones in 0.39, 1.04 and 5.05 s after
//! one template had booted. With hardware virtualisation and more cores all of these are faster, so
//! the spreads are wide. Lines are fitted to these points in logarithms.

use crate::estimate::curve::Prior;
use crate::history::Phase;

/// Seconds as `fixed + each × nodes`.
struct Line {
    strategy: &'static str,
    phase: Phase,
    fixed: f64,
    each: f64,
}

const SHIPPED: [Line; 7] = [
    Line { strategy: "layers", phase: Phase::Boot, fixed: 0.6, each: 1.3 },
    // Only one node was measured; further ones are taken to cost what they do in `layers`.
    Line { strategy: "install", phase: Phase::Reboot, fixed: 1.2, each: 1.3 },
    Line { strategy: "install", phase: Phase::Boot, fixed: 1.79, each: 0.86 },
    Line { strategy: "install", phase: Phase::Unpack, fixed: 7.2, each: 3.8 },
    // The one template, however many nodes are cloned from it.
    Line { strategy: "clone", phase: Phase::Boot, fixed: 2.0, each: 0.001 },
    Line { strategy: "clone", phase: Phase::Ready, fixed: 0.1, each: 0.28 },
    // An erofs image of 150 MB was written in about 1 s, what goes into it not counted.
    Line { strategy: "layers", phase: Phase::Layer, fixed: 1.0, each: 0.001 },
];

/// How far sites differ from the shipped lines: a factor of eight to both sides in nine cases of ten.
const SPREAD: f64 = 1.3;
/// How far a site's own line may lie from a guess at its middle.
const UNKNOWN_SPREAD: f64 = 2.0;

/// The shipped line of a strategy's phase; a strategy `clone` makes its layer as `layers` does.
pub(super) fn shipped(strategy: &str, phase: Phase) -> Option<Prior<2>> {
    let strategy = if phase == Phase::Layer && strategy == "clone" { "layers" } else { strategy };
    let line = SHIPPED.iter().find(|line| line.strategy == strategy && line.phase == phase)?;
    Some(Prior::new([line.fixed, line.each], [SPREAD, SPREAD]))
}

/// A line through one point, for phases that nothing is shipped of.
pub(super) fn through(mean_logarithm: f64, nodes: u32) -> Prior<2> {
    let seconds = mean_logarithm.exp();
    let halves = [seconds / 2.0, seconds / (2.0 * f64::from(nodes.max(1)))];
    Prior::new(halves, [UNKNOWN_SPREAD, UNKNOWN_SPREAD])
}

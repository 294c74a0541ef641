//! Moves of a cluster to another site, and exchanges of two, as long as one of them helps.

use crate::place::{Placement, Problem};

/// A placement from which no move and no exchange leads to a better one.
///
/// Each step makes the cost smaller, and there are finitely many placements, so this ends.
pub(crate) fn improve(problem: &Problem, mut placement: Placement) -> Placement {
    let mut cost = problem.cost(&placement);
    loop {
        let better = neighbours(problem, &placement)
            .filter(|other| problem.cost(other).is_below(&cost))
            .find(|other| fits(problem, &placement, other));
        let Some(better) = better else { return placement };
        cost = problem.cost(&better);
        placement = better;
    }
}

/// All placements that differ by one move or one exchange.
fn neighbours<'a>(
    problem: &'a Problem,
    placement: &'a Placement,
) -> impl Iterator<Item = Placement> + 'a {
    let clusters = 0..placement.site_of.len();
    let moves = clusters.clone().flat_map(move |cluster| {
        let sites = 0..problem.sites.len();
        sites.map(move |site| {
            let mut other = placement.clone();
            other.site_of[cluster] = Some(site);
            other
        })
    });
    let exchanges = clusters.clone().flat_map(move |first| {
        (0..first).map(move |second| {
            let mut other = placement.clone();
            other.site_of.swap(first, second);
            other
        })
    });
    moves.chain(exchanges)
}

/// Whether all sites that differ have room.
fn fits(problem: &Problem, before: &Placement, after: &Placement) -> bool {
    (0..problem.sites.len()).all(|site| {
        let there = after.on_site(site);
        there == before.on_site(site) || problem.pack_site(site, &there).is_some()
    })
}

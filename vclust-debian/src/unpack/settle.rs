//! What is decided when all packages were read: who owns a path that several ship, what is removed
//! again, and what directories look like. Nothing here depends on which thread was first.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags};

use super::claims::{Claim, Claims, Content, Order, OtherClaim};
use super::error::{LeftReason, LeftToDpkg, Stop, show};
use super::root::{OpenDirectories, split};
use super::walk::LINKS;
use super::worker::{Run, failed, rewrite};
use super::write::MakeError;
use super::{Shared, UnpackError};

/// What became of each package.
pub(super) type Runs = Vec<Result<Run, LeftToDpkg>>;

/// Paths that packages ship and others have.
type AllLosses = HashMap<Order, Losses>;

/// Paths that one package ships and others have.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// To packages before it: it would not have been unpacked.
    pub(super) skipped: HashSet<Vec<u8>>,
    /// To packages after it, of which this is the last: it would have been overwritten.
    pub(super) taken: HashMap<Vec<u8>, Order>,
}

/// Paths that a package has to write after all, with their canonical paths.
type Rewrites = HashMap<Order, HashMap<Vec<u8>, Arc<[u8]>>>;

/// Brings the root to what dpkg would have made of the packages, one after the other.
pub(super) fn settle(shared: &Shared<'_>, runs: &mut Runs) -> Result<(), Stop> {
    leave_followers(shared, runs)?;
    let (lost, rewrites) = decide(shared, runs)?;
    for (order, losses) in &lost {
        if let Ok(run) = &mut runs[*order as usize] {
            run.done.lose(losses);
            refuse_disappearing(shared, *order, losses)?;
        }
    }
    let mut open = OpenDirectories::new(shared.root);
    for (order, paths) in &rewrites {
        for (path, key) in paths {
            shared
                .root
                .remove(key, AtFlags::empty())
                .map_err(|error| cannot(shared, *order, path, "replace", error))?;
        }
        rewrite(shared, *order, paths, &mut open)?;
    }
    remove(shared, |order| runs[order as usize].is_err());
    finish_directories(shared)
}

/// Packages whose paths another, left one found in the root are left, too; and a path that led
/// nowhere may lead somewhere by now, so that the order matters.
fn leave_followers(shared: &Shared<'_>, runs: &mut Runs) -> Result<(), Stop> {
    let mut claims = shared.claims();
    for claim in claims.table.values() {
        let Claim::Other(other) = claim else { continue };
        for contender in other.contenders.iter().filter(|_| other.existed) {
            let run = &mut runs[contender.order as usize];
            if let Ok(found) = run {
                let paths = found.contended.iter().filter(|(path, key)| {
                    matches!(claims.table.get(&key[..]), Some(Claim::Other(one)) if one.existed)
                        && !path.is_empty()
                });
                let path = paths.map(|(path, _)| path.clone()).min().unwrap_or_default();
                *run = Err(LeftToDpkg { path, why: LeftReason::PathExists });
            }
        }
    }
    for (order, run) in runs.iter().enumerate() {
        if let Err(LeftToDpkg { path, why: LeftReason::NoParent | LeftReason::PathExists }) = run {
            match claims.parent(order as Order, path) {
                Err(stop @ Stop::Failed(_)) => return Err(stop),
                Ok(_) | Err(Stop::Left(_)) => {}
            }
        }
    }
    Ok(())
}

/// Who loses which paths, and who has to write some.
fn decide(shared: &Shared<'_>, runs: &Runs) -> Result<(AllLosses, Rewrites), Stop> {
    let mut claims = shared.claims();
    let mut lost = AllLosses::new();
    let mut rewrites = Rewrites::new();
    let mut contested: Vec<(Box<[u8]>, OtherClaim)> = claims
        .table
        .iter()
        .filter_map(|(key, claim)| match claim {
            Claim::Other(other) if !other.contenders.is_empty() => {
                Some((key.clone(), other.clone()))
            }
            _ => None,
        })
        .collect();
    // so that of several conflicts the same one is reported each time
    contested.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    for (key, other) in &contested {
        let literal = other.literal.as_deref().unwrap_or(key);
        let mut parties: Vec<Order> =
            other.contenders.iter().map(|contender| contender.order).collect();
        parties.push(other.writer);
        parties.retain(|order| runs[*order as usize].is_ok());
        parties.sort_unstable();
        let mut owners: Vec<Order> = Vec::new();
        for party in parties {
            let losers = meet(shared, &mut claims, key, other, &owners, party)?;
            owners.push(party);
            for loser in losers {
                owners.retain(|owner| *owner != loser);
                let losses = lost.entry(loser).or_default();
                if loser == party {
                    losses.skipped.insert(literal.to_vec());
                } else {
                    losses.taken.insert(literal.to_vec(), party);
                }
            }
        }
        if let Some(owner) = owners.first().filter(|owner| **owner != other.writer) {
            rewrites.entry(*owner).or_default().insert(literal.to_vec(), key[..].into());
        }
    }
    Ok((lost, rewrites))
}

/// dpkg drops a package from which others have taken everything. Whether it does depends on more than
/// is known here; a package that keeps anything but directories stays in any case.
fn refuse_disappearing(shared: &Shared<'_>, order: Order, losses: &Losses) -> Result<(), Stop> {
    let Some((path, taker)) = losses.taken.iter().min() else { return Ok(()) };
    let claims = shared.claims();
    let keeps_any = claims.table.values().any(|claim| match claim {
        Claim::Other(other) => other.writer == order && other.contenders.is_empty(),
        Claim::Directory(_) | Claim::Alias(_) => false,
    });
    if keeps_any {
        return Ok(());
    }
    Err(claims.needs_order(
        order,
        *taker,
        path,
        "is what the second may take until nothing is left",
    ))
}

/// One package ships what others own already: who of them loses it.
fn meet(
    shared: &Shared<'_>,
    claims: &mut Claims<'_>,
    key: &[u8],
    claim: &OtherClaim,
    owners: &[Order],
    party: Order,
) -> Result<Vec<Order>, Stop> {
    let package = &shared.packages[party as usize];
    if owners.is_empty() {
        return Ok(Vec::new());
    }
    let mine = content(shared, claims, key, claim, party)?;
    let mut losers = Vec::new();
    let mut is_kept = false;
    for owner in owners.iter().copied() {
        let other = &shared.packages[owner as usize];
        let theirs = content(shared, claims, key, claim, owner)?;
        let names = || (other.name(), package.name(), show(key));
        if same_directory(claims, key, party, &theirs, &mine)? {
            continue;
        }
        if other.shares_with(package) {
            if other.description().version != package.description().version {
                let why = "is shared by two versions of one package";
                return Err(claims.needs_order(owner, party, key, why));
            }
            if mine == Content::Other || mine != theirs {
                let (first, second, path) = names();
                return Err(UnpackError::SharedDiffers { first, second, path }.into());
            }
        } else if package.replaces(other) {
            losers.push(owner);
        } else if other.replaces(package) {
            is_kept = true;
        } else {
            let (first, second, path) = names();
            return Err(UnpackError::Conflict { first, second, path }.into());
        }
    }
    Ok(if is_kept { vec![party] } else { losers })
}

/// Whether both are links to one directory, which packages share as they share the directory. One that
/// other packages make needs an order.
fn same_directory(
    claims: &mut Claims<'_>,
    key: &[u8],
    party: Order,
    one: &Content,
    other: &Content,
) -> Result<bool, Stop> {
    let (Content::Symlink(one), Content::Symlink(other)) = (one, other) else { return Ok(false) };
    let (parent, _) = split(key);
    let one = claims.walk(party, parent, one, LINKS)?;
    Ok(one.is_some() && one == claims.walk(party, parent, other, LINKS)?)
}

/// What a package has, or would have had, at a path.
fn content(
    shared: &Shared<'_>,
    claims: &Claims<'_>,
    key: &[u8],
    claim: &OtherClaim,
    order: Order,
) -> Result<Content, Stop> {
    match claim.contenders.iter().find(|contender| contender.order == order) {
        Some(contender) => Ok(contender.content.clone()),
        None => claims.written(key).map_err(|source| {
            failed(&shared.packages[order as usize], key, MakeError::Failed("read", source))
        }),
    }
}

/// Removes what the chosen packages wrote, and the directories that were made for them alone. What
/// cannot be removed is passed over: an error before this is the one to be told.
pub(super) fn remove(shared: &Shared<'_>, chosen: impl Fn(Order) -> bool) {
    let claims = shared.claims();
    let mut directories = Vec::new();
    for (key, claim) in &claims.table {
        match claim {
            Claim::Other(other) if !other.existed && chosen(other.writer) => {
                let rewritten = other.contenders.iter().any(|one| !chosen(one.order));
                if !rewritten {
                    let _ = shared.root.remove(key, AtFlags::empty());
                }
            }
            Claim::Directory(directory)
                if !directory.existed && directory.shippers.iter().all(|order| chosen(*order)) =>
            {
                directories.push(key);
            }
            _ => {}
        }
    }
    directories.sort_unstable_by_key(|key| std::cmp::Reverse(key.len()));
    for key in directories {
        let _ = shared.root.remove(key, AtFlags::REMOVEDIR);
    }
}

/// Gives the directories that were made the attributes that the first package says. Files made in
/// them have changed their times until now.
fn finish_directories(shared: &Shared<'_>) -> Result<(), Stop> {
    let claims = shared.claims();
    for (key, claim) in &claims.table {
        let Claim::Directory(directory) = claim else { continue };
        if directory.existed {
            continue;
        }
        let Some(first) = directory.shippers.iter().min().copied() else { continue };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = shared
            .root
            .directory(key)
            .and_then(|directory| rustix::fs::openat(directory, ".", flags, Mode::empty()));
        match open {
            // made for packages that were left to dpkg, and removed
            Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(cannot(shared, first, key, "open", error)),
            Ok(open) => directory
                .attributes
                .apply(open)
                .map_err(|error| failed(&shared.packages[first as usize], key, error))?,
        }
    }
    Ok(())
}

fn cannot(
    shared: &Shared<'_>,
    order: Order,
    path: &[u8],
    action: &'static str,
    error: rustix::io::Errno,
) -> Stop {
    let package = &shared.packages[order as usize];
    failed(package, path, MakeError::Failed(action, error.into()))
}

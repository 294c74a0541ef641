//! Following paths through the links of a root, with the root as `/`, and noticing where the packages
//! that are being unpacked have a say in where a path leads.

use std::collections::VecDeque;
use std::sync::Arc;

use rustix::fs::FileType;
use rustix::io::Errno;

use super::claims::{Claim, Claims, DIRECTORY_OR_NOT, DirectoryClaim, Order, is};
use super::error::{LeftReason, Stop};
use super::root::{join, split};

/// Links that are followed for one path, as in the kernel.
pub(super) const LINKS: usize = 40;

impl Claims<'_> {
    /// The canonical path of the directory at a path, links of the root followed; made by others
    /// during this run, it needs an order.
    pub(super) fn parent(&mut self, order: Order, path: &[u8]) -> Result<Arc<[u8]>, Stop> {
        match self.walk(order, b"", path, LINKS)? {
            Some(canonical) => Ok(canonical.into()),
            None => Err(Stop::left(path, LeftReason::NoParent)),
        }
    }

    /// Follows a path from a canonical directory, each link with the root as its `/`. `None` if it
    /// leads to no directory.
    pub(super) fn walk(
        &mut self,
        order: Order,
        from: &[u8],
        path: &[u8],
        links: usize,
    ) -> Result<Option<Vec<u8>>, Stop> {
        let mut at = if path.starts_with(b"/") { Vec::new() } else { from.to_vec() };
        let mut left: VecDeque<&[u8]> = path.split(|byte| *byte == b'/').collect();
        while let Some(name) = left.pop_front() {
            match name {
                b"" | b"." => {}
                b".." => at = split(&at).0.to_vec(),
                _ => match self.found(order, &at, name, links)? {
                    Some(canonical) => at = canonical.to_vec(),
                    None => return Ok(None),
                },
            }
        }
        Ok(Some(at))
    }

    /// The canonical path of the directory that a name in a canonical directory leads to, if it was
    /// there before this run or is this package's own.
    pub(super) fn found(
        &mut self,
        order: Order,
        parent: &[u8],
        name: &[u8],
        links: usize,
    ) -> Result<Option<Arc<[u8]>>, Stop> {
        let key = join(parent, name);
        match self.table.get(&key[..]) {
            Some(Claim::Directory(directory)) => {
                let own = directory.existed || directory.shippers.contains(&order);
                return match directory.shippers.first() {
                    Some(other) if !own => Err(self.needs_order(
                        *other,
                        order,
                        &key,
                        "is made by one of them for both",
                    )),
                    _ => Ok(Some(key.into())),
                };
            }
            Some(Claim::Alias(canonical)) => return Ok(Some(Arc::clone(canonical))),
            Some(Claim::Other(other)) if other.is_of(order) || other.existed => return Ok(None),
            Some(Claim::Other(other)) => {
                let writer = other.writer;
                return Err(self.needs_order(writer, order, &key, DIRECTORY_OR_NOT));
            }
            None => {}
        }
        let stat = match self.root.stat(&key) {
            Ok(stat) => stat,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(self.failed(order, &key, "look at", error)),
        };
        if is(&stat, FileType::Directory) {
            let directory = DirectoryClaim::found();
            self.table.insert(key.clone().into(), Claim::Directory(directory));
            return Ok(Some(key.into()));
        }
        if !is(&stat, FileType::Symlink) || links == 0 {
            return Ok(None);
        }
        let target = match self.root.link(&key) {
            Ok(target) => target,
            Err(error) => return Err(self.failed(order, &key, "read the link", error)),
        };
        let Some(canonical) = self.walk(order, parent, &target, links - 1)? else {
            return Ok(None);
        };
        let canonical: Arc<[u8]> = canonical.into();
        self.table.insert(key.into(), Claim::Alias(Arc::clone(&canonical)));
        Ok(Some(canonical))
    }
}

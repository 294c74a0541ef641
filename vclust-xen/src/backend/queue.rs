//! The queue of domains that are being made.
//!
//! Making a domain keeps the tool stack busy for seconds, in which it fills memory and runs scripts that
//! wait for each other. So only some are made at once, and each only when the host has its memory
//! beside what was promised to the others. One that fails gives its place and its memory back.

use std::sync::{Condvar, Mutex, MutexGuard};

use vclust_core::{ByteSize, HypervisorProblem};

use crate::problem::Outcome;

#[derive(Debug)]
pub(super) struct Queue {
    at_once: usize,
    work: Mutex<Work>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Work {
    domains: usize,
    /// Memory of domains that are being made; how much of it they have by now is not known.
    promised_mib: u64,
}

/// A place in which a domain may be made.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    queue: &'a Queue,
    promised_mib: u64,
}

impl Queue {
    pub(super) fn new(at_once: usize) -> Self {
        Self { at_once: at_once.max(1), work: Mutex::default(), changed: Condvar::new() }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().expect("nobody panics with it")
    }

    /// Waits for a place, and for so much memory, as long as others are being made that may give some
    /// back. `free` answers what the host has, in MiB; none where that is no limit.
    pub(super) fn enter(
        &self,
        needed_mib: u64,
        free: impl Fn() -> Outcome<Option<u64>>,
    ) -> Outcome<Turn<'_>> {
        let mut work = self.work();
        loop {
            if work.domains < self.at_once {
                let Some(free) = free()? else { break };
                if needed_mib <= free.saturating_sub(work.promised_mib) {
                    break;
                }
                if work.domains == 0 {
                    let (needed, free) =
                        (ByteSize::new(needed_mib << 20), ByteSize::new(free << 20));
                    return Err(HypervisorProblem::Memory { needed, free });
                }
            }
            work = self.changed.wait(work).expect("nobody panics with it");
        }
        work.domains += 1;
        work.promised_mib += needed_mib;
        Ok(Turn { queue: self, promised_mib: needed_mib })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut work = self.queue.work();
        work.domains -= 1;
        work.promised_mib -= self.promised_mib;
        drop(work);
        self.queue.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_more_than_allowed_are_at_work_and_all_get_their_turn() {
        let queue = Queue::new(3);
        let (now, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    let _turn = queue.enter(1, || Ok(None)).unwrap();
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(5));
                    now.fetch_sub(1, Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!((most.into_inner(), done.into_inner()), (3, 16));
    }

    #[test]
    fn memory_is_waited_for_while_others_may_give_it_back_and_refused_when_nobody_can() {
        let queue = Queue::new(4);
        let free = AtomicU64::new(100);
        let first = queue.enter(80, || Ok(Some(free.load(Ordering::SeqCst)))).unwrap();
        thread::scope(|scope| {
            let second = scope.spawn(|| queue.enter(80, || Ok(Some(free.load(Ordering::SeqCst)))));
            thread::sleep(Duration::from_millis(30));
            assert!(!second.is_finished(), "80 and 80 are more than 100");
            // the first failed, so that its memory is free again
            drop(first);
            drop(second.join().unwrap().unwrap());
        });
        free.store(50, Ordering::SeqCst);
        let error = queue.enter(80, || Ok(Some(50))).unwrap_err().to_string();
        assert_eq!(error, "it needs 80MiB of memory, and the host has 50MiB left");
    }
}

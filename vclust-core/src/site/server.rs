//! A resource that jobs share fairly, each up to a limit of its own.
//!
//! The shares are max-min fair: every job gets its own limit or the common level, whichever is less,
//! and the level is what uses the capacity up. Jobs at the level all advance alike, so a single
//! virtual time stands for all of them (as in fair queueing, Parekh and Gallager 1993); jobs at
//! their limits end at times known in advance. An arrival or an end costs O(log n), plus the jobs
//! that the new level passes by.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A number that orders; none of ours is NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ordered(pub(super) f64);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Entry of a heap: what it is sorted by, the job's place, and which move of the job it is from.
type Entry = (Ordered, usize, u32);

#[derive(Debug, Clone)]
struct Job {
    owner: usize,
    limit: f64,
    /// Where it is at its limit: the time at which it ends; where not: the virtual time.
    end: f64,
    at_limit: bool,
    /// Counts moves; entries of heaps from before are dead. An ended job has moved, too.
    moves: u32,
}

/// A shared resource.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// Work a second that it does.
    pub(super) capacity: f64,
    /// Share of the capacity lost for each job beyond one to a unit of it.
    crowding: f64,
    jobs: Vec<Job>,
    free: Vec<usize>,
    now: f64,
    virtual_time: f64,
    level: f64,
    /// Jobs at their limits, by limit and by end.
    limits: BinaryHeap<Entry>,
    limited_ends: BinaryHeap<Reverse<Entry>>,
    limited_rate: f64,
    limited_count: usize,
    /// Jobs at the level, by limit and by end.
    level_limits: BinaryHeap<Reverse<Entry>>,
    level_ends: BinaryHeap<Reverse<Entry>>,
    level_count: usize,
    /// Work done so far.
    pub(super) done: f64,
    /// Counts changes, so that ends foretold before one can be told apart.
    pub(super) changes: u64,
}

/// Rounding that sums of rates may have.
const SLACK: f64 = 1e-12;

impl Server {
    pub(super) fn new(capacity: f64, crowding: f64) -> Self {
        Self {
            capacity,
            crowding,
            jobs: Vec::new(),
            free: Vec::new(),
            now: 0.0,
            virtual_time: 0.0,
            level: 0.0,
            limits: BinaryHeap::new(),
            limited_ends: BinaryHeap::new(),
            limited_rate: 0.0,
            limited_count: 0,
            level_limits: BinaryHeap::new(),
            level_ends: BinaryHeap::new(),
            level_count: 0,
            done: 0.0,
            changes: 0,
        }
    }

    /// Capacity for so many jobs.
    fn usable(&self) -> f64 {
        let jobs = (self.limited_count + self.level_count) as f64;
        let beyond = (jobs / self.capacity - 1.0).max(0.0);
        self.capacity / (1.0 + self.crowding * beyond)
    }

    fn advance(&mut self, now: f64) {
        let passed = (now - self.now).max(0.0);
        self.virtual_time += self.level * passed;
        self.done += (self.limited_rate + self.level * self.level_count as f64) * passed;
        self.now = now;
    }

    /// Adds a job of `amount`, above zero, that can use `limit` at most.
    pub(super) fn add(&mut self, now: f64, owner: usize, amount: f64, limit: f64) {
        self.advance(now);
        // Nothing is faster than the whole resource.
        let limit = limit.min(self.capacity);
        let job = Job { owner, limit, end: now + amount / limit, at_limit: true, moves: 0 };
        let place = if let Some(place) = self.free.pop() {
            let moves = self.jobs[place].moves;
            self.jobs[place] = Job { moves, ..job };
            place
        } else {
            self.jobs.push(job);
            self.jobs.len() - 1
        };
        self.enter_limited(place);
        self.balance();
    }

    /// When the next job ends, if nothing changes before.
    pub(super) fn next_end(&mut self) -> Option<f64> {
        Self::bury(&self.jobs, &mut self.limited_ends);
        Self::bury(&self.jobs, &mut self.level_ends);
        let limited = self.limited_ends.peek().map(|Reverse((end, ..))| end.0);
        let level = self.level_ends.peek().map(|Reverse((end, ..))| {
            self.now + (end.0 - self.virtual_time).max(0.0) / self.level.max(f64::MIN_POSITIVE)
        });
        match (limited, level) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Ends the job that [`next_end`](Self::next_end) told of; answers whose it was.
    pub(super) fn end_next(&mut self, now: f64) -> Option<usize> {
        let next = self.next_end()?;
        let limited = self.limited_ends.peek().is_some_and(|Reverse((end, ..))| end.0 <= next);
        self.advance(now);
        let heap = if limited { &mut self.limited_ends } else { &mut self.level_ends };
        let Reverse((_, place, _)) = heap.pop()?;
        self.leave(place);
        self.free.push(place);
        self.balance();
        Some(self.jobs[place].owner)
    }

    fn leave(&mut self, place: usize) {
        let job = &mut self.jobs[place];
        job.moves += 1;
        if job.at_limit {
            self.limited_count -= 1;
            self.limited_rate -= job.limit;
            if self.limited_count == 0 {
                self.limited_rate = 0.0;
            }
        } else {
            self.level_count -= 1;
        }
    }

    fn enter_limited(&mut self, place: usize) {
        let job = &mut self.jobs[place];
        job.at_limit = true;
        self.limits.push((Ordered(job.limit), place, job.moves));
        self.limited_ends.push(Reverse((Ordered(job.end), place, job.moves)));
        self.limited_rate += job.limit;
        self.limited_count += 1;
    }

    fn enter_level(&mut self, place: usize) {
        let job = &mut self.jobs[place];
        job.at_limit = false;
        self.level_limits.push(Reverse((Ordered(job.limit), place, job.moves)));
        self.level_ends.push(Reverse((Ordered(job.end), place, job.moves)));
        self.level_count += 1;
    }

    /// Removes dead entries from the top of a heap.
    fn bury(jobs: &[Job], heap: &mut BinaryHeap<Reverse<Entry>>) {
        while heap.peek().is_some_and(|Reverse((_, place, moves))| jobs[*place].moves != *moves) {
            heap.pop();
        }
    }

    /// Finds the level that uses the capacity up, and moves the jobs that it passes. The level only
    /// rises while this runs, so no job moves twice in the same direction.
    fn balance(&mut self) {
        self.changes += 1;
        let capacity = self.usable();
        loop {
            let rest = capacity - self.limited_rate;
            let level = if self.level_count == 0 {
                if rest >= -SLACK * capacity { f64::INFINITY } else { 0.0 }
            } else {
                (rest / self.level_count as f64).max(0.0)
            };
            while let Some((_, place, moves)) = self.limits.peek() {
                if self.jobs[*place].moves == *moves {
                    break;
                }
                self.limits.pop();
            }
            if let Some((limit, place, _)) = self.limits.peek().copied() {
                if limit.0 > level * (1.0 + SLACK) {
                    self.limits.pop();
                    self.leave(place);
                    let job = &mut self.jobs[place];
                    job.end = self.virtual_time + (job.end - self.now).max(0.0) * job.limit;
                    self.enter_level(place);
                    continue;
                }
            }
            Self::bury(&self.jobs, &mut self.level_limits);
            if let Some(Reverse((limit, place, _))) = self.level_limits.peek().copied() {
                if limit.0 <= level * (1.0 + SLACK) {
                    self.level_limits.pop();
                    self.leave(place);
                    let job = &mut self.jobs[place];
                    job.end = self.now + (job.end - self.virtual_time).max(0.0) / job.limit;
                    self.enter_limited(place);
                    continue;
                }
            }
            self.level = if self.level_count == 0 { 0.0 } else { level };
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Runs jobs of (arrival, amount, limit) to their ends.
    fn run(capacity: f64, jobs: &[(f64, f64, f64)]) -> (Vec<f64>, f64) {
        let mut server = Server::new(capacity, 0.0);
        let mut order: Vec<usize> = (0..jobs.len()).collect();
        order.sort_by(|one, other| jobs[*one].0.total_cmp(&jobs[*other].0));
        let mut ends = vec![f64::NAN; jobs.len()];
        let mut waiting = order.into_iter().peekable();
        loop {
            let arrival = waiting.peek().map(|job| jobs[*job].0);
            match (arrival, server.next_end()) {
                (Some(arrival), end) if end.is_none_or(|end| arrival <= end) => {
                    let job = waiting.next().expect("it was peeked at");
                    server.add(arrival, job, jobs[job].1, jobs[job].2);
                }
                (_, Some(end)) => {
                    let job = server.end_next(end).expect("a job ends");
                    ends[job] = end;
                }
                (_, None) => return (ends, server.done),
            }
        }
    }

    /// The obvious way: water-filling at every event, all jobs advanced one by one.
    fn slowly(capacity: f64, jobs: &[(f64, f64, f64)]) -> Vec<f64> {
        let mut left: Vec<f64> = jobs.iter().map(|job| job.1).collect();
        let mut ends = vec![f64::NAN; jobs.len()];
        let mut now = 0.0;
        loop {
            let active: Vec<usize> =
                (0..jobs.len()).filter(|job| jobs[*job].0 <= now && ends[*job].is_nan()).collect();
            let mut rates = vec![0.0; jobs.len()];
            let mut by_limit = active.clone();
            by_limit.sort_by(|one, other| jobs[*one].2.total_cmp(&jobs[*other].2));
            let mut rest = capacity;
            for (place, job) in by_limit.iter().enumerate() {
                rates[*job] = jobs[*job].2.min(rest / (by_limit.len() - place) as f64);
                rest -= rates[*job];
            }
            let arrival = jobs.iter().map(|job| job.0).filter(|arrival| *arrival > now);
            let arrival = arrival.fold(f64::INFINITY, f64::min);
            let end = active.iter().map(|job| now + left[*job] / rates[*job]);
            let next = end.fold(arrival, f64::min);
            if next.is_infinite() {
                return ends;
            }
            for job in active {
                left[job] -= rates[job] * (next - now);
                if left[job] <= 1e-9 * jobs[job].1 {
                    ends[job] = next;
                }
            }
            now = next;
        }
    }

    #[test]
    fn equal_jobs_share_evenly() {
        let (ends, done) = run(10.0, &[(0.0, 5.0, 100.0); 8]);
        assert!(ends.iter().all(|end| (end - 4.0).abs() < 1e-9), "{ends:?}");
        assert!((done - 40.0).abs() < 1e-9);
    }

    #[test]
    fn limits_hold_and_what_they_leave_goes_to_the_others() {
        let (ends, _) = run(10.0, &[(0.0, 4.0, 2.0), (0.0, 8.0, 100.0), (0.0, 8.0, 100.0)]);
        assert!(ends.iter().all(|end| (end - 2.0).abs() < 1e-9), "{ends:?}");
    }

    #[test]
    fn crowding_costs_capacity() {
        let mut server = Server::new(2.0, 0.5);
        for job in 0..4 {
            server.add(0.0, job, 1.0, 1.0);
        }
        // Two jobs to a core: half of a core in three is lost.
        assert!((server.next_end().expect("jobs") - 3.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn the_fast_way_is_the_obvious_way(
            capacity in 0.5_f64..20.0,
            jobs in prop::collection::vec((0.0_f64..10.0, 0.1_f64..20.0, 0.1_f64..8.0), 1..40),
        ) {
            let (fast, done) = run(capacity, &jobs);
            let slow = slowly(capacity, &jobs);
            for (one, other) in fast.iter().zip(&slow) {
                prop_assert!((one - other).abs() < 1e-6 * (1.0 + other), "{fast:?} {slow:?}");
            }
            let amount: f64 = jobs.iter().map(|job| job.1).sum();
            prop_assert!((done / amount - 1.0).abs() < 1e-6);
            let last = fast.iter().copied().fold(0.0, f64::max);
            prop_assert!(done <= capacity * last * (1.0 + 1e-9));
        }
    }
}

//! The simulation's clock: processes that go through steps, and what they share.
//!
//! Nothing here knows of sites. A process waits, works at a server, passes a gate, or meets others;
//! the clock jumps from one event to the next. Events of the same moment come in the order in which
//! they were made, so that a simulation is the same each time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::server::{Ordered, Server};

/// What a process does next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    /// Lets time pass.
    Wait(f64),
    /// Works at a server: an amount, at no more than a limit a second.
    Work { server: usize, amount: f64, limit: f64 },
    /// Takes a place at a gate, when there is one.
    Enter(usize),
    /// Gives it back.
    Leave(usize),
    /// Waits until all that meet here have come, and then for so long.
    Meet { place: usize, then: f64 },
    /// Notes the time for a phase.
    Note(usize),
}

/// What is to be simulated.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) servers: Vec<Server>,
    /// Places at each gate.
    pub(super) gates: Vec<u32>,
    /// How many meet at each place.
    pub(super) meetings: Vec<u32>,
    pub(super) processes: Vec<Vec<Step>>,
    pub(super) phases: usize,
}

/// What happened.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The last event.
    pub(super) end: f64,
    /// For each phase, when each process was through.
    pub(super) notes: Vec<Vec<f64>>,
    /// For each server: work done, seconds that its jobs took longer than alone, and jobs.
    pub(super) servers: Vec<(f64, f64, u64)>,
    /// For each gate: seconds that processes waited, and processes.
    pub(super) gates: Vec<(f64, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Continue(usize),
    /// A server foretells the end of a job, at its so-manieth change.
    Server(usize, u64),
}

#[derive(Debug, Default)]
struct Clock {
    events: BinaryHeap<Reverse<(Ordered, u64, Event)>>,
    made: u64,
}

impl Clock {
    fn at(&mut self, time: f64, event: Event) {
        self.made += 1;
        self.events.push(Reverse((Ordered(time), self.made, event)));
    }
}

/// Runs until nothing happens any more.
pub(super) fn run(world: World) -> Outcome {
    let World { mut servers, gates: mut places, meetings, processes, phases } = world;
    let mut clock = Clock::default();
    let mut outcome = Outcome {
        end: 0.0,
        notes: vec![Vec::new(); phases],
        servers: vec![(0.0, 0.0, 0); servers.len()],
        gates: vec![(0.0, 0); places.len()],
    };
    let mut queues: Vec<VecDeque<(usize, f64)>> = vec![VecDeque::new(); places.len()];
    let mut gathered: Vec<Vec<(usize, f64)>> = vec![Vec::new(); meetings.len()];
    let mut next_step = vec![0_usize; processes.len()];
    // When the job that a process has at a server would end if it were alone.
    let mut alone = vec![0.0; processes.len()];
    for process in 0..processes.len() {
        clock.at(0.0, Event::Continue(process));
    }
    while let Some(Reverse((Ordered(now), _, event))) = clock.events.pop() {
        let process = match event {
            Event::Continue(process) => process,
            Event::Server(server, changes) => {
                if servers[server].changes != changes {
                    continue;
                }
                let Some(process) = servers[server].end_next(now) else { continue };
                outcome.servers[server].1 += (now - alone[process]).max(0.0);
                outcome.servers[server].2 += 1;
                foretell(&mut clock, &mut servers[server], server);
                process
            }
        };
        outcome.end = now;
        while let Some(step) = processes[process].get(next_step[process]).copied() {
            next_step[process] += 1;
            match step {
                Step::Wait(seconds) => {
                    clock.at(now + seconds, Event::Continue(process));
                    break;
                }
                Step::Work { server, amount, limit } if amount > 0.0 => {
                    alone[process] = now + amount / limit.min(servers[server].capacity);
                    servers[server].add(now, process, amount, limit);
                    foretell(&mut clock, &mut servers[server], server);
                    break;
                }
                Step::Work { .. } => {}
                Step::Enter(gate) => {
                    outcome.gates[gate].1 += 1;
                    if places[gate] == 0 {
                        queues[gate].push_back((process, now));
                        break;
                    }
                    places[gate] -= 1;
                }
                Step::Leave(gate) => {
                    if let Some((next, since)) = queues[gate].pop_front() {
                        outcome.gates[gate].0 += now - since;
                        clock.at(now, Event::Continue(next));
                    } else {
                        places[gate] += 1;
                    }
                }
                Step::Meet { place, then } => {
                    gathered[place].push((process, then));
                    if gathered[place].len() == meetings[place] as usize {
                        for (process, then) in std::mem::take(&mut gathered[place]) {
                            clock.at(now + then, Event::Continue(process));
                        }
                    }
                    break;
                }
                Step::Note(phase) => outcome.notes[phase].push(now),
            }
        }
    }
    for (server, result) in servers.iter().zip(&mut outcome.servers) {
        result.0 = server.done;
    }
    outcome
}

fn foretell(clock: &mut Clock, server: &mut Server, place: usize) {
    if let Some(end) = server.next_end() {
        let changes = server.changes;
        clock.at(end, Event::Server(place, changes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_process_takes_the_sum_of_its_steps() {
        let world = World {
            servers: vec![Server::new(2.0, 0.0)],
            gates: vec![1],
            meetings: vec![1],
            processes: vec![vec![
                Step::Wait(1.0),
                Step::Enter(0),
                Step::Work { server: 0, amount: 3.0, limit: 1.0 },
                Step::Leave(0),
                Step::Meet { place: 0, then: 0.5 },
                Step::Note(0),
            ]],
            phases: 1,
        };
        let outcome = run(world);
        assert!((outcome.end - 4.5).abs() < 1e-12);
        assert_eq!(outcome.notes, [[outcome.end]]);
        assert!((outcome.servers[0].0 - 3.0).abs() < 1e-12 && outcome.servers[0].1 < 1e-12);
    }

    #[test]
    fn a_gate_lets_so_many_in_and_then_the_others_in_their_order() {
        let steps = vec![Step::Enter(0), Step::Wait(1.0), Step::Leave(0), Step::Note(0)];
        let world =
            World { gates: vec![2], processes: vec![steps; 5], phases: 1, ..World::default() };
        let outcome = run(world);
        assert_eq!(outcome.notes[0], [1.0, 1.0, 2.0, 2.0, 3.0]);
        assert!((outcome.gates[0].0 - (1.0 + 1.0 + 2.0)).abs() < 1e-12);
    }
}

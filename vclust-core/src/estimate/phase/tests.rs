//! Scenarios of phases.

use super::{PhaseEstimator, PhaseTask, UNPACKED_BYTES};
use crate::estimate::{Estimate, Estimator};
use crate::history::{Phase, PhaseEvent};

const MIB: u64 = 1 << 20;

fn event(phase: Phase, hypervisor: &str, memory: u64, nodes: u32, seconds: f64) -> PhaseEvent {
    PhaseEvent {
        at: "2026-01-01T00:00:00Z".parse().expect("a moment"),
        site: "here".to_owned(),
        cluster: "c".to_owned(),
        strategy: "layers".to_owned(),
        phase,
        nodes,
        seconds,
        hypervisor: Some(hypervisor.to_owned()),
        memory_bytes: Some(memory),
        bytes: None,
    }
}

fn boots(hypervisor: &str, memory: u64, times: &[(u32, f64)]) -> Vec<PhaseEvent> {
    let boot = |(nodes, seconds): &(u32, f64)| {
        [0.98, 1.0, 1.02].map(|f| event(Phase::Boot, hypervisor, memory, *nodes, seconds * f))
    };
    times.iter().flat_map(boot).collect()
}

fn learned(events: &[PhaseEvent]) -> PhaseEstimator {
    let mut estimator = PhaseEstimator::default();
    estimator.learn(&events.iter().collect::<Vec<_>>());
    estimator
}

fn of(estimator: &PhaseEstimator, hypervisor: &str, memory: u64, nodes: u32) -> Estimate {
    let task = PhaseTask::from(&event(Phase::Boot, hypervisor, memory, nodes, 1.0));
    estimator.estimate(&task).expect("boots have shipped values")
}

fn close(estimate: Estimate, seconds: f64, by: f64) {
    assert!((estimate.seconds / seconds - 1.0).abs() < by, "{estimate:?} {seconds}");
}

/// Nodes and seconds.
type Times = &'static [(u32, f64)];

#[test]
fn without_a_history_the_shipped_measurements_come_out_with_wide_intervals() {
    let none = PhaseEstimator::default();
    let cases: [(&str, Phase, Times); 6] = [
        ("layers", Phase::Boot, &[(1, 2.0), (4, 4.8), (16, 24.6)]),
        ("clone", Phase::Ready, &[(1, 0.39), (4, 1.04), (16, 5.05)]),
        ("clone", Phase::Boot, &[(1, 2.0), (16, 2.0)]),
        ("install", Phase::Boot, &[(1, 2.65), (4, 5.2)]),
        ("install", Phase::Unpack, &[(1, 10.5), (4, 24.2)]),
        ("install", Phase::Reboot, &[(1, 2.5)]),
    ];
    for (strategy, phase, times) in cases {
        for (nodes, seconds) in times {
            let mut task = PhaseTask::from(&event(phase, "qemu", 512 * MIB, *nodes, 1.0));
            task.strategy = strategy.to_owned();
            let estimate = none.estimate(&task).expect("a shipped value");
            close(estimate, *seconds, 0.25);
            assert!(estimate.high > 4.0 * estimate.low && estimate.covers(*seconds));
        }
    }
}

#[test]
fn an_exact_situation_with_data_answers_its_mean() {
    let estimator = learned(&boots("qemu", 512 * MIB, &[(1, 1.0), (4, 2.6), (16, 3.0)]));
    for (nodes, seconds) in [(1, 1.0), (4, 2.6), (16, 3.0)] {
        let estimate = of(&estimator, "qemu", 512 * MIB, nodes);
        close(estimate, seconds, 0.1);
        assert!(estimate.covers(seconds));
    }
    let often: Vec<_> = (0..10).flat_map(|_| boots("qemu", 512 * MIB, &[(4, 7.0)])).collect();
    close(of(&learned(&often), "qemu", 512 * MIB, 4), 7.0, 0.02);
}

#[test]
fn other_node_counts_follow_the_fitted_line() {
    let line = |nodes: u32| 0.8 + 0.05 * f64::from(nodes);
    let times: Vec<_> = [1, 2, 8, 32].into_iter().map(|nodes| (nodes, line(nodes))).collect();
    let estimator = learned(&boots("qemu", 512 * MIB, &times));
    for (nodes, by) in [(4, 0.1), (16, 0.1), (100, 0.15), (1000, 0.25)] {
        let estimate = of(&estimator, "qemu", 512 * MIB, nodes);
        close(estimate, line(nodes), by);
        assert!(estimate.covers(line(nodes)));
    }
}

#[test]
fn other_memory_and_other_hypervisors_borrow_with_wider_intervals() {
    let mut past = boots("qemu", 512 * MIB, &[(1, 1.0), (4, 1.2), (16, 2.0)]);
    past.extend(boots("xen", 512 * MIB, &[(4, 3.6)]));
    let estimator = learned(&past);
    let exact = of(&estimator, "qemu", 512 * MIB, 4);
    let memory = of(&estimator, "qemu", 4096 * MIB, 4);
    let unknown = of(&estimator, "hyper", 512 * MIB, 4);
    let wide = |estimate: Estimate| estimate.high / estimate.low;
    assert!(wide(exact) < wide(memory) && wide(memory) < wide(unknown));
    close(memory, 1.2, 0.15);
    assert!(unknown.covers(1.2) && unknown.covers(3.6));
    // Three times slower with 4 nodes: so with 16.
    close(of(&estimator, "xen", 512 * MIB, 16), 6.0, 0.25);
}

#[test]
fn a_wild_measurement_does_not_move_the_estimate() {
    let times = [(1, 1.0), (4, 1.2), (16, 2.0)];
    let clean = boots("qemu", 512 * MIB, &times);
    let mut dirty = clean.clone();
    dirty.push(event(Phase::Boot, "qemu", 512 * MIB, 4, 40_000.0));
    dirty.push(event(Phase::Boot, "qemu", 512 * MIB, 8, 0.0));
    let (clean, dirty) = (learned(&clean), learned(&dirty));
    for nodes in [1, 4, 16, 64] {
        let before = of(&clean, "qemu", 512 * MIB, nodes).seconds;
        close(of(&dirty, "qemu", 512 * MIB, nodes), before, 0.1);
    }
}

#[test]
fn a_phase_that_nobody_measured_has_no_estimate_until_it_is_measured() {
    let mut task = PhaseTask::from(&event(Phase::Overlay, "qemu", MIB, 4, 1.0));
    assert_eq!(PhaseEstimator::default().estimate(&task), None);
    let estimator = learned(&[event(Phase::Overlay, "qemu", MIB, 4, 3.0)]);
    let estimate = estimator.estimate(&task).expect("measured once");
    close(estimate, 3.0, 0.1);
    assert!(estimate.low > 1.0 && estimate.high < 9.0, "{estimate:?}");
    task.nodes = 16;
    let estimate = estimator.estimate(&task).expect("measured for others");
    assert!(estimate.covers(3.5) && estimate.covers(11.0), "{estimate:?}");
    task.nodes = 0;
    assert_eq!(estimator.estimate(&task), None);
    task.nodes = 1;
    task.strategy = "nobody's".to_owned();
    assert_eq!(estimator.estimate(&task), None);
}

#[test]
fn state_is_bounded_and_a_snapshot_answers_the_same() {
    let mut estimator = PhaseEstimator::default();
    for batch in 0..6_u32 {
        let boot = |turn| {
            let seconds = 1.0 + f64::from(turn % 7);
            event(Phase::Boot, "qemu", u64::from(turn) * MIB, 1 + turn, seconds)
        };
        let boots: Vec<_> = (50 * batch..50 * (batch + 1)).map(boot).collect();
        estimator.learn(&boots.iter().collect::<Vec<_>>());
    }
    let text = serde_json::to_string(&estimator).expect("plain data");
    assert!(text.len() < 64 * 200, "{}", text.len());
    let again: PhaseEstimator = serde_json::from_str(&text).expect("a snapshot");
    for nodes in [1, 10, 299] {
        let before = of(&estimator, "qemu", MIB, nodes);
        close(of(&again, "qemu", MIB, nodes), before.seconds, 1e-6);
    }
}

#[test]
fn intervals_cover_what_they_claim() {
    // Boots on a line, with the effects and the scatter that the estimator starts from; the
    // generator is a fixed congruential one.
    let mut state = 11_u64;
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut normal = move || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
    let (mut covered, mut all) = (0_u32, 0_u32);
    for _ in 0..30 {
        let (fixed, each) = (1.5 * normal().exp(), 0.5 * normal().exp());
        let mut events = Vec::new();
        for hypervisor in ["qemu", "xen", "other"] {
            let hypervisor_effect = 0.5 * normal();
            for memory in [256, 512, 1024] {
                let memory_effect = 0.2 * normal();
                for nodes in [1, 4, 16] {
                    let effect = hypervisor_effect + memory_effect + 0.2 * normal();
                    let line = fixed + each * f64::from(nodes);
                    let seconds = line * (effect + 0.1 * normal()).exp();
                    events.push(event(Phase::Boot, hypervisor, memory * MIB, nodes, seconds));
                }
            }
        }
        // Every third is to be predicted: other nodes, other memory, and a mixture of both.
        let (future, past): (Vec<_>, Vec<_>) =
            events.into_iter().enumerate().partition(|(place, _)| place % 3 == (place / 3) % 3);
        let past: Vec<_> = past.into_iter().map(|(_, event)| event).collect();
        let estimator = learned(&past);
        for (_, event) in future {
            let estimate = estimator.estimate(&PhaseTask::from(&event)).expect("boots are known");
            covered += u32::from(estimate.covers(event.seconds));
            all += 1;
        }
    }
    let share = f64::from(covered) / f64::from(all);
    assert!((0.85..0.97).contains(&share), "{share}");
}

#[test]
fn unpacking_is_learned_by_the_size_of_what_was_unpacked() {
    // the same speed, seen in archives of two sizes
    let unpack = |bytes: u64, seconds: f64| PhaseEvent {
        strategy: "install".to_owned(),
        bytes: Some(bytes),
        ..event(Phase::Unpack, "qemu", 512 * MIB, 1, seconds)
    };
    let events: Vec<_> = (0..4)
        .flat_map(|_| [unpack(UNPACKED_BYTES / 2, 3.0), unpack(4 * UNPACKED_BYTES, 24.0)])
        .collect();
    let task = PhaseTask::from(&events[0]);
    let estimate = learned(&events).estimate(&task).expect("it was measured");
    close(estimate, 6.0, 0.05);
}

//! The paper's tables, analytic cases, and what must be true of any simulation.

use std::fmt::Write;

use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::history::{History, OnError};
use crate::strategy::Strategy;

/// Phase by strategy: nodes and seconds.
type Times = &'static [(u32, f64)];

/// What was measured in the laboratory; `presets/laboratory.toml` is fitted to it.
const LABORATORY: [(&str, &str, Times); 4] = [
    ("layers", "boot", &[(1, 2.0), (4, 4.8), (16, 24.6)]),
    ("clone", "ready", &[(1, 0.39), (4, 1.04), (16, 5.05)]),
    ("install", "boot", &[(1, 2.65), (4, 5.2)]),
    ("install", "reboot", &[(1, 2.5)]),
];

fn laboratory() -> Vec<Observation> {
    let mut lines = String::new();
    for (strategy, phase, times) in LABORATORY {
        for (nodes, seconds) in times {
            writeln!(
                lines,
                r#"{{"event":"phase","at":"2026-01-01T00:00:00Z","site":"l","cluster":"c","strategy":"{strategy}","phase":"{phase}","nodes":{nodes},"seconds":{seconds}}}"#
            )
            .expect("a string takes all");
        }
    }
    for (nodes, seconds) in [(1, 10.5), (4, 24.2)] {
        writeln!(
            lines,
            r#"{{"event":"transfer","at":"2026-01-01T00:00:00Z","site":"l","image":"i","bytes":45000000,"nodes":{nodes},"method":"nfs","seconds":{seconds}}}"#
        )
        .expect("a string takes all");
    }
    let (history, _) = History::parse(lines.as_bytes(), OnError::Stop).expect("possible events");
    Observation::of_history(&history, "l")
}

fn task(strategy: Strategy, transfer: TransferMethod, nodes: u32) -> SiteTask {
    SiteTask { strategy, transfer, nodes, software: Software::paper(), seed: 1 }
}

fn total(site: &SiteDescription, task: &SiteTask) -> f64 {
    site.simulate(task).expect("a possible task").total_seconds
}

/// The paper's site with all nodes alike.
fn even() -> SiteDescription {
    let mut site = SiteDescription::paper();
    site.node.jitter = 0.0;
    site
}

#[test]
fn every_figure_of_the_paper_comes_out_within_a_tenth() {
    let rows = SiteDescription::paper().compare(&Observation::paper()).expect("a site");
    assert_eq!(rows.len(), 20);
    for row in rows {
        assert!(row.error.abs() < 0.1, "{row:?}");
    }
}

#[test]
fn the_shipped_paper_site_is_what_calibration_makes_of_its_hardware() {
    let hardware = SiteDescription::paper_hardware();
    let fitted = hardware.calibrate(&Observation::paper()).expect("the paper's tables").site;
    let shipped = SiteDescription::paper();
    for (name, fitted, shipped) in [
        ("uplink", fitted.head.uplink_bytes_per_second, shipped.head.uplink_bytes_per_second),
        ("latency", fitted.transfer.latency_seconds, shipped.transfer.latency_seconds),
        ("jitter", fitted.node.jitter, shipped.node.jitter),
        ("boot", fitted.node.network_boot_seconds, shipped.node.network_boot_seconds),
        ("unpack", fitted.node.unpack_bytes_per_second, shipped.node.unpack_bytes_per_second),
        ("install", fitted.node.install_seconds, shipped.node.install_seconds),
        ("package", fitted.node.install_package_seconds, shipped.node.install_package_seconds),
        ("head", fitted.node.install_head_seconds, shipped.node.install_head_seconds),
        (
            "head, package",
            fitted.node.install_head_package_seconds,
            shipped.node.install_head_package_seconds,
        ),
        ("reboot", fitted.node.reboot_seconds, shipped.node.reboot_seconds),
    ] {
        assert!((fitted / shipped - 1.0).abs() < 0.02, "{name}: {fitted} {shipped}");
    }
}

#[test]
fn sixteen_nodes_are_predicted_from_four_and_eight_to_a_sixth() {
    let (seen, unseen): (Vec<_>, Vec<_>) =
        Observation::paper().into_iter().partition(|observation| observation.nodes < 16);
    assert_eq!(seen.len(), 12);
    let hardware = SiteDescription::paper_hardware();
    let site = hardware.calibrate(&seen).expect("the paper's tables").site;
    // Whole builds were measured for 16 nodes only, so boots cannot be predicted from the others.
    let unseen: Vec<_> =
        unseen.into_iter().filter(|observation| observation.part != Part::Whole).collect();
    assert_eq!(unseen.len(), 6);
    for row in site.compare(&unseen).expect("a site") {
        assert!(row.error.abs() < 0.16, "{row:?}");
    }
}

#[test]
fn the_laboratory_site_reproduces_what_was_measured_there() {
    let calibration = SiteDescription::laboratory().calibrate(&laboratory());
    let fitted = calibration.expect("measurements").rows;
    let shipped = SiteDescription::laboratory().compare(&laboratory()).expect("a site");
    assert_eq!(shipped.len(), 11);
    for (row, fitted) in shipped.iter().zip(&fitted) {
        assert!(row.error.abs() < 0.14, "{row:?}");
        assert!((row.simulated_seconds / fitted.simulated_seconds - 1.0).abs() < 0.02, "{row:?}");
    }
}

#[test]
fn wild_and_absent_measurements_do_not_spoil_a_calibration() {
    let mut observations = Observation::paper();
    observations[1].seconds = 5000.0;
    let site = SiteDescription::paper_hardware().calibrate(&observations).expect("mostly good");
    for row in site.rows.iter().filter(|row| row.measured_seconds < 1000.0) {
        assert!(row.error.abs() < 0.12, "{row:?}");
    }
    let error = SiteDescription::paper().calibrate(&[]).expect_err("nothing to fit to");
    assert!(error.to_string().starts_with("nothing to calibrate from"));
}

#[test]
fn a_history_of_several_sites_tells_of_the_named_one() {
    let line = |site: &str, seconds: f64| {
        format!(
            r#"{{"event":"transfer","at":"2026-01-01T00:00:00Z","site":"{site}","image":"i","bytes":46000000,"nodes":4,"method":"nfs","seconds":{seconds}}}"#
        )
    };
    let text = [line("a", 5.0), line("b", 9.0), line("a", 7.0), line("a", 5.5)].join("\n");
    let (history, _) = History::parse(text.as_bytes(), OnError::Stop).expect("possible events");
    let of = |site| {
        let found = Observation::of_history(&history, site);
        assert_eq!(found.len(), 1);
        found[0].seconds
    };
    assert!((of("a") - 5.5).abs() < 1e-12 && (of("b") - 9.0).abs() < 1e-12);
    assert!((of("elsewhere") - 6.25).abs() < 1e-12);
}

#[test]
fn one_node_takes_the_sum_of_its_steps() {
    let site = even();
    let (node, software) = (&site.node, Software::paper());
    let installing = node.install_seconds + 47.0 * node.install_package_seconds;
    let served = node.install_head_seconds + 47.0 * node.install_head_package_seconds;
    let install = 2.0 * node.start_seconds
        + node.network_boot_seconds
        + node.network_boot_bytes as f64 / site.head.uplink_bytes_per_second
        + site.transfer.latency_seconds
        + software.image_bytes as f64 / node.unpack_bytes_per_second
        + software.packages_bytes as f64 / site.head.uplink_bytes_per_second
        + served
        + installing
        + node.reboot_seconds;
    let layers = installing
        + site.head.layer_seconds
        + software.packages_bytes as f64 / site.head.disk_bytes_per_second
        + site.transfer.latency_seconds
        + 64e6 / site.hosts.disk_bytes_per_second
        + node.start_seconds
        + node.layers_boot_seconds;
    let cases = [
        (Strategy::Install, install),
        (Strategy::Layers, layers),
        (Strategy::Clone, layers + node.clone_seconds),
    ];
    for (strategy, sum) in cases {
        let simulated = total(&site, &task(strategy, TransferMethod::SharedServer, 1));
        assert!((simulated - sum).abs() < 1e-6, "{strategy}: {simulated} {sum}");
    }
}

#[test]
fn equal_flows_share_the_uplink() {
    let mut site = even();
    site.node.unpack_bytes_per_second = 1e12;
    site.hosts.disk_bytes_per_second = 1e12;
    site.head.disk_bytes_per_second = 1e12;
    for nodes in [3, 16, 500] {
        let task = task(Strategy::Install, TransferMethod::SharedServer, nodes);
        let run = site.simulate_part(&task, Part::Transfer);
        let formula = site.transfer.latency_seconds
            + f64::from(nodes) * 46e6 / site.head.uplink_bytes_per_second;
        assert!((run.total_seconds / formula - 1.0).abs() < 1e-9, "{nodes}");
        assert_eq!(run.bottleneck, "head uplink");
        assert!(run.resources[0].utilisation.is_some_and(|share| share > 0.85));
    }
}

#[test]
fn nodes_on_one_host_share_its_cores() {
    let mut site = even();
    site.hosts.count = Some(1);
    site.hosts.cores = 2.0;
    let task = task(Strategy::Install, TransferMethod::SharedServer, 10);
    let run = site.simulate_part(&task, Part::Reboot);
    // Nodes start one after another, a second apart; two cores then carry ten boots.
    let least = 10.0 * site.node.reboot_seconds / 2.0;
    assert!(run.total_seconds > least && run.total_seconds < least + 10.0, "{run:?}");
    assert_eq!(run.bottleneck, "host cores");
}

#[test]
fn phases_are_in_order_and_every_node_gets_through() {
    for strategy in Strategy::ALL {
        for transfer in TransferMethod::ALL {
            let mut site = SiteDescription::paper();
            site.hosts.nodes_per_host = 4;
            site.node.overlay_head_seconds = 0.1;
            let run = site.simulate(&task(strategy, transfer, 37)).expect("a possible task");
            let ready = run.phases.last().expect("phases");
            assert_eq!(ready.phase, crate::history::Phase::Ready);
            assert!((ready.last_seconds - run.total_seconds).abs() < 1e-9, "{run:?}");
            assert_eq!(run.hosts, 10);
            for phase in &run.phases {
                assert!(phase.first_seconds <= phase.median_seconds);
                assert!(phase.median_seconds <= phase.last_seconds);
            }
            for resource in &run.resources {
                assert!(
                    resource.utilisation.is_none_or(|share| (0.0..=1.0 + 1e-9).contains(&share))
                );
                assert!(resource.waiting_seconds >= 0.0, "{resource:?}");
            }
        }
    }
}

#[test]
fn impossible_tasks_are_refused() {
    let site = SiteDescription::paper();
    let none = task(Strategy::Install, TransferMethod::Chain, 0);
    let error = site.simulate(&none).expect_err("no nodes are no cluster");
    assert_eq!(error.to_string(), "0 nodes cannot be simulated; ask for 1 to 100000");
    let mut endless = task(Strategy::Install, TransferMethod::Chain, 1);
    endless.software.install_seconds = Some(f64::NAN);
    assert!(site.simulate(&endless).is_err());
}

#[test]
fn nothing_to_install_skips_the_phase() {
    let mut task = task(Strategy::Install, TransferMethod::Chain, 8);
    task.software.packages = 0;
    let run = SiteDescription::paper().simulate(&task).expect("a possible task");
    assert!(run.phases.iter().all(|phase| phase.phase != crate::history::Phase::Install));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn more_nodes_never_take_less(
        strategy in 0_usize..3,
        method in 0_usize..3,
        nodes_per_host in 1_u32..6,
        nodes in 1_u32..200,
    ) {
        let mut site = even();
        site.hosts.nodes_per_host = nodes_per_host;
        let (strategy, method) = (Strategy::ALL[strategy], TransferMethod::ALL[method]);
        // Nodes come by whole hosts: a host that is not full has more for each of its nodes.
        let nodes = nodes * nodes_per_host;
        let few = total(&site, &task(strategy, method, nodes));
        let many = total(&site, &task(strategy, method, nodes + nodes_per_host));
        prop_assert!(many >= few - 1e-6, "{strategy} {method} {nodes}: {few} {many}");
    }

    #[test]
    fn a_seed_decides_everything(
        strategy in 0_usize..3,
        method in 0_usize..3,
        nodes in 1_u32..100,
        seed: u64,
    ) {
        let (strategy, method) = (Strategy::ALL[strategy], TransferMethod::ALL[method]);
        let task = SiteTask { seed, ..task(strategy, method, nodes) };
        let site = SiteDescription::paper();
        let run = site.simulate(&task).expect("a possible task");
        prop_assert_eq!(&run, &site.simulate(&task).expect("a possible task"));
        // Other nodes are slow then, but not by more than nodes differ.
        let other = total(&site, &SiteTask { seed: seed ^ 0xff, ..task });
        prop_assert!((run.total_seconds / other - 1.0).abs() < 0.1);
    }

    #[test]
    fn what_passes_the_uplink_is_what_was_asked_for(
        nodes in 1_u32..300,
        megabytes in 1_u64..400,
    ) {
        let mut site = SiteDescription::paper();
        site.node.network_boot_bytes = 1_000_000;
        let mut task = task(Strategy::Install, TransferMethod::SharedServer, nodes);
        task.software.image_bytes = megabytes * 1_000_000;
        let run = site.simulate(&task).expect("a possible task");
        let moved = run.resources[0].utilisation.expect("a link has one")
            * run.total_seconds * site.head.uplink_bytes_per_second;
        let asked = f64::from(nodes) * (megabytes as f64 + 1.0 + 18.0) * 1e6;
        prop_assert!((moved / asked - 1.0).abs() < 1e-6, "{moved} {asked}");
    }
}

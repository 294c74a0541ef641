use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use vclust_grid::{ClusterError, ClusterState, NodeRecord, NodeState, PhaseRecord};

use crate::made::{Site, name, new, open, start};

#[test]
fn a_record_is_there_as_it_was_written_for_its_owner_alone() {
    let site = Site::new();
    let mut held = site.store.create(new("octave")).unwrap();
    assert_eq!(held.record().state, ClusterState::Starting);
    held.update(|record| {
        record.state = ClusterState::Ready;
        record.head = Some("10.77.0.1".parse().unwrap());
        record.images = vec!["0123456789abcdef".to_owned()];
        record.nodes = vec![NodeRecord {
            name: name("octave-1"),
            mac: "52:54:00:12:34:56".parse().unwrap(),
            address: "10.77.1.1".parse().unwrap(),
            state: NodeState::Ready,
            ready_seconds: Some(0.1 + 0.2),
        }];
        record.phases = vec![PhaseRecord {
            phase: "boot".to_owned(),
            predicted_seconds: Some(1.5),
            measured_seconds: None,
        }];
    })
    .unwrap();
    let written = held.record().clone();
    drop(held);
    let store = open(site.path());
    assert_eq!(store.get(&name("octave")).unwrap(), written);
    assert_eq!(store.list().unwrap(), [written]);
    let mode =
        |path: &str| fs::metadata(site.clusters().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("octave"), mode("octave/cluster.json")), (0o700, 0o700, 0o600));
}

#[test]
fn what_tells_a_cluster_from_others_cannot_be_changed() {
    let site = Site::new();
    let mut held = site.store.create(new("a")).unwrap();
    let before = held.record().clone();
    held.update(|record| {
        record.name = name("b");
        record.id = "other".to_owned();
        record.mark = "other".parse().unwrap();
    })
    .unwrap();
    assert_eq!(*held.record(), before);
}

#[test]
fn a_name_that_is_in_use_is_refused_and_free_again_afterwards() {
    let site = Site::new();
    let mut first = site.store.create(new("mpi")).unwrap();
    let error = site.store.create(new("mpi")).unwrap_err();
    assert!(matches!(error, ClusterError::Busy { .. }), "{error}");
    first.update(|record| record.state = ClusterState::Ready).unwrap();
    let id = first.record().id.clone();
    drop(first);
    let error = site.store.create(new("mpi")).unwrap_err();
    assert!(error.to_string().contains("`vclust down mpi` removes it"), "{error}");
    let held = site.store.hold(&name("mpi")).unwrap();
    let daemon = start(held.record(), &held.directory()).detach();
    assert_eq!(held.remove(Duration::ZERO).unwrap(), 1);
    assert!(!daemon.is_alive());
    assert_eq!(site.entries(), [".locks"]);
    assert!(fs::read_dir(site.clusters().join(".locks")).unwrap().next().is_none());
    assert_ne!(site.store.create(new("mpi")).unwrap().record().id, id);
}

#[test]
fn a_cluster_that_is_not_there_is_told_with_those_that_are() {
    let site = Site::new();
    let error = site.store.get(&name("c")).unwrap_err();
    assert_eq!(error.to_string(), "there is no cluster `c`; there are none");
    let _held = [site.store.create(new("a")).unwrap(), site.store.create(new("b")).unwrap()];
    let error = site.store.hold(&name("c")).unwrap_err();
    assert_eq!(error.to_string(), "there is no cluster `c`; there are a, b");
    let error = site.store.hold(&name("a")).unwrap_err();
    assert!(error.to_string().contains("somebody is starting or stopping the cluster `a`"));
}

#[test]
fn of_many_that_take_a_name_at_once_one_gets_it() {
    let site = Site::new();
    for round in 0..20 {
        let name = format!("c{round}");
        let got = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| match open(site.path()).create(new(&name)) {
                        Ok(held) => Some(held),
                        Err(ClusterError::Busy { .. } | ClusterError::InUse { .. }) => None,
                        Err(error) => panic!("{error}"),
                    })
                })
                .collect();
            // all are kept until everybody has tried
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).count()
        });
        assert_eq!(got, 1, "{name}");
    }
    assert_eq!(site.store.list().unwrap().len(), 20);
}

#[test]
fn a_record_that_cannot_be_read_is_named() {
    let site = Site::new();
    drop(site.store.create(new("a")).unwrap());
    let path = site.clusters().join("a/cluster.json");
    fs::write(&path, "{}").unwrap();
    for error in [site.store.list().unwrap_err(), site.store.get(&name("a")).unwrap_err()] {
        assert!(error.to_string().contains("a/cluster.json is no cluster's record"), "{error}");
    }
    // what it says of its processes is not known, so nothing is ended
    assert!(site.store.clean_abandoned().is_err());
    fs::remove_dir_all(site.clusters().join("a")).unwrap();
    assert!(site.store.clean_abandoned().unwrap().is_nothing());
}

#[test]
fn a_record_is_changed_in_little_time() {
    let site = Site::new();
    let mut held = site.store.create(new("a")).unwrap();
    let start = Instant::now();
    for _ in 0..20 {
        held.update(|record| record.state = ClusterState::Ready).unwrap();
    }
    let took = start.elapsed() / 20;
    eprintln!("a change of a record: {:.2} ms", took.as_secs_f64() * 1e3);
    assert!(took < Duration::from_millis(200), "{took:?}");
}

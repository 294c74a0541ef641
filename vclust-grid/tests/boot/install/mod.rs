//! Nodes install their own disks and start from them.

mod cluster;
mod machine;

use std::thread;
use std::time::Duration;

use vclust_core::Transfer;

use crate::MINUTE;
use crate::network::isolated;
use cluster::{Cluster, Sources};

/// An image is unpacked and packages are installed by an emulated machine among others.
const LONG: Duration = Duration::from_secs(420);

#[test]
#[ignore = "fetches packages and needs root: `make test-boot` runs it"]
fn nodes_install_over_nfs_with_packages_and_start_from_their_disks() {
    isolated(
        "install::nodes_install_over_nfs_with_packages_and_start_from_their_disks",
        12 * MINUTE,
        |place| Sources::prepare(place, &["make"]),
        |sources| {
            let cluster = Cluster::new(2);
            let mut service = cluster.serve(&sources, Transfer::Nfs);
            thread::scope(|scope| {
                let nodes: Vec<_> = (1..=2)
                    .map(|number| {
                        let (cluster, service, sources) = (&cluster, &service, &sources);
                        scope.spawn(move || {
                            let mut machine = cluster.install(number, service, sources);
                            machine.installed(LONG);
                            machine.ends(MINUTE);
                        })
                    })
                    .collect();
                for node in nodes {
                    node.join().expect("a node that installs");
                }
            });
            assert_eq!(service.check().expect("servers that live"), None);
            service.finish().expect("an end of the installation");
            for number in 1..=2 {
                let machine = cluster.boot(number, &sources);
                let run = |command: &str| cluster.ssh(number, command);
                assert_eq!(run("dpkg --audit"), "");
                assert_eq!(run("hostname; whoami"), format!("n{number}\nroot\n"));
                assert!(run("make --version").starts_with("GNU Make"));
                assert_eq!(run("cat /etc/motd"), "laid over the root\n");
                let mounts = "findmnt --noheadings --output SOURCE,FSTYPE / && swapon --show=NAME,SIZE --noheadings";
                assert_eq!(run(mounts), "/dev/vda2 ext4\n/dev/vda1  64M\n");
                let packages = run("dpkg-query --show | wc -l");
                let expected = sources.image.packages.len() + sources.packages.len();
                assert_eq!(packages.trim(), expected.to_string());
                run("! test -e /.vclust-archive && ! test -e /usr/sbin/policy-rc.d");
                // what the image's archive says of permissions, and what it has in attributes
                assert_eq!(run("stat -c '%a %U' /tmp /usr/bin/passwd"), "1777 root\n4755 root\n");
                drop(machine);
            }
        },
    );
}

#[test]
#[ignore = "fetches packages and needs root: `make test-boot` runs it"]
fn a_chain_survives_the_death_of_a_node_in_mid_transfer() {
    isolated(
        "install::a_chain_survives_the_death_of_a_node_in_mid_transfer",
        12 * MINUTE,
        |place| Sources::prepare(place, &[]),
        |sources| {
            let cluster = Cluster::new(3);
            let service = cluster.serve(&sources, Transfer::Chain);
            let bytes = sources.archive.bytes;
            let consoles: Vec<String> = thread::scope(|scope| {
                let first = cluster.install(1, &service, &sources);
                let others: Vec<_> = (2..=3)
                    .map(|number| {
                        let (cluster, service, sources) = (&cluster, &service, &sources);
                        scope.spawn(move || {
                            let mut machine = cluster.install(number, service, sources);
                            machine.installed(LONG);
                            machine.console()
                        })
                    })
                    .collect();
                while service.sent_bytes() < bytes / 4 {
                    thread::sleep(Duration::from_millis(10));
                }
                first.kill();
                others.into_iter().map(|node| node.join().expect("a node")).collect()
            });
            let sent = service.sent_bytes();
            eprintln!("  the head node sent {sent} bytes of an archive of {bytes}");
            // the second node got the rest from the head node, and the third everything from the second
            assert!(consoles[0].contains("is passed over at byte"), "{}", consoles[0]);
            assert!(!consoles[1].contains("is passed over"), "{}", consoles[1]);
            assert!(sent < 2 * bytes, "{sent} of {bytes}");
            service.finish().expect("an end of the installation");
            for number in 2..=3 {
                let machine = cluster.boot(number, &sources);
                assert_eq!(cluster.ssh(number, "dpkg --audit; hostname"), format!("n{number}\n"));
                drop(machine);
            }
        },
    );
}

//! Images start: under QEMU, from a kernel and an initramfs of ours, to a machine that can be used.
//!
//! These tests fetch Debian's packages and need root, so `make test-boot` runs them and a plain test
//! run does not. What they fetch and build stays in the target directory for the next time.

mod install;
mod network;
mod node;
mod site;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use network::{Network, Place, isolated};
use node::{Disk, Node};
use site::Site;
use vclust_debian::{DiskSerial, NodeRoot, Tree, Upper, write_erofs};
use vclust_grid::{BootFiles, IfFound, StoredImage};

const MINUTE: Duration = Duration::from_secs(60);
/// How long a node may take for a stage of its start, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

fn serial(text: &str) -> DiskSerial {
    text.parse().expect("a serial number")
}

/// What a node is started from.
struct Prepared {
    files: BootFiles,
    /// Images, the lowest first, with their file systems.
    images: Vec<(StoredImage, PathBuf)>,
}

/// The site of these tests.
fn site(place: Place) -> Site {
    // what is tested is what the builder makes now
    let if_found = match place {
        Place::Outside => IfFound::Replace,
        Place::Inside => IfFound::Use,
    };
    Site::at(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("boot"), if_found)
}

/// Sees to it that there is a minimal image and, over it, a layer with packages if there are any.
fn prepare(place: Place, packages: &[&str]) -> Prepared {
    let site = site(place);
    let mut images = vec![site.minimal()];
    if !packages.is_empty() {
        images.push(site.layer(&images[0], packages));
    }
    let images = images.into_iter().map(|image| (image.clone(), site.erofs(&image))).collect();
    Prepared { files: site.boot_files(), images }
}

/// A key pair, and a layer that has root trust it.
fn key_layer(directory: &Path) -> (PathBuf, PathBuf) {
    let key = directory.join("key");
    let output = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(&key)
        .output()
        .expect("ssh-keygen starts: the Debian package `openssh-client` has it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let root = directory.join("layer");
    let keys = root.join("root/.ssh");
    fs::create_dir_all(&keys).expect("a directory");
    fs::copy(key.with_extension("pub"), keys.join("authorized_keys")).expect("a key");
    for (path, mode) in [(root.clone(), 0o755), (root.join("root"), 0o700), (keys, 0o700)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
    }
    let tree = Tree::read(&root, 0).expect("a tree");
    let digest = tree.digest(&|_| ()).expect("a digest");
    let layer = directory.join("key.erofs");
    write_erofs(&tree, &layer, digest, &|_| ()).expect("a layer");
    (key, layer)
}

/// Starts a node and waits until it takes logins at the address that is answered.
fn start(
    prepared: &Prepared,
    memory_mib: u32,
    network: &Network,
    directory: &Path,
) -> (Node, String) {
    let (key, key_layer) = key_layer(directory);
    let numbered = prepared.images.iter().enumerate();
    let mut disks: Vec<Disk> =
        numbered.map(|(number, (_, path))| disk(&format!("image-{number}"), path)).collect();
    disks.push(disk("key", &key_layer));
    let layers = disks[1..].iter().map(|disk| disk.serial.clone()).collect();
    let root = NodeRoot { base: disks[0].serial.clone(), layers, upper: Upper::Memory };
    let mut node = Node::start(&prepared.files, &root, &disks, memory_mib, &key);
    let address = comes_up(&mut node, network);
    (node, address)
}

/// A disk with a layer that is not written.
fn disk(name: &str, path: &Path) -> Disk {
    Disk { serial: serial(name), path: path.to_owned() }
}

/// Waits until a node that was started takes logins, and answers its address.
fn comes_up(node: &mut Node, network: &Network) -> String {
    node.says("vclust: modules loaded", PATIENCE);
    node.says("vclust: root mounted", PATIENCE);
    let address = node.wait("an address", PATIENCE, || network.address(Node::MAC));
    node.takes_logins(&address, PATIENCE);
    node.says("login: ", PATIENCE);
    address
}

#[test]
#[ignore = "fetches packages and needs root: `make test-boot` runs it"]
fn a_minimal_image_boots_takes_logins_and_boots_again() {
    isolated(
        "a_minimal_image_boots_takes_logins_and_boots_again",
        5 * MINUTE,
        |place| prepare(place, &[]),
        |prepared| {
            let directory = tempfile::tempdir().expect("a directory");
            let network = Network::new(directory.path());
            let (mut node, address) = start(&prepared, 320, &network, directory.path());

            let state =
                node.run(&address, "systemctl is-system-running --wait || systemctl --failed");
            assert_eq!(state.trim(), "running");
            let addresses = node.run(&address, "ip -4 -o addr show scope global");
            assert!(addresses.contains(&format!(" {address}/24 ")), "{addresses}");
            let keys = node.run(&address, "ls /etc/ssh/ssh_host_*_key; cat /etc/machine-id");
            assert!(keys.contains("ssh_host_ed25519_key"), "{keys}");
            let machine = keys.lines().last().unwrap_or_default();
            assert!(machine.len() == 32, "a machine id: {machine}");
            let packages = node.run(&address, "dpkg --audit; dpkg-query --show | wc -l");
            assert_eq!(packages.trim(), prepared.images[0].0.packages.len().to_string());
            node.run(&address, "touch /written && ! grep -q vclust.upper /proc/cmdline");

            let boot = "cat /proc/sys/kernel/random/boot_id";
            let first = node.run(&address, boot);
            node.leave(&address, "reboot");
            let address = comes_up(&mut node, &network);
            assert_ne!(node.run(&address, boot), first);
            // what was written was in memory
            node.run(&address, "! test -e /written");
            node.leave(&address, "poweroff");
            assert!(node.ends(PATIENCE).success());
        },
    );
}

/// Each of the processes says who it is, and they add up their numbers.
const PROGRAM: &str = r#"
#include <mpi.h>
#include <stdio.h>
int main(int argc, char **argv) {
    int rank, size, sum;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    rank += 20;
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    printf("%d of %d: %d\n", rank, size, sum);
    return MPI_Finalize();
}
"#;

#[test]
#[ignore = "fetches packages and needs root: `make test-boot` runs it"]
fn a_layer_with_mpi_compiles_and_runs_programs() {
    let packages = ["build-essential", "openmpi-bin", "libopenmpi-dev"];
    let name = "a_layer_with_mpi_compiles_and_runs_programs";
    isolated(
        name,
        5 * MINUTE,
        |place| prepare(place, &packages),
        |prepared| {
            let directory = tempfile::tempdir().expect("a directory");
            let network = Network::new(directory.path());
            let (mut node, address) = start(&prepared, 512, &network, directory.path());

            assert_eq!(node.run(&address, "dpkg --audit"), "");
            node.run(&address, &format!("cat >sum.c <<'END'\n{PROGRAM}END"));
            node.run(&address, "gcc --version >/dev/null && mpicc -O2 -o sum sum.c");
            let run = "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
                   mpirun -n 2 --oversubscribe ./sum | sort";
            assert_eq!(node.run(&address, run), "20 of 2: 41\n21 of 2: 41\n");
            node.leave(&address, "poweroff");
            assert!(node.ends(PATIENCE).success());
        },
    );
}

#[test]
#[ignore = "fetches packages and needs root: `make test-boot` runs it"]
fn a_node_that_cannot_start_says_why_and_switches_itself_off() {
    let name = "a_node_that_cannot_start_says_why_and_switches_itself_off";
    isolated(
        name,
        5 * MINUTE,
        |place| site(place).boot_files(),
        |files| {
            let directory = tempfile::tempdir().expect("a directory");
            let _network = Network::new(directory.path());
            let (key, layer) = key_layer(directory.path());
            for (base, reason) in [
                ("key", "the root has no /sbin/init"),
                ("missing", "no disk has the serial number missing"),
            ] {
                let root =
                    NodeRoot { base: serial(base), layers: Vec::new(), upper: Upper::Memory };
                let disks = [disk("key", &layer)];
                let mut node = Node::start(&files, &root, &disks, 128, &key);
                node.says(&format!("vclust: cannot start this node: {reason}"), PATIENCE);
                assert!(node.ends(PATIENCE).success());
            }
        },
    );
}

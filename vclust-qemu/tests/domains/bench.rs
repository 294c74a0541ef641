//! What clones of a guest with a real kernel cost. The kernel is fetched, so `make test-boot` runs
//! this and a plain test run does not.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use vclust_core::{
    ByteSize, DomainBoot, DomainInterface, DomainMemory, DomainName, DomainState, Hypervisor,
    MacAddress,
};
use vclust_process::ProcessId;
use vclust_qemu::{Qemu, QemuOptions};

use crate::site::{PATIENCE, Site, cause};

/// Clones that are started at once, for each line of the report.
const CLONES: [usize; 3] = [1, 4, 16];
/// Processor seconds that a clone may take until it has answered, and MiB of its own.
const BOUNDS: (f64, f64) = (0.6, 110.0);

/// Set in the environment of the test inside its network namespace.
const INSIDE: &str = "VCLUST_TEST_INSIDE";

/// Modules that the guest loads to reach the channel, in this order.
const MODULES: [&str; 6] = [
    "virtio/virtio_ring",
    "virtio/virtio",
    "virtio/virtio_pci_modern_dev",
    "virtio/virtio_pci_legacy_dev",
    "virtio/virtio_pci",
    "char/virtio_console",
];
/// The whole user space of the guest. On the console it says that it is there, and that it is ready
/// for every line it hears; on the channel it repeats what it hears, whoever is at the other end. The channel is the first port
/// of the second virtio device, after the source of random numbers.
const INIT: &str = r#"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
    char line[100], path[20];
    ssize_t length;
    mount("dev", "/dev", "devtmpfs", 0, "");
    int console = open("/dev/ttyS0", O_RDWR);
    for (int number = 0; number < 6; number++) {
        snprintf(path, sizeof path, "/%d.ko", number);
        if (syscall(SYS_finit_module, open(path, O_RDONLY), "", 0))
            dprintf(console, "cannot load %s: %m\n", path);
    }
    if (!fork()) {
        int channel;
        while ((channel = open("/dev/vport1p1", O_RDWR)) < 0)
            usleep(10000);
        for (;;) {
            length = read(channel, line, sizeof line);
            if (length > 0)
                write(channel, line, length);
            else
                usleep(10000);
        }
    }
    write(console, "GATE\n", 5);
    for (;;) {
        length = read(console, line, sizeof line);
        write(console, "READY ", 6);
        write(console, line, length);
    }
}
"#;
const COMMAND_LINE: &str = "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off tsc=reliable \
    no_timer_check cryptomgr.notests random.trust_cpu=on 8250.nr_uarts=1 rdinit=/init";

fn run(command: &mut Command) -> String {
    let output = command.output().expect("a program that `scripts/setup boot` installs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Debian's package of the kernel for virtual machines, fetched and unpacked once.
fn kernel_package() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernel");
    let root = directory.join("root");
    if root.exists() {
        return root;
    }
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).expect("a directory");
    let depends = run(Command::new("apt-cache").args(["depends", "linux-image-cloud-amd64"]));
    let package = depends.lines().find_map(|line| line.trim().strip_prefix("Depends: "));
    let package = package.expect("a kernel");
    run(Command::new("apt-get").args(["-q", "download", package]).current_dir(&directory));
    let deb = only(&directory, |name| name.starts_with("linux-image-"));
    let draft = directory.join("draft");
    run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(&draft));
    fs::rename(draft, &root).expect("a directory");
    root
}

/// The entry of a directory with such a name.
fn only(directory: &Path, fits: impl Fn(&str) -> bool) -> PathBuf {
    let mut entries = fs::read_dir(directory).expect("a directory").flatten();
    let entry = entries.find(|entry| entry.file_name().to_str().is_some_and(&fits));
    entry.expect("the package has it").path()
}

/// An initramfs of a program and modules: an archive in cpio's `newc` format.
fn initramfs(directory: &Path, package: &Path) -> PathBuf {
    let (source, program) = (directory.join("init.c"), directory.join("init"));
    fs::write(&source, INIT).expect("a file");
    run(Command::new("gcc").args(["-static", "-Os", "-s", "-o"]).arg(&program).arg(&source));
    let mut archive = Vec::new();
    let mut add = |name: &str, mode: u32, data: &[u8]| {
        let length = u32::try_from(data.len()).expect("a small program");
        let name_length = u32::try_from(name.len() + 1).expect("a short name");
        archive.extend_from_slice(b"070701");
        for field in [1, mode, 0, 0, 1, 0, length, 0, 0, 0, 0, name_length, 0] {
            archive.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        archive.extend_from_slice(name.as_bytes());
        archive.push(0);
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend_from_slice(data);
        archive.resize(archive.len().next_multiple_of(4), 0);
    };
    add("dev", 0o40_755, &[]);
    add("init", 0o100_755, &fs::read(&program).expect("a program"));
    let drivers = only(&package.join("lib/modules"), |_| true).join("kernel/drivers");
    for (number, module) in MODULES.iter().enumerate() {
        let module = fs::read(drivers.join(module).with_extension("ko")).expect("a module");
        add(&format!("{number}.ko"), 0o100_644, &module);
    }
    add("TRAILER!!!", 0, &[]);
    let path = directory.join("initramfs");
    fs::write(&path, archive).expect("an archive");
    path
}

/// Processor seconds that a process has taken.
fn processor_seconds(process: &ProcessId) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", process.number)).expect("a process");
    let nanoseconds = tasks.flatten().map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).expect("a thread");
        text.split(' ').next().and_then(|field| field.parse::<f64>().ok()).expect("a number")
    });
    nanoseconds.sum::<f64>() / 1e9
}

/// A process's share of memory in MiB: all of what is its own, a part of what it shares.
fn proportional_mebibytes(process: &ProcessId) -> f64 {
    let path = format!("/proc/{}/smaps_rollup", process.number);
    let text = fs::read_to_string(path).expect("a process");
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).expect("a sum");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let number = values.len() as f64;
    values.sum::<f64>() / number
}

/// Makes taps in the network namespace of this process.
fn taps(names: impl Iterator<Item = String>) {
    for name in names {
        run(Command::new("ip").args(["tuntap", "add", "mode", "tap", "name", &name]));
        run(Command::new("ip").args(["link", "set", &name, "up"]));
    }
}

fn interface(index: usize) -> DomainInterface {
    let last = u8::try_from(index).expect("a small number");
    let mac = MacAddress([0x52, 0x54, 0, 0x77, 0, last]);
    DomainInterface { mac, host_device: format!("tap{index}"), bridge: None }
}

#[test]
#[ignore = "fetches a kernel and needs root; `make test-boot` runs it"]
fn clones_of_a_real_kernel_answer_soon_and_take_little() {
    assert!(rustix::process::geteuid().is_root(), "only root may make taps");
    // there is no network to fetch it by in the namespace
    let package = kernel_package();
    if std::env::var_os(INSIDE).is_none() {
        // once more, in a network namespace that is gone with it
        let own = std::env::current_exe().expect("this program");
        let status = Command::new("unshare")
            .args(["--net", "--"])
            .arg(own)
            .args(["clones_of_a_real_kernel", "--ignored", "--nocapture"])
            .env(INSIDE, "")
            .status();
        assert!(status.expect("util-linux has `unshare`").success());
        return;
    }
    let site = Site::new();
    taps((0..=CLONES[2]).map(|index| interface(index).host_device));
    let qemu = site.qemu_with(QemuOptions::default());
    eprintln!("{}", qemu.acceleration().expect("an acceleration").name());
    let mut template = site.configuration("template");
    template.memory = ByteSize::new(256 << 20);
    template.memory_use = DomainMemory::Saveable;
    template.interfaces = vec![interface(CLONES[2])];
    template.boot = DomainBoot::Kernel {
        image: only(&package.join("boot"), |name| name.starts_with("vmlinuz-")),
        initramfs: Some(initramfs(&site.path(""), &package)),
        command_line: COMMAND_LINE.to_owned(),
    };
    qemu.define(&template).expect("a definition");
    let start = Instant::now();
    qemu.start(&template.name).expect("a template");
    wait_for(&qemu, &template.name, "GATE");
    let process = site.process(&template.name);
    eprintln!(
        "template: at its gate after {:.2} s, {:.2} s of processor, {:.0} MiB",
        start.elapsed().as_secs_f64(),
        processor_seconds(&process),
        proportional_mebibytes(&process)
    );
    repeats(&qemu, &template.name, "to the template");
    let (start, saved) = (Instant::now(), site.path("saved"));
    qemu.save(&template.name, &saved).expect("a saved state");
    let blocks = |path: &str| {
        let data = fs::metadata(saved.join(path)).expect("a file");
        std::os::unix::fs::MetadataExt::blocks(&data) * 512
    };
    eprintln!(
        "saved in {:.2} s: {:.1} MiB of memory, {} KiB of state",
        start.elapsed().as_secs_f64(),
        blocks("memory") as f64 / 1_048_576.0,
        blocks("state") >> 10
    );
    for number in CLONES {
        let names: Vec<_> = (0..number)
            .map(|index| {
                let mut clone = template.clone();
                clone.name = format!("clone-{number}-{index}").parse().expect("a name");
                clone.interfaces = vec![interface(index)];
                qemu.define(&clone).expect("a definition");
                clone.name
            })
            .collect();
        let start = Instant::now();
        let resumed: Vec<(f64, f64)> = thread::scope(|scope| {
            let restore = |name| {
                qemu.restore(name, &saved).expect("a clone");
                let seconds = start.elapsed().as_secs_f64();
                (seconds, processor_seconds(&site.process(name)))
            };
            let threads: Vec<_> =
                names.iter().map(|name| scope.spawn(move || restore(name))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a clone")).collect()
        });
        for name in &names {
            let mut line = qemu.console(name).expect("a console");
            line.writer.write_all(b"hello\n").expect("a console");
        }
        for name in &names {
            wait_for(&qemu, name, "READY hello");
        }
        let seconds = start.elapsed().as_secs_f64();
        let processes: Vec<_> = names.iter().map(|name| site.process(name)).collect();
        let processor = mean(processes.iter().map(processor_seconds));
        let memory = mean(processes.iter().map(proportional_mebibytes));
        eprintln!(
            "{number} clones: the last resumed after {:.2} s with {:.3} s of processor each; all \
             answered after {seconds:.2} s with {processor:.3} s and {memory:.0} MiB each",
            resumed.iter().map(|(seconds, _)| *seconds).fold(0.0, f64::max),
            mean(resumed.iter().map(|(_, processor)| *processor)),
        );
        assert!(processor < BOUNDS.0 && memory < BOUNDS.1, "more than {BOUNDS:?}");
        for name in &names {
            assert_eq!(qemu.state(name).expect("a state"), DomainState::Running);
            repeats(&qemu, name, name.as_str());
            qemu.kill(name).expect("an end");
        }
    }
    // one that starts from the network is the other machine
    let mut network = template.clone();
    network.name = "network".parse().expect("a name");
    network.boot = DomainBoot::Network;
    qemu.define(&network).expect("a definition");
    let error = qemu.restore(&network.name, &saved).expect_err("another machine");
    assert!(cause(&error).contains("way to boot"), "{}", cause(&error));
    qemu.start(&network.name).expect("a domain");
    assert_eq!(qemu.state(&network.name).expect("a state"), DomainState::Running);
}

/// Waits until what is said on a domain's channel is repeated.
fn repeats(qemu: &Qemu, name: &DomainName, text: &str) {
    let mut channel = qemu.channel(name).expect("a channel");
    channel.writer.write_all(text.as_bytes()).expect("a channel");
    let (heard, mut reader) = (mpsc::channel(), channel.reader);
    let length = text.len();
    thread::spawn(move || {
        let mut bytes = vec![0; length];
        let read = reader.read_exact(&mut bytes).map(|()| bytes);
        let _ = heard.0.send(read);
    });
    let bytes = heard.1.recv_timeout(PATIENCE).expect("an answer in time").expect("a channel");
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

fn wait_for(qemu: &Qemu, name: &DomainName, text: &str) {
    let end = Instant::now() + PATIENCE * 4;
    loop {
        let said = qemu.console_log(name, 10_000).expect("a log");
        let said = String::from_utf8_lossy(&said);
        if said.contains(text) {
            return;
        }
        assert!(Instant::now() < end, "{name} does not say `{text}`: {said}");
        thread::sleep(Duration::from_millis(2));
    }
}

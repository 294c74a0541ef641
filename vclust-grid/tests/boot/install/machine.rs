//! A machine with the agent, a disk of its own and a line to it.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use vclust_agent::protocol::{LONGEST_REPORT, Lines, Order, Report, write_line};
use vclust_debian::{AddressPlan, NodeAddress};

use crate::node::{KERNEL, PROCESSOR};

/// The serial number of the machines' disk.
pub(crate) const DISK: &str = "disk";
const DISK_BYTES: u64 = 3 << 30;

/// A machine that runs.
pub(crate) struct Machine {
    pub(crate) number: u32,
    qemu: Child,
    start: Instant,
    orders: UnixStream,
    reports: Receiver<Report>,
    console: PathBuf,
}

impl Machine {
    /// Starts a machine in the network of this thread, with the disk that it had before.
    pub(crate) fn start(
        directory: &Path,
        number: u32,
        node: NodeAddress,
        kernel: &Path,
        initramfs: &Path,
    ) -> Self {
        let at = |name: &str| directory.join(format!("{number}.{name}"));
        let (disk, channel, console) = (at("disk"), at("channel"), at("console"));
        if !disk.exists() {
            File::create(&disk).and_then(|file| file.set_len(DISK_BYTES)).expect("a disk");
        }
        let _ = fs::remove_file(&channel);
        let tap = AddressPlan::tap(number);
        let mut command = Command::new("qemu-system-x86_64");
        command
            .args(["-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none"])
            .args(["-accel", "tcg", "-machine", "q35", "-cpu", PROCESSOR, "-smp", "1"])
            .args(["-m", "320M", "-no-reboot", "-serial", &format!("file:{}", console.display())])
            .arg("-kernel")
            .arg(kernel)
            .arg("-initrd")
            .arg(initramfs)
            .args(["-append", &format!("{KERNEL} net.ifnames=0")])
            .args(["-netdev", &format!("tap,id=net,ifname={tap},script=no,downscript=no")])
            .args(["-device", &format!("virtio-net-pci,netdev=net,mac={},romfile=", node.mac)])
            .args(["-device", "virtio-serial-pci", "-chardev"])
            .arg(format!("socket,id=agent,path={},server=on,wait=off", channel.display()))
            .args(["-device", "virtserialport,chardev=agent,name=org.vclust.agent", "-drive"])
            .arg(format!("id=disk,file={},format=raw,if=none,cache=unsafe", disk.display()))
            .args(["-device", &format!("virtio-blk-pci,drive=disk,serial={DISK}")]);
        let start = Instant::now();
        let qemu = command
            .stdin(Stdio::null())
            .spawn()
            .expect("QEMU starts: the Debian package `qemu-system-x86` has it");
        let orders = loop {
            match UnixStream::connect(&channel) {
                Ok(stream) => break stream,
                Err(error) => {
                    assert!(start.elapsed() < Duration::from_secs(20), "no channel: {error}");
                    thread::sleep(Duration::from_millis(5));
                }
            }
        };
        let (sender, reports) = mpsc::channel();
        let mut lines =
            Lines::<_, Report>::new(orders.try_clone().expect("a socket"), LONGEST_REPORT);
        thread::spawn(move || {
            while let Ok(Some(report)) = lines.next_document() {
                if sender.send(report.cleaned()).is_err() {
                    return;
                }
            }
        });
        Self { number, qemu, start, orders, reports, console }
    }

    /// Gives an order.
    pub(crate) fn order(&mut self, order: &Order) {
        write_line(&mut self.orders, order).expect("the machine's channel");
    }

    /// Waits for a report that answers; whatever else is reported is printed.
    pub(crate) fn wait<T>(
        &mut self,
        what: &str,
        patience: Duration,
        mut answer: impl FnMut(&Report) -> Option<T>,
    ) -> T {
        let end = Instant::now() + patience;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(report) = self.reports.recv_timeout(left) else {
                panic!("node {}: nothing of {what}\n{}", self.number, self.console());
            };
            let seconds = self.start.elapsed().as_secs_f64();
            if let Report::Failed { doing, because } = &report {
                panic!("node {}: {doing}: {because}\n{}", self.number, self.console());
            }
            eprintln!("  node {} {seconds:6.2} s {report:?}", self.number);
            if let Some(found) = answer(&report) {
                return found;
            }
        }
    }

    /// Waits until the machine has switched itself off; seconds it ran.
    pub(crate) fn ends(mut self, patience: Duration) -> f64 {
        let end = Instant::now() + patience;
        while self.qemu.try_wait().expect("a child").is_none() {
            assert!(Instant::now() < end, "the machine is still on\n{}", self.console());
            thread::sleep(Duration::from_millis(10));
        }
        self.start.elapsed().as_secs_f64()
    }

    /// Ends it at once, as if its power failed.
    pub(crate) fn kill(mut self) {
        self.qemu.kill().expect("a child");
        self.qemu.wait().expect("a child");
    }

    /// What it wrote to its console.
    pub(crate) fn console(&self) -> String {
        let text = fs::read(&self.console).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.orders.flush();
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

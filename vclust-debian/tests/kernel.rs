//! Kernels and the initramfs, from packages that are made here with `dpkg-deb`.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use tempfile::TempDir;
use vclust_debian::{InitramfsError, KernelError, KernelStore, StateDirectory, write_initramfs};

/// Packages, and a state directory.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "this test needs root: files become root's");
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn store(&self) -> KernelStore {
        KernelStore::open(&StateDirectory::at(self.path("state"))).unwrap()
    }

    /// What is in the directory of kernels, but for locks.
    fn kept(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("state/kernels")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> =
            names.filter(|name| Path::new(name).extension() != Some("lock".as_ref())).collect();
        names.sort();
        names
    }

    /// A package with such files.
    fn package(&self, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
        let tree = self.path(name);
        let control = format!(
            "Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.invalid>\n\
             Description: test\n"
        );
        let files = files.iter().copied().chain([("DEBIAN/control", control.as_bytes())]);
        for (path, content) in files {
            let path = tree.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let package = self.path(&format!("{name}.deb"));
        let output = Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Zgzip", "--build"])
            .args([&tree, &package])
            .output()
            .expect("dpkg-deb starts: the Debian package `dpkg` has it");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        package
    }

    /// A kernel without a single module but the one that is built in.
    fn kernel(&self) -> PathBuf {
        self.package(
            "kernel",
            &[
                ("boot/vmlinuz-6.1-test", b"kernel"),
                ("lib/modules/6.1-test/kernel/README", b"no module"),
                ("lib/modules/6.1-test/modules.builtin", b"kernel/fs/ext4/ext4.ko\n"),
                ("lib/modules/6.1-test/modules.builtin.modinfo", b""),
            ],
        )
    }
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut content = Vec::new();
    let file = fs::File::open(path).unwrap();
    zstd::Decoder::new(file).unwrap().read_to_end(&mut content).unwrap();
    content
}

#[test]
fn a_kernel_is_unpacked_once_even_if_several_ask_for_it_at_once() {
    let place = Place::new();
    let package = place.kernel();
    let kernels: Vec<_> = thread::scope(|scope| {
        let ask = || place.store().unpack(&package).unwrap();
        let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(kernels[0].release(), "6.1-test");
    assert_eq!(fs::read(kernels[0].image()).unwrap(), b"kernel");
    assert!(kernels[0].modules_directory().ends_with("lib/modules/6.1-test"));
    assert!(kernels.iter().all(|kernel| *kernel == kernels[0]));
    assert_eq!(place.kept().len(), 1);
    // what is there is not written again
    let mark = kernels[0].image().with_file_name("mark");
    fs::write(&mark, "").unwrap();
    place.store().unpack(&package).unwrap();
    assert!(mark.exists());
}

#[test]
fn what_a_killed_process_left_is_no_kernel() {
    let place = Place::new();
    let package = place.kernel();
    let kernel = place.store().unpack(&package).unwrap();
    let directory = place.path("state/kernels").join(&place.kept()[0]);
    fs::rename(&directory, directory.with_extension("partial")).unwrap();
    fs::remove_file(directory.with_extension("partial").join("boot/vmlinuz-6.1-test")).unwrap();
    assert_eq!(place.store().unpack(&package).unwrap(), kernel);
    assert_eq!(place.kept().len(), 1);
}

#[test]
fn a_package_without_a_kernel_is_refused_and_leaves_nothing() {
    let place = Place::new();
    let package = place.package("other", &[("usr/share/doc/other/README", b"text")]);
    let error = place.store().unpack(&package).unwrap_err();
    assert!(matches!(error, KernelError::NoKernel { .. }), "{error}");
    assert_eq!(place.kept(), Vec::<String>::new());
    fs::write(&package, "no package").unwrap();
    let error = place.store().unpack(&package).unwrap_err();
    assert!(matches!(error, KernelError::Package(_)), "{error}");
    assert_eq!(place.kept(), Vec::<String>::new());
}

#[test]
fn the_same_packages_give_the_same_initramfs() {
    let place = Place::new();
    let kernel = place.store().unpack(&place.kernel()).unwrap();
    let busybox = place.package("busybox", &[("bin/busybox", b"a program")]);
    let stored = place.store().initramfs(&kernel, &busybox, &["ext4"]).unwrap();
    let written = place.path("initramfs");
    write_initramfs(&kernel, &busybox, &["ext4"], &written).unwrap();
    assert_eq!(fs::read(&stored).unwrap(), fs::read(&written).unwrap());
    let content = unpacked(&written);
    let has = |part: &[u8]| content.windows(part.len()).any(|window| window == part);
    // a header and a name take a multiple of four bytes
    assert!(has(b"bin/busybox\0\0\0a program"));
    assert!(has(b"#!/bin/busybox sh\n"));
    // nothing is left of writing it
    assert_eq!(place.store().initramfs(&kernel, &busybox, &["ext4"]).unwrap(), stored);
    assert_eq!(place.kept().len(), 2);
    let other = place.package("busybox2", &[("usr/bin/busybox", b"another program")]);
    assert_ne!(place.store().initramfs(&kernel, &other, &["ext4"]).unwrap(), stored);
}

#[test]
fn an_initramfs_needs_a_busybox_that_needs_nothing() {
    let place = Place::new();
    let kernel = place.store().unpack(&place.kernel()).unwrap();
    let written = place.path("initramfs");
    let write = |package: &Path| write_initramfs(&kernel, package, &[], &written).unwrap_err();
    let none = place.package("none", &[("bin/box", b"a program")]);
    let error = write(&none);
    assert!(matches!(error, InitramfsError::NoBusybox { .. }), "{error}");
    // programs of this machine are linked dynamically
    let program = fs::read("/usr/bin/dpkg-deb").unwrap();
    let dynamic = place.package("dynamic", &[("bin/busybox", &program)]);
    let error = write(&dynamic);
    assert!(matches!(error, InitramfsError::NotStatic { .. }), "{error}");
    assert!(!written.exists());
    let busybox = place.package("busybox", &[("bin/busybox", b"a program")]);
    let error = write_initramfs(&kernel, &busybox, &["erofs"], &written).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the kernel 6.1-test has no module `erofs`, neither built in nor as a file"
    );
}

#[test]
fn what_killed_writers_left_is_swept_away_and_what_is_being_written_is_not() {
    let place = Place::new();
    let store = place.store();
    let kernels = place.path("state/kernels");
    let dead = format!("a.json.new-{}", i32::MAX);
    let own = format!("b.json.new-{}", std::process::id());
    for name in [".initramfs-aBc", "c.initramfs", &dead, &own] {
        fs::write(kernels.join(name), "half").unwrap();
    }
    fs::create_dir_all(kernels.join("d.partial/boot")).unwrap();
    fs::create_dir_all(kernels.join("e.partial")).unwrap();
    let held = |path: &str| {
        let open = if path == "." {
            fs::File::open(&kernels)
        } else {
            fs::File::create(kernels.join(path))
        };
        let open = open.unwrap();
        rustix::fs::flock(&open, rustix::fs::FlockOperation::LockShared).unwrap();
        open
    };
    let (writing, unpacking) = (held("."), held("e.lock"));
    assert_eq!(store.sweep().unwrap(), 2, "the dead process's file and one package");
    assert_eq!(place.kept(), [".initramfs-aBc", &own, "c.initramfs", "e.partial"]);
    drop((writing, unpacking));
    assert_eq!(store.sweep().unwrap(), 2);
    assert_eq!(place.kept(), [own.as_str(), "c.initramfs"]);
    assert_eq!(store.sweep().unwrap(), 0);
}

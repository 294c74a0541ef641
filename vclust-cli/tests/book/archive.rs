//! A small archive under names that Debian's packages have, so that pages can show what commands answer
//! without a network. Versions and sizes are made up: pages leave them out of what they show.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// A package a line: name, version, size of the .deb and installed in kB, and behind `->` what it needs;
/// `!` stands before the essential ones, `+` behind what they need before what they recommend.
const PACKAGES: &str = "\
!base-files 12.4 70 340
!libc6 2.36-9 2700 13000
!dpkg 1.21.22 1500 6500 -> libc6
!bash 5.2.15-2 1500 7300 -> libc6, base-files
!coreutils 9.1-1 2800 18000 -> libc6
apt 2.6.1 1400 4200 -> libc6, debian-archive-keyring
debian-archive-keyring 2023.3 160 240
systemd 252.1-1 3000 10300 -> libc6
systemd-sysv 252.1-1 40 150 -> systemd
udev 252.1-1 1600 9700 -> libc6
kmod 30-1 90 280 -> libc6
e2fsprogs 1.47-1 570 1500 -> libc6
iproute2 6.1-1 1000 3400 -> libc6
netbase 6.4 12 40
procps 4.0-1 600 2400 -> libc6
openssh-client 9.2-1 900 5800 -> libc6
openssh-server 9.2-1 450 1900 -> libc6, openssh-client
rsync 3.2-1 400 800 -> libc6
make 4.3-4 390 1600 -> libc6
gcc-12 12.2.0-14 19000 49000 -> libc6, cpp-12
cpp-12 12.2.0-14 9700 27000 -> libc6
gcc 4:12.2.0-3 5 50 -> gcc-12
g++-12 12.2.0-14 10700 32000 -> gcc-12
g++ 4:12.2.0-3 1 15 -> g++-12
libc6-dev 2.36-9 1900 12000 -> libc6
build-essential 12.9 7 20 -> gcc, g++, make, libc6-dev
libhwloc15 2.9-1 150 460 -> libc6
libopenmpi3 4.1.4-3 2400 7300 -> libc6, libhwloc15
openmpi-common 4.1.4-3 170 580
openmpi-bin 4.1.4-3 220 680 -> libopenmpi3, openmpi-common, openssh-client
libopenmpi-dev 4.1.4-3 900 7800 -> libopenmpi3, openmpi-bin + libc6-dev
libmpich12 4.0.2-3 2000 7000 -> libc6
mpich 4.0.2-3 400 1100 -> libmpich12
libmpich-dev 4.0.2-3 5000 34000 -> libmpich12
liboctave9 7.3.0-2 2800 9600 -> libc6, libblas3
libblas3 3.11.0-2 150 400 -> libc6
octave 7.3.0-2 2500 9900 -> liboctave9, libopenmpi3 + octave-doc
octave-doc 7.3.0-2 3000 6000
munge 0.5.15-2 80 250 -> libc6
slurm-client 22.05.8-4 1500 6000 -> munge
slurmd 22.05.8-4 600 2300 -> slurm-client
r-base-core 4.2.2-1 25000 47000 -> libc6, libblas3
nginx 1.22.1-9 500 1200 -> libc6
htop 3.2.2-2 150 430 -> libc6
cmake 3.25.1-1 8700 25000 -> libc6
gdb 13.1-3 3800 10500 -> libc6
hello 2.10-3 50 280 -> libc6
middle 2 1 1 -> libopenmpi3 (>= 9)
broken 2 1 1 -> middle
";

/// Packages of which building another one takes some.
const SOURCES: &[(&str, &str)] = &[
    ("solver", "g++, libopenmpi-dev"),
    ("weather", "gcc, libopenmpi-dev, make"),
    ("plots", "octave"),
    ("statistics", "r-base-core, gcc"),
    ("web", "nginx, make"),
];

/// The archive's address, which nobody asks: its lists are there already.
const ARCHIVE: &str = "http://mirror.example/debian";

/// Lays out a configuration of apt with the archive's lists, and answers where its main file is.
pub(crate) fn lay_out(directory: &Path) -> PathBuf {
    let lists = directory.join("lists");
    for part in
        ["lists", "etc/apt.conf.d", "etc/sources.list.d", "etc/preferences.d", "etc/trusted.gpg.d"]
    {
        fs::create_dir_all(directory.join(part)).expect("a new directory");
    }
    let write = |path: PathBuf, text: &str| fs::write(path, text).expect("a file");
    let kinds = format!(
        "deb [trusted=yes] {ARCHIVE} bookworm main\ndeb-src [trusted=yes] {ARCHIVE} bookworm main\n"
    );
    write(directory.join("etc/sources.list"), &kinds);
    let name = |rest: &str| lists.join(format!("mirror.example_debian_dists_bookworm_{rest}"));
    write(
        name("InRelease"),
        "Origin: Example\nSuite: stable\nCodename: bookworm\nComponents: main\n",
    );
    write(name("main_binary-amd64_Packages"), &packages());
    write(name("main_source_Sources"), &sources());
    write(directory.join("status"), "");
    let place = directory.display();
    let configuration = format!(
        "Dir::State::lists \"{place}/lists\";\nDir::State::status \"{place}/status\";\n\
         Dir::Etc \"{place}/etc\";\nDir::Etc::parts \"{place}/etc/apt.conf.d\";\n\
         Dir::Etc::main \"/dev/null\";\nDir::Cache \"{place}\";\n\
         APT::Architecture \"amd64\";\nAPT::Architectures \"amd64\";\n"
    );
    let path = directory.join("apt.conf");
    write(path.clone(), &configuration);
    path
}

fn packages() -> String {
    let mut text = String::new();
    for line in PACKAGES.lines() {
        let (what, needs) = line.split_once(" -> ").unwrap_or((line, ""));
        let (depends, recommends) = needs.split_once(" + ").unwrap_or((needs, ""));
        let essential = what.starts_with('!');
        let fields: Vec<&str> = what.trim_start_matches('!').split(' ').collect();
        let [name, version, size, installed] = fields[..] else { panic!("{line}") };
        let _ = writeln!(
            text,
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\nSize: {size}000\nInstalled-Size: {installed}"
        );
        for (field, value) in [("Depends", depends), ("Recommends", recommends)] {
            if !value.is_empty() {
                let _ = writeln!(text, "{field}: {value}");
            }
        }
        text += if essential { "Essential: yes\nPriority: required\n" } else { "" };
        let _ = writeln!(
            text,
            "Filename: pool/{name}.deb\nSHA256: {:064}\nDescription: the package {name}\n",
            name.len()
        );
    }
    text
}

fn sources() -> String {
    let mut text = String::new();
    for (name, needs) in SOURCES {
        let _ = writeln!(
            text,
            "Package: {name}\nVersion: 1\nArchitecture: any\nBinary: {name}\nBuild-Depends: {needs}\n"
        );
    }
    text
}

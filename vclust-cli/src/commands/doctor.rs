//! `vclust doctor`

mod xen;

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use vclust_core::HypervisorKind;
use vclust_debian::{KernelStore, StateDirectory, UserNamespace};
use vclust_grid::{
    Backend, ClusterStore, ImageRepository, NETWORK_ROM_PACKAGE, RepositoryError, TemplateStore,
    network_rom, problems_of,
};

use crate::arguments::{Doctor, Format};
use crate::failure::{Failure, causes};
use crate::root;

/// One thing that was looked at; part of a contract.
#[derive(Serialize)]
struct Finding {
    what: &'static str,
    /// `ok`, `limited` or `missing`.
    state: &'static str,
    found: String,
    /// The command or the step that mends it; none where nothing is to be mended.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

/// A program, what it is needed for, and the package that has it.
const PROGRAMS: [(&str, &str, &str); 8] = [
    ("qemu-system-x86_64", "machines", "qemu-system-x86"),
    ("ip", "networks of clusters", "iproute2"),
    ("mke2fs", "disks of nodes", "e2fsprogs"),
    ("ssh", "logins to nodes", "openssh-client"),
    ("dnsmasq", "addresses for nodes that install", "dnsmasq-base"),
    ("ganesha.nfsd", "shared directories and installs over NFS", "nfs-ganesha nfs-ganesha-vfs"),
    ("slirp4netns", "outward access of nodes", "slirp4netns"),
    ("newuidmap", "building and running without root", "uidmap"),
];

pub(crate) fn run(arguments: &Doctor, format: Format) -> Result<(), Failure> {
    let cleaned = if arguments.clean {
        root::ensure()?;
        Some(clean()?)
    } else {
        None
    };
    let findings = look()?;
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match format {
        Format::Json => {
            let answer = serde_json::json!({ "findings": findings, "cleaned": cleaned });
            serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => {
            if let Some(cleaned) = cleaned {
                writeln!(out, "{}", cleaned.text())?;
            }
            for finding in &findings {
                let (style, mark) = match finding.state {
                    "ok" => (anstyle::AnsiColor::Green, "ok"),
                    "limited" => (anstyle::AnsiColor::Yellow, "limited"),
                    _ => (anstyle::AnsiColor::Red, "missing"),
                };
                let style = style.on_default();
                let (what, found) = (finding.what, &finding.found);
                writeln!(out, "{style}{mark:<8}{style:#} {what:<20} {found}")?;
                if let Some(mend) = &finding.mend {
                    writeln!(out, "{:<29} {mend}", "")?;
                }
            }
        }
    }
    Ok(out.flush()?)
}

fn look() -> Result<Vec<Finding>, Failure> {
    let mut findings = vec![rights(), emulation()?, tun(), file_systems(), network_boot()];
    findings.extend(xen::look());
    for (program, purpose, package) in PROGRAMS {
        findings.push(match in_path(program) {
            Some(path) => Finding { what: program, state: "ok", found: path, mend: None },
            None => Finding {
                what: program,
                state: "missing",
                found: format!("needed for {purpose}"),
                mend: Some(format!("apt-get install {package}")),
            },
        });
    }
    findings.extend(clusters()?);
    Ok(findings)
}

/// Clusters that are not what they were when they became ready.
fn clusters() -> Result<Vec<Finding>, Failure> {
    let state = StateDirectory::locate()?;
    let mut findings = Vec::new();
    // whose clusters cannot be read has none to be looked at here
    let Ok(store) = ClusterStore::open(&state) else { return Ok(findings) };
    for record in store.list()? {
        for problem in problems_of(&record) {
            findings.push(Finding {
                what: "cluster",
                state: "limited",
                found: format!("{}: {problem}", record.name),
                mend: None,
            });
        }
    }
    Ok(findings)
}

fn rights() -> Finding {
    let what = "rights";
    if UserNamespace::is_root() {
        return Finding { what, state: "ok", found: "root".to_owned(), mend: None };
    }
    match UserNamespace::of_user() {
        Ok(_) => Finding {
            what,
            state: "limited",
            found: "not root, but subordinate ids: images and clusters work, layers need root"
                .to_owned(),
            mend: Some("run vclust as root".to_owned()),
        },
        Err(error) => Finding {
            what,
            state: "missing",
            found: format!("{error}: {}", causes(&error).join(": ")),
            mend: None,
        },
    }
}

/// How fast guests run here, found out by running one.
fn emulation() -> Result<Finding, Failure> {
    let what = "virtualisation";
    let state = StateDirectory::locate()?;
    std::fs::create_dir_all(state.path())
        .map_err(|source| Failure::WriteFile { path: state.path().to_owned(), source })?;
    let tried = Backend::new(HypervisorKind::Qemu, state.path())
        .and_then(|backend| Ok((backend.is_accelerated()?, backend.version()?)));
    Ok(match tried {
        Ok((true, version)) => Finding { what, state: "ok", found: version, mend: None },
        Ok((false, version)) => Finding {
            what,
            state: "limited",
            found: format!("{version}: software emulation, guests are slow"),
            mend: Some(if Path::new("/dev/kvm").exists() {
                "/dev/kvm is there, but no guest runs with it".to_owned()
            } else {
                "switch on hardware virtualisation and load the module kvm".to_owned()
            }),
        },
        Err(error) => Finding {
            what,
            state: "missing",
            found: format!("{error}: {}", causes(&error).join(": ")),
            mend: Some("apt-get install qemu-system-x86".to_owned()),
        },
    })
}

fn tun() -> Finding {
    let path = "/dev/net/tun";
    let opened = std::fs::File::options().read(true).write(true).open(path);
    match opened {
        Ok(_) => Finding { what: path, state: "ok", found: "can be opened".to_owned(), mend: None },
        Err(error) => Finding {
            what: path,
            state: "missing",
            found: error.to_string(),
            mend: Some("as root: modprobe tun; chmod 0666 /dev/net/tun".to_owned()),
        },
    }
}

fn file_systems() -> Finding {
    let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let has = |name: &str| known.lines().any(|line| line.split_whitespace().last() == Some(name));
    let missing: Vec<&str> = ["erofs", "overlay"].into_iter().filter(|name| !has(name)).collect();
    let what = "file systems";
    if missing.is_empty() {
        return Finding { what, state: "ok", found: "erofs, overlay".to_owned(), mend: None };
    }
    Finding {
        what,
        state: "limited",
        found: format!("the kernel does not know {}: no layers can be built", missing.join(", ")),
        mend: Some(format!("modprobe {}", missing.join("; modprobe "))),
    }
}

/// What nodes need that start from the network.
fn network_boot() -> Finding {
    let what = "network boot";
    match network_rom() {
        Some(path) => Finding { what, state: "ok", found: path.display().to_string(), mend: None },
        None => Finding {
            what,
            state: "missing",
            found: "needed for nodes that install with boot = \"network\"".to_owned(),
            mend: Some(format!("apt-get install {NETWORK_ROM_PACKAGE}")),
        },
    }
}

/// Where a program is; the directories of the administrator's programs count for everybody.
fn in_path(program: &str) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let further = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(std::path::PathBuf::from);
    let mut all = std::env::split_paths(&path).chain(further);
    all.find_map(|directory| {
        let full = directory.join(program);
        full.is_file().then(|| full.display().to_string())
    })
}

/// What `--clean` removed, a contract.
#[derive(Serialize)]
struct CleanedAnswer {
    clusters: Vec<String>,
    processes: usize,
    directories: usize,
    images_released: usize,
    template_bytes: u64,
    /// What was left half-written beside kernels.
    unfinished: usize,
}

impl CleanedAnswer {
    fn text(&self) -> String {
        let nothing = self.clusters.is_empty()
            && self.processes + self.directories + self.images_released + self.unfinished == 0
            && self.template_bytes == 0;
        if nothing {
            return "nothing was left by killed commands".to_owned();
        }
        format!(
            "removed: {} clusters ({}), {} processes, {} directories, {} holds of images, {} of templates, \
             {} unfinished files of kernels",
            self.clusters.len(),
            self.clusters.join(", "),
            self.processes,
            self.directories,
            self.images_released,
            crate::output::bytes(self.template_bytes),
            self.unfinished
        )
    }
}

/// Removes what killed commands left half-written beside kernels; how much that was.
pub(crate) fn sweep_kernels(state: &StateDirectory) -> Result<usize, Failure> {
    // where no kernel was ever unpacked nothing is left of any
    if state.path().join("kernels").is_dir() {
        Ok(KernelStore::open(state)?.sweep()?)
    } else {
        Ok(0)
    }
}

fn clean() -> Result<CleanedAnswer, Failure> {
    let state = StateDirectory::locate()?;
    let cleaned = ClusterStore::open(&state)?.clean_abandoned()?;
    let mut template_bytes = 0;
    if let Some(repository) = ImageRepository::open_existing(&state)? {
        repository.recover()?;
        let exists = |id: &str| match repository.get(id) {
            Ok(_) => Ok(true),
            Err(RepositoryError::Unknown { .. }) => Ok(false),
            Err(error) => Err(error),
        };
        template_bytes = TemplateStore::open(&state)?.collect(&exists)?;
    }
    let unfinished = sweep_kernels(&state)?;
    Ok(CleanedAnswer {
        clusters: cleaned.clusters.iter().map(ToString::to_string).collect(),
        processes: cleaned.processes,
        directories: cleaned.directories,
        images_released: cleaned.images,
        template_bytes,
        unfinished,
    })
}

//! The course of an installation.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use vclust_core::{Step, StepKind};

use super::classify::{Needs, Way, way};
use super::host_keys::Placeholders;
use super::steps::Steps;
use super::{
    Epoch, HostKeys, InstallError, InstallProgress, Installation, Installed, InstalledPackage,
    bootstrap,
};
use crate::database::{Database, Record, State, Status, TriggerFile, file_stem, unpacked_stanza};
use crate::sandbox::{ForeignCalls, Output, Sandbox, SandboxCommand, in_root, last_words};
use crate::unpack::{Overrides, PackageToUnpack, UnpackError, Unpacked, UnpackedPackage, Unpacker};

/// What keeps scripts from starting services: invoke-rc.d asks it, and is told not to.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Called as an installation proceeds.
pub type OnInstall<'a> = &'a (dyn Fn(InstallProgress) + Sync);

pub(super) struct Run<'a> {
    pub(super) installation: &'a Installation,
    sandbox: Sandbox,
    overrides: Overrides,
    pub(super) opened: Vec<PackageToUnpack>,
    on_progress: OnInstall<'a>,
    steps: Steps,
    log: String,
    source_date_epoch: i64,
    /// Packages of directories alone, which dpkg is to know of when it unpacks nothing any more.
    pub(super) held_back: Vec<(usize, UnpackedPackage)>,
}

impl Installation {
    /// Installs the packages. If that fails, the root is to be thrown away.
    pub fn run(&self, on_progress: OnInstall<'_>) -> Result<Installed, InstallError> {
        let (status, overrides) = if self.is_empty_root()? {
            (None, Overrides::default())
        } else {
            let read = |database: Database| {
                if database.exists() {
                    Ok((Some(database.status()?), database.overrides()?))
                } else {
                    Err(InstallError::NoRoot { path: self.root.clone() })
                }
            };
            with_database(&self.root, read)?
        };
        let opened = self.unpacker(&overrides).read(&self.packages)?;
        let names: Vec<String> = opened.iter().map(full_name).collect();
        if let Some(package) = bootstrap::twice(names.iter().map(String::as_str)) {
            return Err(InstallError::Twice { package: package.to_owned() });
        }
        let essential = if status.is_some() {
            vec![false; opened.len()]
        } else {
            let paragraphs: Vec<&[u8]> =
                opened.iter().map(|package| package.control().paragraph()).collect();
            bootstrap::essential(&paragraphs)
        };
        let ways: Vec<Way> = opened
            .iter()
            .zip(&essential)
            .map(|(package, essential)| way(package, status.as_ref(), *essential))
            .collect();
        let foreign = if self.is_foreign(&opened, status.as_ref()) {
            ForeignCalls::Allowed
        } else {
            ForeignCalls::Refused
        };
        let run = Run {
            installation: self,
            sandbox: Sandbox::new(&self.root).foreign_calls(foreign),
            overrides,
            opened,
            on_progress,
            steps: Steps::new(),
            log: String::new(),
            source_date_epoch: 0,
            held_back: Vec::new(),
        };
        run.run(&ways, &essential, status.is_none())
    }

    /// Whether the root will hold programs of another architecture, which scripts may run.
    fn is_foreign(&self, packages: &[PackageToUnpack], status: Option<&Status>) -> bool {
        let there = status.into_iter().flat_map(Status::present);
        let mut all = packages
            .iter()
            .map(|package| package.description().architecture.as_str())
            .chain(there.map(|entry| entry.architecture.as_str()));
        all.any(|architecture| architecture != self.architecture && architecture != "all")
    }

    fn unpacker<'a>(&'a self, overrides: &'a Overrides) -> Unpacker<'a> {
        Unpacker::new(&self.root, overrides).threads(self.threads)
    }

    fn is_empty_root(&self) -> Result<bool, InstallError> {
        let mut entries = fs::read_dir(&self.root).map_err(access("read", &self.root))?;
        Ok(entries.next().is_none())
    }
}

impl Run<'_> {
    fn run(
        mut self,
        ways: &[Way],
        essential: &[bool],
        fresh: bool,
    ) -> Result<Installed, InstallError> {
        let root = &self.installation.root;
        if fresh {
            let architecture = &self.installation.architecture;
            bootstrap::merge_usr(root, architecture).map_err(access("prepare", root))?;
        }
        self.removals()?;
        let start = Instant::now();
        let ours: Vec<usize> =
            (0..ways.len()).filter(|number| ways[*number] != Way::Dpkg).collect();
        let mut through_dpkg: Vec<usize> =
            (0..ways.len()).filter(|number| ways[*number] == Way::Dpkg).collect();
        let unpacked = self.unpack(&ours)?;
        let unpack_seconds = start.elapsed().as_secs_f64();
        if fresh {
            let architecture = &self.installation.architecture;
            with_database(root, |database| Ok(database.create(architecture)?))?;
        }
        let mut added = Vec::new();
        for (number, package) in ours.iter().zip(unpacked) {
            match package {
                Some(package) => added.push((*number, package)),
                None => through_dpkg.push(*number),
            }
        }
        through_dpkg.sort_unstable();
        let contents = self.contents(&through_dpkg)?;
        self.source_date_epoch = match self.installation.epoch {
            Epoch::Fixed(epoch) => epoch,
            Epoch::NewestSince(epoch) => {
                let ours = added.iter().map(|(_, package)| package.newest);
                ours.chain(contents.values().map(|one| one.newest)).fold(epoch, i64::max)
            }
        };
        self.add_all_to_database(&added, &through_dpkg)?;

        let start = Instant::now();
        let _policy = Policy::forbid_services(root)?;
        let _keys = match self.installation.host_keys {
            HostKeys::Made => None,
            HostKeys::LeftOut => Some(Placeholders::make(root)?),
        };
        if fresh {
            for (number, way) in ways.iter().enumerate() {
                if *way == Way::OursThenPreinst {
                    self.run_preinst(number)?;
                }
            }
        }
        let mut configured: HashSet<usize> = HashSet::new();
        let needs = Needs::of(&self.opened);
        if fresh {
            let first = (0..ways.len()).filter(|number| essential[*number]);
            let first: Vec<usize> = first.filter(|number| !through_dpkg.contains(number)).collect();
            configured.extend(&first);
            self.configure_some(&first)?;
        }
        self.unpack_by_dpkg(&through_dpkg, &contents, &needs, &mut configured)?;
        let early = early(&needs, &configured);
        self.configure_some(&early)?;
        self.configure_all()?;
        self.steps.finish(Instant::now());
        self.check()?;
        let configure_seconds = start.elapsed().as_secs_f64();

        // threads work side by side: each package is charged its share of the time that all took
        let busy: f64 = added.iter().map(|(_, package)| package.elapsed.as_secs_f64()).sum();
        let share = if busy > unpack_seconds { unpack_seconds / busy } else { 1.0 };
        let names = |number: &usize| self.opened[*number].description().name.clone();
        let unpack_steps = added.iter().map(|(number, package)| Step {
            step: StepKind::Unpack,
            package: self.opened[*number].description().name.clone(),
            seconds: package.elapsed.as_secs_f64() * share,
        });
        let mut steps: Vec<Step> = unpack_steps.collect();
        let through_dpkg = through_dpkg.iter().map(names).collect();
        let packages = self
            .opened
            .iter()
            .map(|package| InstalledPackage {
                name: package.description().name.clone(),
                version: package.description().version.clone(),
                architecture: package.description().architecture.clone(),
            })
            .collect();
        steps.extend(self.steps.into_steps());
        Ok(Installed {
            packages,
            unpack_seconds,
            configure_seconds,
            source_date_epoch: self.source_date_epoch,
            bytes: added.iter().map(|(_, package)| package.bytes).sum(),
            steps,
            through_dpkg,
            log: self.log,
        })
    }

    fn removals(&mut self) -> Result<(), InstallError> {
        if self.installation.remove.is_empty() {
            return Ok(());
        }
        let _policy = Policy::forbid_services(&self.installation.root)?;
        let arguments = ["--force-depends", "--no-triggers", "--remove"].map(str::to_owned);
        self.dpkg(arguments.into_iter().chain(self.installation.remove.clone()))
    }

    /// Unpacks packages in parallel. Nothing in place of one means that dpkg has to do it.
    fn unpack(&self, ours: &[usize]) -> Result<Vec<Option<UnpackedPackage>>, InstallError> {
        let mut ours = ours.to_vec();
        let mut answer: Vec<Option<UnpackedPackage>> = Vec::new();
        let order = ours.clone();
        let (packages, unpacked) = loop {
            let packages: Vec<PackageToUnpack> =
                ours.iter().map(|number| self.opened[*number].clone()).collect();
            match self.installation.unpacker(&self.overrides).unpack(&packages) {
                Ok(unpacked) => break (packages, unpacked),
                Err(UnpackError::NeedsOrder { second, path, .. }) => {
                    let name = |number: &usize| full_name(&self.opened[*number]);
                    let before = ours.len();
                    ours.retain(|number| name(number) != second);
                    tracing::debug!("{second} goes through dpkg: it has to follow at /{path}");
                    assert!(ours.len() < before, "{second} is no package of this installation");
                }
                Err(error) => return Err(error.into()),
            }
        };
        (self.on_progress)(InstallProgress::Unpacked {
            packages: packages.len(),
            total: packages.len(),
        });
        let mut unpacked = ours.iter().zip(unpacked).peekable();
        for number in order {
            let next = unpacked.next_if(|(done, _)| **done == number);
            answer.push(match next {
                Some((_, Unpacked::Done(package))) => Some(package),
                Some((_, Unpacked::Left(left))) => {
                    let name = &self.opened[number].description().name;
                    tracing::debug!("{name} goes through dpkg: {left}");
                    None
                }
                None => None,
            });
        }
        Ok(answer)
    }

    pub(super) fn add_to_database(
        &self,
        added: &[(usize, UnpackedPackage)],
    ) -> Result<(), InstallError> {
        let mut records = Vec::new();
        for (number, unpacked) in added {
            let (control, description) =
                (self.opened[*number].control(), self.opened[*number].description());
            let multi_arch = description.is_multi_arch_same.then_some(&b"same"[..]);
            let mut members: Vec<(&str, u32, Cow<'_, [u8]>)> = control
                .files()
                .filter(|file| !["control", "list"].contains(&file.name.as_str()))
                .map(|file| (file.name.as_str(), file.mode, Cow::from(&file.content)))
                .collect();
            members.push(("list", 0o644, unpacked.list().into()));
            if let Some(sums) = unpacked.md5sums() {
                members.push(("md5sums", 0o644, sums.into()));
            }
            records.push(Record {
                name: &description.name,
                stem: file_stem(&description.name, &description.architecture, multi_arch),
                stanza: unpacked_stanza(control.paragraph(), &unpacked.conffiles),
                paths: &unpacked.files,
                members,
                triggers: TriggerFile::parse(control.content("triggers").unwrap_or_default()),
            });
        }
        with_database(&self.installation.root, |database| Ok(database.add(&records)?))
    }

    /// Runs the `preinst` of an essential package whose files are there already, from the place
    /// where dpkg would have its control archive.
    fn run_preinst(&mut self, number: usize) -> Result<(), InstallError> {
        let root = &self.installation.root;
        let (control, description) =
            (self.opened[number].control(), self.opened[number].description());
        let package = description.name.clone();
        with_database(root, |database| Ok(database.stage_control(control)?))?;
        let command = self
            .command("/var/lib/dpkg/tmp.ci/preinst")
            .arg("install")
            .env("DPKG_MAINTSCRIPT_NAME", "preinst")
            .env("DPKG_MAINTSCRIPT_PACKAGE", &package)
            .env("DPKG_MAINTSCRIPT_ARCH", &description.architecture)
            .env("DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT", "1")
            .env("DPKG_RUNNING_VERSION", self.dpkg_version())
            .env("DPKG_ADMINDIR", "/var/lib/dpkg")
            .env("DPKG_ROOT", "");
        let output = self.sandbox.run(&command, &mut |_, _| ()).map_err(|source| {
            InstallError::Sandbox { during: format!("while preinst of {package} ran"), source }
        })?;
        with_database(root, |database| Ok(database.unstage_control()?))?;
        self.log.push_str(&output.log);
        if output.status.success() {
            return Ok(());
        }
        Err(InstallError::Script {
            package,
            script: "preinst",
            status: output.status.to_string(),
            log: last_words(&output.log).to_owned(),
        })
    }

    /// The version of the dpkg that is being installed, for scripts that ask.
    fn dpkg_version(&self) -> String {
        let dpkg = self.opened.iter().find(|package| package.description().name == "dpkg");
        dpkg.map(|package| package.description().version.clone()).unwrap_or_default()
    }

    /// Has dpkg configure some packages, and no trigger.
    pub(super) fn configure_some(&mut self, packages: &[usize]) -> Result<(), InstallError> {
        if packages.is_empty() {
            return Ok(());
        }
        let arguments = ["--no-triggers", "--configure"].map(str::to_owned);
        let names = packages.iter().map(|number| self.name_for_dpkg(*number));
        let arguments: Vec<String> = arguments.into_iter().chain(names).collect();
        self.dpkg(arguments)
    }

    /// Has dpkg configure all packages that are not configured, in its own order, as apt does in the
    /// end, and run all triggers.
    fn configure_all(&mut self) -> Result<(), InstallError> {
        self.dpkg(["--configure", "--pending"])
    }

    fn name_for_dpkg(&self, number: usize) -> String {
        let description = self.opened[number].description();
        match description.architecture.as_str() {
            "all" => description.name.clone(),
            architecture => format!("{}:{architecture}", description.name),
        }
    }

    fn command(&self, program: impl Into<String>) -> SandboxCommand {
        let command = SandboxCommand::new(program).timeout(self.installation.timeout);
        command.env("SOURCE_DATE_EPOCH", self.source_date_epoch.to_string())
    }

    /// Runs dpkg in the root. Where it would ask, it keeps what is there.
    pub(super) fn dpkg<T: Into<OsString>>(
        &mut self,
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<(), InstallError> {
        let command = self
            .command("dpkg")
            .status_option("--status-fd")
            .args(["--force-confdef", "--force-confold", "--abort-after=1"])
            .args(arguments);
        let total = self.opened.len();
        let steps = &mut self.steps;
        let on_progress = self.on_progress;
        let output = self.sandbox.run(&command, &mut |at, line| {
            steps.heard(at, line);
            on_progress(InstallProgress::Configured { steps: steps.count(), total });
        });
        let during = || match self.steps.current() {
            Some((StepKind::Unpack, package)) => format!("while it unpacked {package}"),
            Some((StepKind::Configure, package)) => format!("while it configured {package}"),
            Some((StepKind::Trigger, package)) => format!("while it ran triggers of {package}"),
            None => "before its first step".to_owned(),
        };
        let Output { status, log } =
            output.map_err(|source| InstallError::Sandbox { during: during(), source })?;
        if status.success() {
            self.steps.finish(Instant::now());
            self.log.push_str(&log);
            return Ok(());
        }
        let log = last_words(&log).to_owned();
        Err(InstallError::Dpkg { during: during(), status: status.to_string(), log })
    }

    /// Looks into the database whether everything is installed, whatever dpkg said.
    fn check(&self) -> Result<(), InstallError> {
        let status = with_database(&self.installation.root, |database| Ok(database.status()?))?;
        let wanted = self.opened.iter().map(PackageToUnpack::description);
        for package in wanted {
            let entry = status.get(&package.name, &package.architecture);
            let right = entry.is_some_and(|entry| entry.version == package.version);
            let state = entry.map_or(State::NotInstalled, |entry| entry.state);
            if !right || state != State::Installed {
                return Err(InstallError::Unfinished {
                    package: package.name.clone(),
                    state: state.to_string(),
                    log: last_words(&self.log).to_owned(),
                });
            }
        }
        let unfinished = status.present().find(|entry| entry.state != State::Installed);
        match unfinished {
            None => Ok(()),
            Some(entry) => Err(InstallError::Unfinished {
                package: entry.name.clone(),
                state: entry.state.to_string(),
                log: last_words(&self.log).to_owned(),
            }),
        }
    }
}

/// What apt would configure before everything else is unpacked, in this order: the pre-dependencies of
/// each package. Scripts that take the next free number, for users say, then take the same.
fn early(needs: &Needs, configured: &HashSet<usize>) -> Vec<usize> {
    let mut early: Vec<usize> = Vec::new();
    for package in 0..needs.len() {
        let mut before: Vec<usize> = needs.before(package).into_iter().collect();
        before.retain(|number| !configured.contains(number) && !early.contains(number));
        before.sort_unstable();
        early.extend(before);
    }
    early
}

/// A package's name with its architecture.
fn full_name(package: &PackageToUnpack) -> String {
    format!("{}:{}", package.description().name, package.description().architecture)
}

/// Does something with the root's database, with the root as `/`, so that no link in it leads out.
fn with_database<T: Send>(
    root: &Path,
    work: impl FnOnce(Database) -> Result<T, InstallError> + Send,
) -> Result<T, InstallError> {
    inside(root, || work(Database::of(Path::new("/"))))
}

pub(super) fn inside<T: Send>(
    root: &Path,
    work: impl FnOnce() -> Result<T, InstallError> + Send,
) -> Result<T, InstallError> {
    let sandboxed =
        |source| InstallError::Sandbox { during: "on its way into the root".to_owned(), source };
    in_root(root, work).map_err(sandboxed)?
}

/// Keeps services from being started while it lives.
struct Policy {
    root: PathBuf,
    /// Whether the root has a policy of its own, which stays.
    is_theirs: bool,
}

impl Policy {
    fn forbid_services(root: &Path) -> Result<Self, InstallError> {
        let path = Path::new(POLICY);
        let write = || {
            if path.symlink_metadata().is_ok() {
                return Ok(true);
            }
            fs::write(path, "#!/bin/sh\nexit 101\n")?;
            fs::set_permissions(path, Permissions::from_mode(0o755))?;
            Ok(false)
        };
        let is_theirs = inside(root, || write().map_err(access("write", path)))?;
        Ok(Self { root: root.to_owned(), is_theirs })
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if !self.is_theirs {
            let _ = in_root(&self.root, || fs::remove_file(POLICY));
        }
    }
}

pub(super) fn access(
    step: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> InstallError + use<> {
    let path = path.to_owned();
    move |source| InstallError::Access { step, path, source }
}

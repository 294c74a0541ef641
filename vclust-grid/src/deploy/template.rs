//! Templates: machines that were booted once, up to the point before they are somebody, and saved.
//!
//! ```text
//! templates/KEY/template.json    what it is a template of
//! templates/KEY/saved/           what the hypervisor saved
//! templates/.locks/KEY           held by whoever makes or uses the template
//! ```
//!
//! A template depends on the kernel, the agent, the image and the machine's shape, and on nothing that
//! one cluster has and another has not: layers, the cluster's files and the node's disk are mounted
//! after a copy has woken up. So the next cluster on the same image skips the boot, whatever packages it
//! adds.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vclust_agent::protocol::{Order, Prepare, Report};
use vclust_core::{ByteSize, DomainMemory, DomainName, Hypervisor, MacAddress};

use super::agent::Agent;
use super::error::DeployError;
use super::machine::{BASE, Disks, KERNEL, Shape};
use super::node::Bringing;
use super::{WARM, console_tail, hexadecimal};
use crate::lock::{Lock, Missing, Mode};
use crate::repository::scratch;
use crate::{RepositoryError, StoredImage};
use vclust_debian::StateDirectory;

/// Bytes of templates that are kept; the ones that were not used for longest go first.
const MOST_BYTES: u64 = 4 << 30;
const ABOUT: &str = "template.json";
/// Changes whenever what is saved changes.
const FORM: &str = "2";

/// What a template is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TemplateInformation {
    /// How it was saved: templates of other versions of vclust are of no use.
    #[serde(default)]
    form: String,
    /// The id of the image.
    pub image: String,
    /// Memory of the machine.
    pub memory: ByteSize,
    /// Its virtual processors.
    pub processors: u32,
    /// The hypervisor.
    pub hypervisor: String,
    /// Seconds until it was saved.
    pub seconds: f64,
}

/// A template that stays as long as this is there.
#[derive(Debug)]
pub(super) struct Template {
    directory: PathBuf,
    _lock: Lock,
}

impl Template {
    /// What the hypervisor saved.
    pub(super) fn saved(&self) -> PathBuf {
        self.directory.join("saved")
    }
}

/// The templates of a state directory.
#[derive(Debug)]
pub struct TemplateStore {
    directory: PathBuf,
}

/// Everything that makes one template differ from another.
pub(super) struct TemplateKey<'a> {
    pub(super) image: &'a StoredImage,
    pub(super) shape: &'a Shape,
    pub(super) hypervisor: &'a str,
}

impl TemplateKey<'_> {
    /// Its name among the templates of a state directory, which may lie elsewhere the next time.
    fn digest(&self, state: &Path) -> String {
        let inside =
            |path: &Path| path.strip_prefix(state).unwrap_or(path).to_string_lossy().into_owned();
        let mut hasher = Sha256::new();
        let memory = self.shape.memory.bytes().to_string();
        let processors = self.shape.processors.to_string();
        // kernels and initramfses lie in directories and files that are named by their content
        let parts = [
            FORM,
            KERNEL,
            &self.image.id,
            &inside(&self.shape.kernel),
            &inside(&self.shape.initramfs),
            &memory,
            &processors,
            self.hypervisor,
        ];
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hexadecimal(&hasher.finalize()[..16])
    }
}

/// What a template is made with.
pub(super) struct Making<'a> {
    /// The hypervisor, for a domain of its own in the cluster's directory.
    pub(super) hypervisor: &'a dyn Hypervisor,
    /// What brings it up.
    pub(super) bringing: &'a Bringing<'a>,
    /// The image's file system.
    pub(super) base: &'a Path,
    pub(super) mac: MacAddress,
    pub(super) tap: String,
    /// A directory for what the machine is given where a node has something.
    pub(super) scratch: &'a Path,
}

impl TemplateStore {
    /// Opens the templates of a state directory; makes what is not there.
    pub fn open(state: &StateDirectory) -> Result<Self, DeployError> {
        let directory = state.path().join("templates");
        let locks = directory.join(".locks");
        // memory of machines is nobody else's business
        let make = DirBuilder::new().recursive(true).mode(0o700).create(&locks);
        make.map_err(DeployError::write(&locks))?;
        Ok(Self { directory })
    }

    /// The images, by their ids, that there is a template of for machines of such a shape.
    #[must_use]
    pub fn images(&self, memory: ByteSize, processors: u32, hypervisor: &str) -> Vec<String> {
        let fits = |about: &TemplateInformation| {
            about.form == FORM
                && about.memory == memory
                && about.processors == processors
                && about.hypervisor.split(' ').next() == Some(hypervisor)
        };
        let all = self.list().into_iter().filter(|(_, about, _)| fits(about));
        all.map(|(_, about, _)| about.image).collect()
    }

    /// The templates: directory, what it is of, and bytes on disk.
    fn list(&self) -> Vec<(PathBuf, TemplateInformation, u64)> {
        let Ok(entries) = fs::read_dir(&self.directory) else { return Vec::new() };
        let read = |path: PathBuf| {
            let text = fs::read(path.join(ABOUT)).ok()?;
            let about = serde_json::from_slice(&text).ok()?;
            let files = fs::read_dir(path.join("saved")).ok()?.flatten();
            let bytes = files.filter_map(|file| Some(file.metadata().ok()?.blocks() * 512)).sum();
            Some((path, about, bytes))
        };
        entries.flatten().filter_map(|entry| read(entry.path())).collect()
    }

    fn name_of(&self, key: &TemplateKey<'_>) -> String {
        key.digest(self.directory.parent().unwrap_or(&self.directory))
    }

    fn lock_of(&self, key: &str) -> PathBuf {
        self.directory.join(".locks").join(key)
    }

    /// A template, if it is there.
    pub(super) fn find(&self, key: &TemplateKey<'_>) -> Result<Option<Template>, DeployError> {
        let key = self.name_of(key);
        let directory = self.directory.join(&key);
        if !directory.join(ABOUT).exists() {
            return Ok(None);
        }
        let path = self.lock_of(&key);
        let lock = Lock::wait(&path, Mode::Shared, Missing::Make, &mut || ())
            .map_err(DeployError::write(&path))?;
        if !directory.join(ABOUT).exists() {
            return Ok(None);
        }
        // the time of its last use
        let touched =
            fs::File::open(&directory).and_then(|file| file.set_modified(SystemTime::now()));
        touched.map_err(DeployError::write(&directory))?;
        Ok(Some(Template { directory, _lock: lock }))
    }

    /// Makes a template, unless it is there by now. Of several processes that want the same one makes
    /// it, and the others wait.
    pub(super) fn make(
        &self,
        key: &TemplateKey<'_>,
        making: &Making<'_>,
    ) -> Result<Template, DeployError> {
        loop {
            if let Some(template) = self.find(key)? {
                return Ok(template);
            }
            let digest = self.name_of(key);
            let path = self.lock_of(&digest);
            let alone = Lock::wait(&path, Mode::Alone, Missing::Make, &mut || ())
                .map_err(DeployError::write(&path))?;
            if !self.directory.join(&digest).join(ABOUT).exists() {
                self.remove_oldest()?;
                self.make_alone(key, &digest, making)?;
            }
            drop(alone);
        }
    }

    fn make_alone(
        &self,
        key: &TemplateKey<'_>,
        digest: &str,
        making: &Making<'_>,
    ) -> Result<(), DeployError> {
        let start = std::time::Instant::now();
        let new = self.directory.join(format!(".new-{digest}"));
        let target = self.directory.join(digest);
        for path in [&new, &target] {
            scratch::remove(path).map_err(DeployError::from)?;
        }
        let saved = new.join("saved");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&saved)
            .map_err(DeployError::write(&saved))?;
        boot_and_save(key, making, &saved)?;
        let about = TemplateInformation {
            form: FORM.to_owned(),
            image: key.image.id.clone(),
            memory: key.shape.memory,
            processors: key.shape.processors,
            hypervisor: key.hypervisor.to_owned(),
            seconds: start.elapsed().as_secs_f64(),
        };
        let text = serde_json::to_vec(&about).map_err(io::Error::from);
        let path = new.join(ABOUT);
        text.and_then(|text| fs::write(&path, text)).map_err(DeployError::write(&path))?;
        fs::rename(&new, &target).map_err(DeployError::write(&target))
    }

    /// Removes the templates that were not used for longest, until there is room for another, and what
    /// killed makers left.
    pub fn remove_oldest(&self) -> Result<u64, DeployError> {
        let mut all = self.list();
        all.sort_by_key(|(path, _, _)| path.metadata().and_then(|data| data.modified()).ok());
        let mut bytes: u64 = all.iter().map(|(_, _, bytes)| *bytes).sum();
        let mut removed = 0;
        for (path, _, size) in all {
            if bytes <= MOST_BYTES {
                break;
            }
            if self.remove_unused(&path)? {
                bytes = bytes.saturating_sub(size);
                removed += size;
            }
        }
        Ok(removed)
    }

    /// Removes a template unless somebody uses it.
    fn remove_unused(&self, path: &Path) -> Result<bool, DeployError> {
        let Some(key) = path.file_name().and_then(|name| name.to_str()) else { return Ok(false) };
        let lock = self.lock_of(key);
        let held = Lock::attempt(&lock, Mode::Alone, Missing::Make);
        match held.map_err(DeployError::write(&lock))? {
            None => Ok(false),
            Some(_held) => {
                scratch::remove(path).map_err(DeployError::from)?;
                let _ = fs::remove_file(&lock);
                Ok(true)
            }
        }
    }

    /// Removes the templates of images that are no more, those of other versions, and what killed makers
    /// left; bytes that got free.
    pub fn collect(
        &self,
        exists: &dyn Fn(&str) -> Result<bool, RepositoryError>,
    ) -> Result<u64, DeployError> {
        let mut freed = self.remove_oldest()?;
        for (path, about, bytes) in self.list() {
            let is_of_use = about.form == FORM && exists(&about.image)?;
            if !is_of_use && self.remove_unused(&path)? {
                freed += bytes;
            }
        }
        let entries = fs::read_dir(&self.directory).map_err(DeployError::read(&self.directory))?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(key) = name.to_str().and_then(|name| name.strip_prefix(".new-")) else {
                continue;
            };
            let lock = self.lock_of(key);
            let held = Lock::attempt(&lock, Mode::Alone, Missing::Make);
            if held.map_err(DeployError::write(&lock))?.is_some() {
                scratch::remove(&entry.path()).map_err(DeployError::from)?;
            }
        }
        Ok(freed)
    }
}

/// Boots the machine, has it prepare, and saves it.
fn boot_and_save(
    key: &TemplateKey<'_>,
    making: &Making<'_>,
    saved: &Path,
) -> Result<(), DeployError> {
    let name: DomainName = "template".parse().unwrap_or_else(|_| unreachable!());
    let disks = Disks { base: Some(making.base.to_owned()), ..Disks::default() };
    let machine = key.shape.machine(
        name.clone(),
        making.mac,
        making.tap.clone(),
        disks.all(making.scratch)?,
        DomainMemory::Saveable,
    );
    let hypervisor = making.hypervisor;
    hypervisor.define(&machine)?;
    let run = || -> Result<(), DeployError> {
        hypervisor.start(&name)?;
        let mut agent = Agent::on(hypervisor.channel(&name)?);
        let failed = |silence: super::agent::Silence| match silence {
            super::agent::Silence::Cancelled => DeployError::Cancelled,
            silence => DeployError::Node {
                node: name.clone(),
                reason: silence.reason(),
                console: console_tail(hypervisor, &name),
            },
        };
        making.bringing.greet(&name, &agent).map_err(failed)?;
        let prepare = Prepare {
            base: Some(BASE.to_owned()),
            warm: WARM.iter().map(|path| (*path).to_owned()).collect(),
        };
        agent.order(&Order::Prepare(prepare)).map_err(failed)?;
        let limit = std::time::Duration::from_secs(120);
        making
            .bringing
            .wait(&agent, &name, limit, |report| matches!(report, Report::Prepared).then_some(()))
            .map_err(failed)?;
        hypervisor.save(&name, saved)?;
        Ok(())
    };
    let outcome = run();
    let _ = hypervisor.kill(&name);
    let _ = hypervisor.undefine(&name);
    outcome
}

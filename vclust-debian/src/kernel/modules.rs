//! Which modules are loaded, in which order, for some to work.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::modinfo::{ModuleInformation, builtin_aliases, module_name};
use super::{Kernel, KernelError};

/// A module that is a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelModule {
    /// Its name, with `_` for every `-`.
    pub name: String,
    /// Its file, uncompressed.
    pub content: Vec<u8>,
}

/// Where the kernel keeps algorithms that run on every processor. What is only to be loaded before
/// something else, under the name of an algorithm, is looked for here.
const ALGORITHMS: &str = "kernel/crypto";

impl Kernel {
    /// The modules that must be loaded, in this order, for those of `wanted` to be loaded. What is
    /// built into the kernel needs no loading.
    pub fn modules(&self, wanted: &[&str]) -> Result<Vec<KernelModule>, KernelError> {
        let mut loading = Loading::of(self)?;
        for name in wanted {
            loading.load(&module_name(name))?;
        }
        Ok(loading.order)
    }
}

struct Loading<'k> {
    kernel: &'k Kernel,
    /// The modules' files by name.
    files: BTreeMap<String, PathBuf>,
    /// Modules that are part of the kernel.
    builtin: HashSet<String>,
    /// Other names of those.
    builtin_aliases: HashSet<String>,
    /// The modules in [`ALGORITHMS`] by their other names, read when one is asked for.
    algorithms: Option<HashMap<String, String>>,
    /// Modules that were begun with.
    open: HashSet<String>,
    done: HashSet<String>,
    order: Vec<KernelModule>,
}

impl<'k> Loading<'k> {
    fn of(kernel: &'k Kernel) -> Result<Self, KernelError> {
        let mut files = BTreeMap::new();
        find(&kernel.modules.join("kernel"), &mut files)?;
        let read = |name: &str| {
            let path = kernel.modules.join(name);
            fs::read(&path).map_err(KernelError::access("read", &path))
        };
        let builtin = String::from_utf8_lossy(&read("modules.builtin")?)
            .lines()
            .filter_map(|line| name_of(Path::new(line)))
            .collect();
        let builtin_aliases = builtin_aliases(&read("modules.builtin.modinfo")?).collect();
        Ok(Self {
            kernel,
            files,
            builtin,
            builtin_aliases,
            algorithms: None,
            open: HashSet::new(),
            done: HashSet::new(),
            order: Vec::new(),
        })
    }

    fn load(&mut self, name: &str) -> Result<(), KernelError> {
        if self.done.contains(name) || self.builtin.contains(name) {
            return Ok(());
        }
        let release = || self.kernel.release.clone();
        let Some(path) = self.files.get(name) else {
            return Err(KernelError::NoModule { release: release(), module: name.to_owned() });
        };
        if !self.open.insert(name.to_owned()) {
            return Err(KernelError::Circle { release: release(), module: name.to_owned() });
        }
        let (content, information) = read(path)?;
        for before in &information.before {
            if let Some(module) = self.called(before)? {
                self.load(&module)?;
            }
        }
        for needed in &information.depends {
            self.load(needed)?;
        }
        self.done.insert(name.to_owned());
        self.order.push(KernelModule { name: name.to_owned(), content });
        Ok(())
    }

    /// The file of what is to be loaded before a module, if it has one.
    fn called(&mut self, alias: &str) -> Result<Option<String>, KernelError> {
        let name = module_name(alias);
        if self.files.contains_key(&name) {
            return Ok(Some(name));
        }
        if self.builtin.contains(&name) || self.builtin_aliases.contains(alias) {
            return Ok(None);
        }
        if self.algorithms.is_none() {
            let mut files = BTreeMap::new();
            find(&self.kernel.modules.join(ALGORITHMS), &mut files)?;
            let mut algorithms = HashMap::new();
            for (name, path) in files {
                for alias in read(&path)?.1.aliases {
                    algorithms.entry(alias).or_insert_with(|| name.clone());
                }
            }
            self.algorithms = Some(algorithms);
        }
        Ok(self.algorithms.as_ref().and_then(|algorithms| algorithms.get(alias)).cloned())
    }
}

/// Enters the modules below a directory by their names.
fn find(directory: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<(), KernelError> {
    let failed = || KernelError::access("read", directory);
    for entry in fs::read_dir(directory).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let path = entry.path();
        if entry.file_type().map_err(failed())?.is_dir() {
            find(&path, files)?;
        } else if let Some(name) = name_of(&path) {
            files.insert(name, path);
        }
    }
    Ok(())
}

/// The name of the module in a file: `crc32c-intel.ko.xz` is `crc32c_intel`.
fn name_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let (name, suffix) = name.split_once(".ko")?;
    matches!(suffix, "" | ".xz" | ".gz" | ".zst").then(|| module_name(name))
}

/// A module's file, uncompressed, and what it says.
fn read(path: &Path) -> Result<(Vec<u8>, ModuleInformation), KernelError> {
    let failed = || KernelError::access("read", path);
    let file = File::open(path).map_err(failed())?;
    let mut reader: Box<dyn Read> = match path.extension().and_then(|suffix| suffix.to_str()) {
        Some("xz") => Box::new(liblzma::read::XzDecoder::new(file)),
        Some("gz") => Box::new(flate2::read::GzDecoder::new(file)),
        Some("zst") => Box::new(zstd::Decoder::new(file).map_err(failed())?),
        _ => Box::new(file),
    };
    let mut content = Vec::new();
    reader.read_to_end(&mut content).map_err(failed())?;
    let information = ModuleInformation::read(&content)
        .map_err(|problem| KernelError::Module { path: path.to_owned(), problem })?;
    Ok((content, information))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tempfile::TempDir;

    use super::super::modinfo::tests::module;
    use super::*;

    /// A kernel with such modules: paths below `kernel` and what each says of itself.
    fn kernel(modules: &[(&str, &str)]) -> (TempDir, Kernel) {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let modules_at = at.join("lib/modules/6.1");
        fs::create_dir_all(modules_at.join(ALGORITHMS)).unwrap();
        fs::create_dir(at.join("boot")).unwrap();
        fs::write(at.join("boot/vmlinuz-6.1"), "").unwrap();
        fs::write(modules_at.join("modules.builtin"), "kernel/fs/ext4/ext4.ko\n").unwrap();
        fs::write(modules_at.join("modules.builtin.modinfo"), "hmac.alias=crypto-hmac\0").unwrap();
        for (path, text) in modules {
            let path = modules_at.join("kernel").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let content = module(text.as_bytes());
            let content = match path.extension().unwrap().to_str() {
                Some("xz") => {
                    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
                    encoder.write_all(&content).unwrap();
                    encoder.finish().unwrap()
                }
                _ => content,
            };
            fs::write(path, content).unwrap();
        }
        let kernel = Kernel::at(at).unwrap();
        (directory, kernel)
    }

    fn order(kernel: &Kernel, wanted: &[&str]) -> Vec<String> {
        let modules = kernel.modules(wanted).unwrap();
        modules.into_iter().map(|module| module.name).collect()
    }

    #[test]
    fn what_a_module_needs_comes_before_it_and_once() {
        let (_directory, kernel) = kernel(&[
            ("drivers/net/virtio_net.ko", "depends=net-failover,virtio\0"),
            ("drivers/net/net_failover.ko", "depends=failover\0"),
            ("net/core/failover.ko", "depends=\0"),
            ("drivers/virtio/virtio.ko.xz", "depends=\0"),
            ("drivers/block/virtio_blk.ko", "depends=virtio\0"),
        ]);
        assert_eq!(
            order(&kernel, &["virtio-net", "ext4", "virtio_blk"]),
            ["failover", "net_failover", "virtio", "virtio_net", "virtio_blk"]
        );
    }

    #[test]
    fn what_should_come_before_is_found_by_its_other_name_or_left_out() {
        let (_directory, kernel) = kernel(&[
            ("fs/a.ko", "softdep=pre: crc32c crypto-hmac nowhere plain\0depends=\0"),
            ("crypto/crc32c_generic.ko", "alias=crc32c\0depends=\0"),
            ("arch/x86/crypto/crc32c-intel.ko", "alias=crc32c\0depends=\0"),
            ("lib/plain.ko", "depends=\0"),
        ]);
        assert_eq!(order(&kernel, &["a"]), ["crc32c_generic", "plain", "a"]);
    }

    #[test]
    fn a_module_that_is_not_there_is_named() {
        let (_directory, kernel) = kernel(&[("fs/a.ko", "depends=b\0")]);
        let error = kernel.modules(&["a"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the kernel 6.1 has no module `b`, neither built in nor as a file"
        );
    }

    #[test]
    fn modules_that_need_each_other_come_to_an_end() {
        let (_directory, kernel) = kernel(&[("a.ko", "depends=b\0"), ("b.ko", "depends=a\0")]);
        assert!(matches!(kernel.modules(&["a"]), Err(KernelError::Circle { .. })));
    }

    #[test]
    fn a_file_that_is_no_module_is_named() {
        let (directory, kernel) = kernel(&[("a.ko", "depends=\0")]);
        let path = directory.path().join("lib/modules/6.1/kernel/a.ko");
        fs::write(&path, "text").unwrap();
        let error = kernel.modules(&["a"]).unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }
}

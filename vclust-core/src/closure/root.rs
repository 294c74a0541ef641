//! Roots that an index can make by itself: the minimal one, and what a closure leads to.

use rustc_hash::FxHashSet;

use crate::deb822::Stanza;
use crate::index::{Index, VersionView};

use super::{Closure, Request};

impl Request {
    /// The packages of a minimal root: all essential ones and apt, which is what `mmdebstrap
    /// --variant=minbase` starts from.
    #[must_use]
    pub fn minimal_root(index: &Index) -> Self {
        let essential = index.packages().filter(|package| {
            package.is_essential() && package.architecture() == index.native_architecture()
        });
        let mut names: Vec<String> = essential.map(|package| package.name().into()).collect();
        if index.find("apt").is_some() && !names.iter().any(|name| name == "apt") {
            names.push("apt".to_owned());
        }
        Self::new(names)
    }
}

impl<'a> Closure<'a> {
    /// What the root of the index holds after the closure was installed onto it: what stays, then what
    /// is new.
    pub fn resulting_root(&self) -> impl Iterator<Item = VersionView<'a>> + '_ {
        let changed: FxHashSet<_> =
            self.install().chain(self.remove()).map(|version| version.package().id()).collect();
        let installed = self.index().installed();
        let stays = installed.filter(move |version| !changed.contains(&version.package().id()));
        stays.chain(self.install())
    }
}

impl Closure<'_> {
    /// dpkg's status file of an empty root after the closure was installed.
    ///
    /// ```
    /// use vclust_core::{FileOrigin, Index, Policy, Request};
    /// let packages = &b"Package: a\nVersion: 1\nEssential: yes\nArchitecture: all\n"[..];
    /// let mut builder = Index::builder("amd64");
    /// builder.packages(packages, FileOrigin::named("Packages"))?;
    /// let index = builder.build()?;
    /// let root = Request::minimal_root(&index).resolve(&index, &Policy::default())?.status_file();
    /// assert!(root.starts_with(b"Package: a\nStatus: install ok installed\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn status_file(&self) -> Vec<u8> {
        let mut file = Vec::new();
        for version in self.install() {
            write_installed(&mut file, &version);
        }
        file
    }
}

/// Fields that an index adds to what the .deb itself says, and dpkg therefore does not know.
const INDEX_ONLY: [&str; 8] =
    ["Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Description-md5", "Tag"];

fn write_installed(file: &mut Vec<u8>, version: &VersionView<'_>) {
    let stanza: Stanza<'_> = version.stanza();
    for field in stanza.fields().filter_map(Result::ok) {
        if INDEX_ONLY.iter().any(|name| field.is(name)) || field.is("Status") {
            continue;
        }
        file.extend_from_slice(field.name);
        file.extend_from_slice(b": ");
        file.extend_from_slice(field.value);
        file.push(b'\n');
        if field.is("Package") {
            file.extend_from_slice(b"Status: install ok installed\n");
        }
    }
    file.push(b'\n');
}

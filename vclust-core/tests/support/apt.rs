//! Real apt, asked about a universe: a private root without network, whose lists are laid out as
//! `apt-get update` would have left them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::universe::{Asked, Universe, plan};

pub(crate) struct Apt {
    directory: TempDir,
}

impl Apt {
    pub(crate) fn of(universe: &Universe) -> Self {
        let apt = Self { directory: TempDir::new().expect("a temporary directory") };
        for part in ["lists/partial", "cache/archives/partial", "etc/empty", "log"] {
            fs::create_dir_all(apt.path(part)).expect("a directory");
        }
        let architectures: String =
            universe.foreign.iter().map(|name| format!("\"{name}\"; ")).collect();
        let root = apt.directory.path().display();
        apt.write(
            "apt.conf",
            &format!(
                "Dir \"{root}\";\n\
                 Dir::State \"{root}\";\n\
                 Dir::State::status \"{root}/status\";\n\
                 Dir::State::lists \"{root}/lists\";\n\
                 Dir::State::extended_states \"{root}/extended_states\";\n\
                 Dir::Cache \"{root}/cache\";\n\
                 Dir::Etc \"{root}/etc\";\n\
                 Dir::Etc::parts \"{root}/etc/empty\";\n\
                 Dir::Etc::sourceparts \"{root}/etc/empty\";\n\
                 Dir::Etc::preferencesparts \"{root}/etc/empty\";\n\
                 Dir::Log \"{root}/log\";\n\
                 APT::Architecture \"amd64\";\n\
                 #clear APT::Architectures;\n\
                 APT::Architectures {{ \"amd64\"; {architectures}}};\n\
                 #clear APT::NeverAutoRemove;\n\
                 Acquire::Languages \"none\";\n\
                 Debug::NoLocking \"true\";\n"
            ),
        );
        apt.write("status", &universe.status());
        let mut sources = String::new();
        let mut names = vec!["amd64".to_owned()];
        names.extend(universe.foreign.iter().cloned());
        for archive in &universe.suites {
            let place = apt.path(&archive.name);
            sources.push_str(&format!(
                "deb [trusted=yes arch={}] file:{} ./\n",
                names.join(","),
                place.display()
            ));
            let stem = format!("lists/{}_.", place.display().to_string().replace('/', "_"));
            apt.write(&format!("{stem}_Packages"), &universe.packages_of(&archive.name));
            let yes = |field: &str, holds: bool| match holds {
                true => format!("{field}: yes\n"),
                false => String::new(),
            };
            let release = format!(
                "Suite: {0}\nCodename: {0}\n{1}{2}",
                archive.name,
                yes("NotAutomatic", archive.not_automatic),
                yes("ButAutomaticUpgrades", archive.but_automatic_upgrades),
            );
            apt.write(&format!("{stem}_Release"), &release);
        }
        apt.write("etc/sources.list", &sources);
        let preferences = universe.pins.iter().map(|line| {
            format!(
                "Package: {}\nPin: {}\nPin-Priority: {}\n\n",
                line.package, line.pin, line.priority
            )
        });
        apt.write("etc/preferences", &preferences.collect::<String>());
        apt
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file in a temporary directory");
    }

    /// What `apt-get -s install` would do, in the words of [`plan`]; `refused` where it fails, and
    /// then its complaints.
    pub(crate) fn answer(&self, request: &str) -> (String, String) {
        let asked = Asked::parse(request);
        let recommends =
            if asked.recommends { "--install-recommends" } else { "--no-install-recommends" };
        let mut command = Command::new("apt-get");
        command.args(["-s", recommends, "install"]);
        if let Some(release) = &asked.default_release {
            command.args(["-t", release]);
        }
        let done = command
            .arg("--")
            .args(&asked.items)
            .env("APT_CONFIG", self.path("apt.conf"))
            .env("LC_ALL", "C.UTF-8")
            .output()
            .expect("apt-get is installed");
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
        if !done.status.success() {
            return ("refused".to_owned(), said);
        }
        let mut install = Vec::new();
        let mut remove = Vec::new();
        for line in String::from_utf8_lossy(&done.stdout).lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[0] {
                // Inst name [old] (new suite [architecture])
                "Inst" => {
                    let new = words[2..].iter().find_map(|word| word.strip_prefix('('));
                    install.push((words[1].to_owned(), new.expect("a version").to_owned()));
                }
                "Remv" | "Purg" => {
                    let old = words[2].trim_matches(['[', ']']);
                    remove.push((words[1].to_owned(), old.to_owned()));
                }
                _ => {}
            }
        }
        (plan(install, remove), said)
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

//! The text that `xl` reads: `key=value` lines, in which strings stand in double quotes and a backslash
//! takes its meaning from what follows (`tools/libs/util/libxlu_cfg.c` of Xen).

use std::fmt;

use super::{Action, ConfigurationProblem, XlConfiguration, XlDisk, XlInterface};

/// That a text can be written so that it is read back as it is.
pub(super) fn writable(what: &'static str, text: &str) -> Result<(), ConfigurationProblem> {
    if text.chars().any(char::is_control) {
        let text = text.escape_debug().to_string();
        return Err(ConfigurationProblem::Text { what, text });
    }
    Ok(())
}

/// A text in quotes.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("\"")?;
        for letter in self.0.chars() {
            if matches!(letter, '"' | '\\') {
                formatter.write_str("\\")?;
            }
            write!(formatter, "{letter}")?;
        }
        formatter.write_str("\"")
    }
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Destroy => "destroy",
            Self::Preserve => "preserve",
            Self::Restart => "restart",
        }
    }
}

impl XlDisk {
    /// The disk as `xl` has it. The target comes last, as everything after it belongs to it, commas
    /// included.
    fn specification(&self) -> String {
        let access = if self.is_writable { "rw" } else { "ro" };
        let mut text = format!("format=raw,vdev={},access={access}", self.device);
        if let Some(script) = &self.script {
            text = format!("{text},script={}", script.to_string_lossy());
        }
        format!("{text},target={}", self.path.to_string_lossy())
    }
}

impl XlInterface {
    fn specification(&self) -> String {
        let mut text = format!("mac={},vifname={}", self.mac, self.host_device);
        if let Some(bridge) = &self.bridge {
            text = format!("{text},bridge={bridge}");
        }
        if let Some(script) = &self.script {
            text = format!("{text},script={}", script.to_string_lossy());
        }
        text
    }
}

impl fmt::Display for XlConfiguration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut string = |key: &str, value: &str| writeln!(formatter, "{key} = {}", Quoted(value));
        string("name", self.name.as_str())?;
        string("uuid", &self.uuid.to_string())?;
        string("type", self.kind.name())?;
        string("kernel", &self.kernel.to_string_lossy())?;
        if let Some(ramdisk) = &self.ramdisk {
            string("ramdisk", &ramdisk.to_string_lossy())?;
        }
        string("cmdline", &self.command_line)?;
        string("on_poweroff", self.on_poweroff.name())?;
        string("on_reboot", self.on_reboot.name())?;
        string("on_crash", self.on_crash.name())?;
        writeln!(formatter, "vcpus = {}", self.processors)?;
        writeln!(formatter, "memory = {}", self.memory_mib)?;
        writeln!(formatter, "maxmem = {}", self.memory_mib)?;
        if let Some(cap) = self.cap {
            writeln!(formatter, "cap = {cap}")?;
        }
        let disks: Vec<String> = self.disks.iter().map(XlDisk::specification).collect();
        let interfaces: Vec<String> =
            self.interfaces.iter().map(XlInterface::specification).collect();
        for (key, list) in [("disk", disks), ("vif", interfaces)] {
            writeln!(formatter, "{key} = [")?;
            for one in list {
                writeln!(formatter, "    {},", Quoted(&one))?;
            }
            writeln!(formatter, "]")?;
        }
        Ok(())
    }
}

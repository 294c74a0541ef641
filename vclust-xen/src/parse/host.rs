//! `xl info`: the host.

use std::collections::BTreeMap;

use super::Unreadable;

/// What a host is and has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostInformation {
    /// The hypervisor's version, such as `4.17.7`.
    pub version: String,
    /// Processors.
    pub processors: u32,
    /// All memory, in MiB.
    pub memory_mib: u64,
    /// Memory that no domain has, in MiB.
    pub free_mib: u64,
    /// Memory that is promised to domains which are being made, in MiB.
    pub claimed_mib: u64,
    /// Whether the processor helps to virtualise, so that PVH guests run.
    pub has_hvm: bool,
    /// What the hypervisor was started with.
    pub command_line: String,
}

impl HostInformation {
    /// Whether the control domain's memory was fixed when the host was started. Where it was not, the
    /// tool stack takes memory for new domains from it.
    #[must_use]
    pub fn has_fixed_control_memory(&self) -> bool {
        self.command_line.split_ascii_whitespace().any(|word| word.starts_with("dom0_mem="))
    }
}

/// Reads `xl info`.
pub fn host_information(text: &str) -> Result<HostInformation, Unreadable> {
    let mut fields = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let pair = line.split_once(':');
        let (name, value) = pair.ok_or_else(|| Unreadable::line(number, "field", line))?;
        fields.insert(name.trim(), (number, line, value.trim()));
    }
    let text = |name: &'static str| fields.get(name).copied().ok_or(Unreadable::Missing(name));
    let number = |name: &'static str| {
        let (number, line, value) = text(name)?;
        value.parse::<u64>().map_err(|_| Unreadable::line(number, "number", line))
    };
    // older ones do not tell
    let tells_claims = fields.contains_key("outstanding_claims");
    let claimed_mib = if tells_claims { number("outstanding_claims")? } else { 0 };
    let processors = number("nr_cpus")?;
    let (_, _, capabilities) = text("virt_caps")?;
    Ok(HostInformation {
        version: text("xen_version")?.2.to_owned(),
        processors: u32::try_from(processors).unwrap_or(u32::MAX),
        memory_mib: number("total_memory")?,
        free_mib: number("free_memory")?,
        claimed_mib,
        has_hvm: capabilities.split_ascii_whitespace().any(|word| word == "hvm"),
        command_line: text("xen_commandline")?.2.to_owned(),
    })
}

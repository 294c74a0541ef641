//! What was in the way, by what `xl` says: its exit codes tell little, 1 for a domain that is gone and
//! for a file that cannot be read, 3 for whatever its library refuses.

/// What was in the way of `xl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// There is no such domain.
    NoDomain,
    /// There is a domain of that name.
    NameTaken,
    /// The host has too little memory, or the guest.
    Memory,
    /// The kernel or the initramfs.
    Kernel,
    /// A disk.
    Disk,
    /// A network interface.
    Interface,
    /// The configuration.
    Configuration,
    /// The guest does not react.
    Silent,
    /// There is no Xen below.
    NoXen,
    /// The user is not root.
    Rights,
    /// Something else.
    Other,
}

/// Texts of `xl` and its libraries with what they mean, the most telling first: when a domain cannot be
/// made, further lines tell of its removal.
const TEXTS: [(&str, Failure); 25] = [
    ("privileged command interface: Permission denied", Failure::Rights),
    ("Could not obtain handle on privileged command interface", Failure::NoXen),
    ("cannot open libxc handle", Failure::NoXen),
    ("\" already exists", Failure::NameTaken),
    ("xc_dom_find_loader: no loader found", Failure::Kernel),
    ("xc_dom_kernel_file failed", Failure::Kernel),
    ("xc_dom_ramdisk_file failed", Failure::Kernel),
    ("xc_dom_module_file failed", Failure::Kernel),
    ("Neither kernel nor bootloader specified", Failure::Configuration),
    ("Out of memory", Failure::Memory),
    ("Cannot allocate memory", Failure::Memory),
    ("not enough free memory", Failure::Memory),
    ("failed to free memory for the domain", Failure::Memory),
    ("Unable to set disk defaults", Failure::Disk),
    ("unable to add disk devices", Failure::Disk),
    ("unable to add vif devices", Failure::Interface),
    ("config parsing error", Failure::Configuration),
    ("Failed to parse", Failure::Configuration),
    ("Failed to read config file", Failure::Configuration),
    ("Unknown on_", Failure::Configuration),
    ("Invalid domain type", Failure::Configuration),
    ("Domain name must be specified", Failure::Configuration),
    ("guest didn't acknowledge control request", Failure::Silent),
    ("is an invalid domain identifier", Failure::NoDomain),
    ("maybe this domain does not exist", Failure::NoDomain),
];

/// Further texts for a domain that is gone, of which the first ends every failed creation, too.
const GONE: [&str; 3] =
    ["Non-existant domain", "unable to get domain type for domid=", "does not exist"];

/// Lines that say nothing about a cause.
const IDLE: [&str; 8] = [
    "Parsing config from",
    "libxl__destroy_domid:",
    "domain_destroy_callback:",
    "domain_destroy_cb:",
    "devices_destroy_cb:",
    "xc: info:",
    "xc: progress:",
    "unable to remove device with path",
];

/// What was in the way, by what was said.
#[must_use]
pub fn classify(said: &str) -> Failure {
    let known = TEXTS.iter().find(|(text, _)| said.contains(text)).map(|(_, failure)| *failure);
    let gone = || GONE.iter().any(|text| said.contains(text)).then_some(Failure::NoDomain);
    // what cannot be made is removed, so the first text of GONE stands in other failures as well
    let creating = said.contains("libxl_create.c") || said.contains("Parsing config from");
    known.or_else(|| if creating { None } else { gone() }).unwrap_or(Failure::Other)
}

/// The lines of what was said that tell a cause, in one.
#[must_use]
pub fn telling(said: &str) -> String {
    let lines = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !IDLE.iter().any(|idle| line.contains(idle)));
    lines.collect::<Vec<_>>().join("; ")
}

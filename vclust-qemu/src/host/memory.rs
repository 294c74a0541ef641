//! How much memory the host has, and how much of it a process has.

use std::fs;
use std::io;

use vclust_core::ByteSize;

/// Memory that programs can have without others being swapped out.
pub(crate) fn available() -> io::Result<ByteSize> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let strange = || io::Error::other("/proc/meminfo has no MemAvailable");
    parse(&text).ok_or_else(strange)
}

fn parse(text: &str) -> Option<ByteSize> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(ByteSize::new(kib.checked_mul(1024)?))
}

/// What a process has of it; `shared` tells whether to count what it maps from files, too.
pub(crate) fn resident(process: u32, shared: bool) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    let mut fields = text.split(' ').map(|field| field.parse::<u64>().unwrap_or(0));
    let (whole, files) = (fields.nth(1).unwrap_or(0), fields.next().unwrap_or(0));
    let pages = if shared { whole } else { whole.saturating_sub(files) };
    pages * rustix::param::page_size() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_memory_and_ones_own_are_known() {
        let parsed = parse("MemTotal: 9 kB\nMemAvailable:     12 kB\n");
        assert_eq!(parsed, Some(ByteSize::new(12 * 1024)));
        assert_eq!(parse("MemTotal: 9 kB"), None);
        assert!(available().unwrap().bytes() > 0);
        let own = std::process::id();
        assert!(resident(own, true) > resident(own, false));
    }
}

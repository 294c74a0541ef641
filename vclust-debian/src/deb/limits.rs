//! How much a package may ask of the machine that reads it.

/// Bounds on what a package unpacks to; passing one is [`DebError::Limit`](super::DebError::Limit).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DebLimits {
    /// Unpacked bytes of the control archive, at most. It is kept in memory.
    pub control_bytes: u64,
    /// Entries of the control archive, at most.
    pub control_entries: u64,
    /// Unpacked bytes of the data archive, at most, headers included.
    pub data_bytes: u64,
    /// Bytes of one file, at most.
    pub entry_bytes: u64,
    /// Entries of the data archive, at most.
    pub entries: u64,
    /// Bytes of one path or link target, at most.
    pub path_bytes: u64,
    /// Bytes of all names, link targets and extended attributes of one archive together, at most.
    /// Whoever unpacks a package keeps them in memory.
    pub names_bytes: u64,
    /// Bytes that a decompressor may keep of what it wrote (the dictionary of xz and lzma, the
    /// window of zstd), at most. The highest presets, `xz -9` and `zstd --ultra -22`, keep 64 MiB and
    /// 128 MiB; dpkg-deb's own keep 8 MiB or less.
    pub dictionary_bytes: u64,
}

impl Default for DebLimits {
    /// Above everything in Debian 12, where the largest package unpacks to less than 6 GiB.
    fn default() -> Self {
        Self {
            control_bytes: 64 << 20,
            control_entries: 1024,
            data_bytes: 16 << 30,
            entry_bytes: 8 << 30,
            entries: 1 << 20,
            path_bytes: 4096,
            names_bytes: 128 << 20,
            dictionary_bytes: 64 << 20,
        }
    }
}

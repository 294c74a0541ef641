//! The extended attributes that belong to a tree, and not to the machine it lies on.
//!
//! An overlay marks directories that hide what lies below them as opaque; that is content. It also
//! notes where a file was copied up from, which no other machine can read. In a user namespace an
//! overlay writes its marks under `user.overlay.` instead of `trusted.overlay.`; products have them
//! under the latter, so that a layer does not tell who built it.

use std::io;
use std::path::Path;

use rustix::io::Errno;

/// A name and a value.
pub(super) type Xattr = (Vec<u8>, Vec<u8>);

/// What overlay notes for itself about where a file came from.
const OVERLAY_NOTES: [&[u8]; 6] = [b"origin", b"impure", b"nlink", b"upper", b"uuid", b"protattr"];
/// What the host's security modules give every file.
const OF_THE_HOST: [&[u8]; 6] = [
    b"security.selinux",
    b"security.ima",
    b"security.evm",
    b"security.apparmor",
    b"security.SMACK64",
    b"system.nfs4_acl",
];
const TRUSTED_OVERLAY: &[u8] = b"trusted.overlay.";
const USER_OVERLAY: &[u8] = b"user.overlay.";

/// The name under which products have an attribute, if they have it.
fn kept_name(name: &[u8]) -> Option<Vec<u8>> {
    if let Some(note) = name.strip_prefix(TRUSTED_OVERLAY).or(name.strip_prefix(USER_OVERLAY)) {
        let kept = !OVERLAY_NOTES.contains(&note);
        return kept.then(|| [TRUSTED_OVERLAY, note].concat());
    }
    let known = [&b"user."[..], b"trusted.", b"security.", b"system.posix_acl_"];
    let kept = known.iter().any(|prefix| name.starts_with(prefix)) && !OF_THE_HOST.contains(&name);
    kept.then(|| name.to_owned())
}

/// The attributes of a file, by name; not those of what a symbolic link points to.
pub(super) fn read(path: &Path) -> io::Result<Vec<Xattr>> {
    let mut names = Vec::new();
    // most files have none: one call, without a buffer, tells
    match rustix::fs::llistxattr_query(path) {
        Ok(0) | Err(Errno::NOTSUP) => return Ok(Vec::new()),
        Ok(size) => {
            names.resize(size + 256, 0);
            let used = rustix::fs::llistxattr(path, &mut names[..])?;
            names.truncate(used);
        }
        Err(error) => return Err(error.into()),
    }
    let mut found = Vec::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let Some(kept) = kept_name(name) else { continue };
        let size = rustix::fs::lgetxattr_query(path, name)?;
        let mut value = vec![0; size];
        let used = rustix::fs::lgetxattr(path, name, &mut value[..])?;
        value.truncate(used);
        found.push((kept, value));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_an_overlay_are_content_and_its_notes_are_not() {
        let kept = |name: &str| {
            kept_name(name.as_bytes()).map(|name| String::from_utf8(name).expect("text"))
        };
        let opaque = Some("trusted.overlay.opaque".to_owned());
        assert_eq!(kept("trusted.overlay.opaque"), opaque);
        assert_eq!(kept("user.overlay.opaque"), opaque);
        assert_eq!(kept("trusted.overlay.origin"), None);
        assert_eq!(kept("user.overlay.impure"), None);
        assert_eq!(kept("security.selinux"), None);
        assert_eq!(kept("security.capability").as_deref(), Some("security.capability"));
        assert_eq!(kept("user.mine").as_deref(), Some("user.mine"));
        assert_eq!(kept("system.posix_acl_access").as_deref(), Some("system.posix_acl_access"));
    }
}

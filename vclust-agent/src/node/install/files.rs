//! The cluster's files, laid over the new root.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, chown, lchown, symlink,
};
use std::path::Path;

use super::super::error::AgentError;

/// Tables of users and groups, by their names in the root: packages have added to them.
const TABLES: [&str; 4] = ["etc/passwd", "etc/group", "etc/shadow", "etc/gshadow"];

/// Copies all below a directory into a root, with owners and permissions. Directories that the root has
/// stay as they are, and so does what is in them under other names; tables of users and groups are
/// added to.
pub(super) fn lay_over(from: &Path, root: &Path) -> Result<(), AgentError> {
    let failed = |path: &Path| AgentError::doing(format!("lay {} over the root", path.display()));
    let mut open = vec![from.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).map_err(failed(&directory))? {
            let path = entry.map_err(failed(&directory))?.path();
            let Ok(below) = path.strip_prefix(from) else { continue };
            let to = root.join(below);
            let is_table = TABLES.iter().any(|table| below == Path::new(table));
            let laid = if is_table && to.exists() { merge(&path, &to) } else { copy(&path, &to) };
            laid.map_err(failed(&path))?;
            if path.symlink_metadata().map_err(failed(&path))?.is_dir() {
                open.push(path);
            }
        }
    }
    Ok(())
}

/// Adds the lines about names that a table does not have.
fn merge(from: &Path, to: &Path) -> io::Result<()> {
    let name = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let mut table = fs::read_to_string(to)?;
    let known: HashSet<String> = table.lines().map(name).collect();
    if !table.is_empty() && !table.ends_with('\n') {
        table.push('\n');
    }
    for line in fs::read_to_string(from)?.lines().filter(|line| !known.contains(&name(line))) {
        table.push_str(line);
        table.push('\n');
    }
    fs::write(to, table)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let data = from.symlink_metadata()?;
    let kind = data.file_type();
    let there = to.symlink_metadata().ok();
    if kind.is_dir() {
        if there.is_some_and(|there| there.is_dir()) {
            return Ok(());
        }
        DirBuilder::new().mode(0o700).create(to)?;
    } else {
        if there.is_some() {
            fs::remove_file(to)?;
        }
        if kind.is_symlink() {
            symlink(fs::read_link(from)?, to)?;
            return lchown(to, Some(data.uid()), Some(data.gid()));
        }
        if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
            return Err(io::Error::other("only files, directories and links can be laid over it"));
        }
        let mut file = File::options().write(true).create_new(true).open(to)?;
        io::copy(&mut File::open(from)?, &mut file)?;
    }
    // the owner first, since a change of it takes special bits away
    chown(to, Some(data.uid()), Some(data.gid()))?;
    fs::set_permissions(to, Permissions::from_mode(data.mode() & 0o7777))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_keep_what_packages_have_added() {
        let place = tempfile::tempdir().unwrap();
        let (from, root) = (place.path().join("from"), place.path().join("root"));
        for (directory, text) in
            [(&from, "root:x:0:\nuser:x:1000:\n"), (&root, "root:x:0:\nsshd:x:101:")]
        {
            fs::create_dir_all(directory.join("etc")).unwrap();
            fs::write(directory.join("etc/group"), text).unwrap();
        }
        lay_over(&from, &root).unwrap();
        let text = fs::read_to_string(root.join("etc/group")).unwrap();
        assert_eq!(text, "root:x:0:\nsshd:x:101:\nuser:x:1000:\n");
        lay_over(&from, &root).unwrap();
        assert_eq!(fs::read_to_string(root.join("etc/group")).unwrap(), text);
    }

    #[test]
    fn what_is_there_is_replaced_and_directories_stay() {
        let place = tempfile::tempdir().unwrap();
        let (from, root) = (place.path().join("from"), place.path().join("root"));
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o7777;
        fs::create_dir_all(from.join("etc/new")).unwrap();
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::set_permissions(root.join("etc"), Permissions::from_mode(0o751)).unwrap();
        fs::write(from.join("etc/hosts"), "new").unwrap();
        fs::set_permissions(from.join("etc/hosts"), Permissions::from_mode(0o640)).unwrap();
        symlink("hosts", from.join("etc/new/link")).unwrap();
        fs::write(root.join("etc/other"), "other").unwrap();
        symlink("other", root.join("etc/hosts")).unwrap();
        lay_over(&from, &root).unwrap();
        assert_eq!(fs::read_to_string(root.join("etc/hosts")).unwrap(), "new");
        assert_eq!(fs::read_to_string(root.join("etc/other")).unwrap(), "other");
        assert_eq!(mode(&root.join("etc/hosts")), 0o640);
        assert_eq!(mode(&root.join("etc")), 0o751);
        assert_eq!(fs::read_link(root.join("etc/new/link")).unwrap(), Path::new("hosts"));
        // once more, over itself
        lay_over(&from, &root).unwrap();
        let error = lay_over(&from.join("none"), &root).unwrap_err();
        assert!(error.to_string().ends_with("from/none over the root"), "{error}");
    }
}

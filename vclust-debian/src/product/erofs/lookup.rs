//! Single files of an image of ours, without reading the rest of it.

use std::fs::File;
use std::path::Path;

use super::super::error::ProductError;
use super::super::tree::Kind;
use super::layout::BLOCK;
use super::read::{Problem, Reader, names};

/// Symbolic links that are followed on the way to one file, as the kernel has it.
const MOST_LINKS: u32 = 40;

/// An entry of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageEntry {
    /// Permission bits.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// What it is.
    pub kind: ImageEntryKind,
}

/// What an entry of an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageEntryKind {
    /// A directory.
    Directory,
    /// A file with its content.
    File(Vec<u8>),
    /// A whiteout: in layers, what hides an entry of what lies below.
    Whiteout,
    /// Anything else.
    Other,
}

impl ImageEntry {
    /// The content as text, if it is a file with text.
    #[must_use]
    pub fn text(self) -> Option<String> {
        match self.kind {
            ImageEntryKind::File(content) => String::from_utf8(content).ok(),
            _ => None,
        }
    }
}

/// Looks one path up in an erofs image that [`write_erofs`](super::write_erofs) made; links on the way are
/// followed within the image, also at the path's end. None if there is no such entry.
///
/// In a layer, a link into what lies below it leads to nothing.
pub fn find_in_erofs(image: &Path, path: &str) -> Result<Option<ImageEntry>, ProductError> {
    let file = File::open(image).map_err(ProductError::read(image))?;
    find(&Reader { file: &file }, path).map_err(|problem| match problem {
        Problem::Read(source) => ProductError::Read { path: image.to_owned(), source },
        Problem::Damaged(reason) => ProductError::Image { path: image.to_owned(), reason },
    })
}

fn find(reader: &Reader<'_>, path: &str) -> Result<Option<ImageEntry>, Problem> {
    let (root, _) = reader.superblock()?;
    // the inodes above the present one, and what is still to be walked, the next part last
    let mut above = vec![root];
    let mut left: Vec<Vec<u8>> = parts(path.as_bytes());
    let mut links = 0;
    while let Some(part) = left.pop() {
        if part == b".." {
            if above.len() > 1 {
                above.pop();
            }
            continue;
        }
        let directory = reader.inode(above[above.len() - 1])?;
        if directory.entry.kind != Kind::Directory {
            return Ok(None);
        }
        let mut found = Vec::new();
        for block in reader.content(directory.extent)?.chunks(BLOCK as usize) {
            names(block, b"", 0, &mut found)?;
        }
        let Some((_, _, id)) = found.into_iter().find(|(name, _, _)| *name == part) else {
            return Ok(None);
        };
        match reader.inode(id)?.entry.kind {
            Kind::Symlink { target } => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(Problem::Damaged("links in it lead in a circle"));
                }
                if target.starts_with(b"/") {
                    above.truncate(1);
                }
                left.extend(parts(&target));
            }
            _ => above.push(id),
        }
    }
    let inode = reader.inode(above[above.len() - 1])?;
    let kind = match inode.entry.kind {
        Kind::Directory => ImageEntryKind::Directory,
        Kind::File { .. } => ImageEntryKind::File(reader.content(inode.extent)?),
        Kind::CharacterDevice { major: 0, minor: 0 } => ImageEntryKind::Whiteout,
        _ => ImageEntryKind::Other,
    };
    Ok(Some(ImageEntry {
        mode: inode.entry.mode,
        uid: inode.entry.uid,
        gid: inode.entry.gid,
        kind,
    }))
}

/// The parts of a path, the first last.
fn parts(path: &[u8]) -> Vec<Vec<u8>> {
    let parts = path.split(|byte| *byte == b'/');
    parts.filter(|part| !part.is_empty() && part != b".").map(<[u8]>::to_vec).rev().collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::product::{Tree, write_erofs};

    #[test]
    fn files_are_found_through_links_and_nowhere_else() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        fs::create_dir_all(root.join("usr/etc")).unwrap();
        for number in 0..600 {
            fs::write(root.join(format!("usr/etc/file-{number}")), number.to_string()).unwrap();
        }
        fs::set_permissions(root.join("usr/etc/file-7"), fs::Permissions::from_mode(0o640))
            .unwrap();
        symlink("/usr/etc", root.join("etc")).unwrap();
        symlink("../etc/file-599", root.join("usr/last")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let tree = Tree::read(&root, 0).unwrap();
        let image = directory.path().join("image");
        let digest = tree.digest(&|_| ()).unwrap();
        write_erofs(&tree, &image, digest, &|_| ()).unwrap();

        let entry = find_in_erofs(&image, "/etc/file-7").unwrap().unwrap();
        assert_eq!((entry.mode, entry.kind), (0o640, ImageEntryKind::File(b"7".to_vec())));
        let entry = find_in_erofs(&image, "usr/../usr/last").unwrap().unwrap();
        assert_eq!(entry.kind, ImageEntryKind::File(b"599".to_vec()));
        let top = find_in_erofs(&image, "/").unwrap().unwrap();
        assert_eq!(top.kind, ImageEntryKind::Directory);
        for path in ["/no", "/etc/file-7/x", "/etc/file"] {
            assert_eq!(find_in_erofs(&image, path).unwrap(), None, "{path}");
        }
        assert!(find_in_erofs(&image, "/loop").is_err());
    }
}

//! What all nodes of a cluster have beside their packages: names, keys, the cluster's user, and the
//! files that the spec uploads. It is a layer over the packages' layers, so it costs a node nothing.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Gid, Uid, chownat};
use vclust_core::UploadedFile;
use vclust_debian::{ImageEntry, ImageEntryKind, Tree, find_in_erofs, write_erofs};

use super::error::DeployError;

/// What a cluster's layer is made of.
#[derive(Debug)]
pub(super) struct ClusterFiles<'a> {
    /// The nodes' images, the lowest first.
    pub(super) images: &'a [PathBuf],
    /// The cluster's user.
    pub(super) user: &'a str,
    /// The user's private key, as OpenSSH writes it.
    pub(super) private_key: &'a str,
    /// The user's public key.
    pub(super) public_key: &'a str,
    /// Names and addresses, as `/etc/hosts` has them.
    pub(super) hosts: &'a str,
    /// The nodes' host keys, as `ssh_known_hosts` has them.
    pub(super) known_hosts: &'a str,
    /// Nodes with their processors, as MPI's hostfile has them.
    pub(super) hostfile: &'a str,
    /// Nameservers, as `/etc/resolv.conf` has them; none where nodes reach nobody.
    pub(super) resolver: Option<&'a str>,
    /// What the spec uploads, and the directory that its sources are relative to.
    pub(super) uploads: (&'a [UploadedFile], &'a Path),
    /// Seconds since 1970, for files that have no time of their own.
    pub(super) time: u64,
}

/// Nobody logs in with a password, and logins wait for no name service.
const SSH_SERVER: &str = "\
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
UseDNS no
MaxStartups 256
";

/// Emulated nodes feel what the keys of a login cost: the lattice that OpenSSH otherwise prefers is left to
/// networks that others can listen to.
const SSH_CLIENT: &str = "\
Host *
    KexAlgorithms ^curve25519-sha256
";

/// Where `OpenMPI` looks for hosts if it is told nothing else.
const OPENMPI_HOSTFILE: &str = "/etc/openmpi/openmpi-default-hostfile";

impl ClusterFiles<'_> {
    /// Writes the files below a directory, as they are to be in nodes.
    pub(super) fn lay_out(&self, directory: &Path) -> Result<(), DeployError> {
        fs::create_dir_all(directory).map_err(DeployError::write(directory))?;
        let root = Root { directory, images: self.images };
        fs::set_permissions(directory, Permissions::from_mode(0o755))
            .map_err(DeployError::write(directory))?;
        let account = Account::of(&root, self.user)?;
        account.write(&root)?;
        root.write("/etc/hosts", 0o644, (0, 0), self.hosts)?;
        root.write("/etc/ssh/ssh_known_hosts", 0o644, (0, 0), self.known_hosts)?;
        root.write("/etc/ssh/sshd_config.d/vclust.conf", 0o644, (0, 0), SSH_SERVER)?;
        root.write("/etc/ssh/ssh_config.d/vclust.conf", 0o644, (0, 0), SSH_CLIENT)?;
        root.write("/etc/vclust/hostfile", 0o644, (0, 0), self.hostfile)?;
        if let Some(resolver) = self.resolver {
            root.write("/etc/resolv.conf", 0o644, (0, 0), resolver)?;
        }
        if let Some(entry) = root.find(OPENMPI_HOSTFILE)? {
            let before = entry.text().unwrap_or_default();
            root.write(OPENMPI_HOSTFILE, 0o644, (0, 0), &format!("{before}{}", self.hostfile))?;
        }
        root.make("/root", 0o700, (0, 0))?;
        root.make("/root/.ssh", 0o700, (0, 0))?;
        root.write("/root/.ssh/authorized_keys", 0o600, (0, 0), self.public_key)?;
        let owner = (account.uid, account.gid);
        let keys = format!("{}/.ssh", account.home);
        root.make(&account.home, 0o755, owner)?;
        root.make(&keys, 0o700, owner)?;
        root.write(&format!("{keys}/authorized_keys"), 0o600, owner, self.public_key)?;
        root.write(&format!("{keys}/id_ed25519"), 0o600, owner, self.private_key)?;
        root.write(&format!("{keys}/id_ed25519.pub"), 0o644, owner, self.public_key)?;
        let (uploads, base) = self.uploads;
        for upload in uploads {
            let source = base.join(&upload.source);
            let owner = match &upload.owner {
                Some(text) => account.owner(&root, text, upload)?,
                None => (0, 0),
            };
            root.copy(&source, &upload.target, upload.mode.octal(), owner)?;
        }
        Ok(())
    }

    /// Writes the layer; `scratch` is a directory that it may fill and leaves empty.
    pub(super) fn write_layer(&self, scratch: &Path, path: &Path) -> Result<(), DeployError> {
        self.lay_out(scratch)?;
        let tree = Tree::read(scratch, self.time)?;
        let digest = tree.digest(&|_| ())?;
        write_erofs(&tree, path, digest, &|_| ())?;
        // the user's key is in it
        let own = Permissions::from_mode(0o600);
        fs::set_permissions(path, own).map_err(DeployError::write(path))?;
        fs::remove_dir_all(scratch).map_err(DeployError::write(scratch))
    }
}

/// A directory that is laid over images.
struct Root<'a> {
    directory: &'a Path,
    images: &'a [PathBuf],
}

type Owner = (u32, u32);

impl Root<'_> {
    /// What the images have at a path.
    fn find(&self, path: &str) -> Result<Option<ImageEntry>, DeployError> {
        for image in self.images.iter().rev() {
            match find_in_erofs(image, path)? {
                Some(entry) if entry.kind == ImageEntryKind::Whiteout => return Ok(None),
                Some(entry) => return Ok(Some(entry)),
                None => {}
            }
        }
        Ok(None)
    }

    fn full(&self, path: &str) -> PathBuf {
        self.directory.join(path.trim_start_matches('/'))
    }

    /// Makes a directory with its mode and owner, unless the images have it: then it is as there, since
    /// what is laid over a directory decides about it.
    fn make(&self, path: &str, mode: u32, owner: Owner) -> Result<(), DeployError> {
        let full = self.full(path);
        if full.is_dir() {
            return Ok(());
        }
        self.make_above(path)?;
        let (mode, owner) = match self.find(path)? {
            Some(ImageEntry { mode, uid, gid, kind: ImageEntryKind::Directory }) => {
                (mode, (uid, gid))
            }
            _ => (mode, owner),
        };
        let make = || -> io::Result<()> {
            fs::create_dir(&full)?;
            fs::set_permissions(&full, Permissions::from_mode(mode))?;
            own(&full, owner)
        };
        make().map_err(DeployError::write(&full))
    }

    fn make_above(&self, path: &str) -> Result<(), DeployError> {
        match path.trim_end_matches('/').rsplit_once('/') {
            Some((above, _)) if !above.is_empty() => self.make(above, 0o755, (0, 0)),
            _ => Ok(()),
        }
    }

    fn open(&self, path: &str, mode: u32, owner: Owner) -> Result<(File, PathBuf), DeployError> {
        self.make_above(path)?;
        let full = self.full(path);
        let open = || -> io::Result<File> {
            let mut options = OpenOptions::new();
            let file = options.write(true).create(true).truncate(true).mode(0o600).open(&full)?;
            own(&full, owner)?;
            file.set_permissions(Permissions::from_mode(mode))?;
            Ok(file)
        };
        let file = open().map_err(DeployError::write(&full))?;
        Ok((file, full))
    }

    fn write(&self, path: &str, mode: u32, owner: Owner, text: &str) -> Result<(), DeployError> {
        let (mut file, full) = self.open(path, mode, owner)?;
        file.write_all(text.as_bytes()).map_err(DeployError::write(&full))
    }

    fn copy(&self, source: &Path, path: &str, mode: u32, owner: Owner) -> Result<(), DeployError> {
        let mut from = File::open(source).map_err(DeployError::read(source))?;
        if from.metadata().is_ok_and(|data| !data.is_file()) {
            let error = io::Error::other("it is no regular file");
            return Err(DeployError::read(source)(error));
        }
        let (mut file, full) = self.open(path, mode, owner)?;
        io::copy(&mut from, &mut file).map(drop).map_err(DeployError::write(&full))
    }
}

fn own(path: &Path, (uid, gid): Owner) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    chownat(CWD, path, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from)
}

/// The cluster's user.
struct Account {
    name: String,
    uid: u32,
    gid: u32,
    home: String,
    /// The files in which users are known, with the user in them; none if the images know the user.
    tables: Option<[String; 3]>,
}

/// The first number that Debian gives to a person.
const FIRST: u32 = 1000;
/// Numbers beyond belong to nobody.
const LAST: u32 = 59_999;

impl Account {
    fn of(root: &Root<'_>, name: &str) -> Result<Self, DeployError> {
        let text = |path: &str| -> Result<String, DeployError> {
            let found = root.find(path)?.and_then(vclust_debian::ImageEntry::text);
            Ok(found.unwrap_or_default())
        };
        let users = text("/etc/passwd")?;
        let groups = text("/etc/group")?;
        let known = |line: &&str| line.split(':').next() == Some(name);
        if let Some(line) = users.lines().find(known) {
            let fields: Vec<&str> = line.split(':').collect();
            let number = |at: usize| fields.get(at).and_then(|field| field.parse().ok());
            let (Some(uid), Some(gid), Some(home)) = (number(2), number(3), fields.get(5)) else {
                return Err(DeployError::User { user: name.to_owned() });
            };
            let home = home.trim_end_matches('/');
            if uid == 0 || !home.starts_with('/') {
                return Err(DeployError::User { user: name.to_owned() });
            }
            let (name, home) = (name.to_owned(), home.to_owned());
            return Ok(Self { name, uid, gid, home, tables: None });
        }
        if groups.lines().any(|line| known(&line)) {
            return Err(DeployError::User { user: name.to_owned() });
        }
        let taken = |table: &str, id: u32| {
            table.lines().any(|line| line.split(':').nth(2) == Some(&id.to_string()))
        };
        let id = (FIRST..=LAST).find(|id| !taken(&users, *id) && !taken(&groups, *id));
        let id = id.ok_or_else(|| DeployError::User { user: name.to_owned() })?;
        let home = format!("/home/{name}");
        let users = format!("{users}{name}:x:{id}:{id}::{home}:/bin/bash\n");
        let groups = format!("{groups}{name}:x:{id}:\n");
        // no password is right, and the account is not locked either: keys open it
        let secrets = format!("{}{name}:*:19000:0:99999:7:::\n", text("/etc/shadow")?);
        let tables = Some([users, groups, secrets]);
        Ok(Self { name: name.to_owned(), uid: id, gid: id, home, tables })
    }

    fn write(&self, root: &Root<'_>) -> Result<(), DeployError> {
        let Some([users, groups, secrets]) = &self.tables else { return Ok(()) };
        root.write("/etc/passwd", 0o644, (0, 0), users)?;
        root.write("/etc/group", 0o644, (0, 0), groups)?;
        // Debian's group `shadow`
        root.write("/etc/shadow", 0o640, (0, 42), secrets)
    }

    /// The numbers for `USER` or `USER:GROUP`.
    fn owner(
        &self,
        root: &Root<'_>,
        text: &str,
        upload: &UploadedFile,
    ) -> Result<Owner, DeployError> {
        let unknown = || DeployError::Owner { owner: text.to_owned(), file: upload.target.clone() };
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let line = |path: &str, name: &str| -> Result<Option<Vec<String>>, DeployError> {
            let table =
                root.find(path)?.and_then(vclust_debian::ImageEntry::text).unwrap_or_default();
            let found = table.lines().find(|line| line.split(':').next() == Some(name));
            Ok(found.map(|line| line.split(':').map(str::to_owned).collect()))
        };
        let number = |line: &[String], at: usize| line.get(at).and_then(|field| field.parse().ok());
        // the image may not know the cluster's user
        let (uid, first_gid) = if user == self.name {
            (self.uid, self.gid)
        } else if let Ok(uid) = user.parse() {
            (uid, uid)
        } else {
            let line = line("/etc/passwd", user)?.ok_or_else(unknown)?;
            (number(&line, 2).ok_or_else(unknown)?, number(&line, 3).ok_or_else(unknown)?)
        };
        let gid = match group {
            None => first_gid,
            Some(group) if group == self.name => self.gid,
            Some(group) => {
                if let Ok(gid) = group.parse() {
                    gid
                } else {
                    let line = line("/etc/group", group)?.ok_or_else(unknown)?;
                    number(&line, 2).ok_or_else(unknown)?
                }
            }
        };
        Ok((uid, gid))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/sh\n";

    /// An image with users, and a directory that only its group may enter.
    fn image(directory: &Path) -> PathBuf {
        let root = directory.join("image");
        for path in ["etc/openmpi", "srv/data", "root"] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        fs::write(root.join("etc/passwd"), PASSWD).unwrap();
        fs::write(root.join("etc/group"), "root:x:0:\nalice:x:1000:\nusers:x:100:\n").unwrap();
        fs::write(root.join("etc/shadow"), "root:*:19000:0:99999:7:::\n").unwrap();
        fs::write(root.join("etc/openmpi/openmpi-default-hostfile"), "# hosts\n").unwrap();
        fs::set_permissions(root.join("srv/data"), Permissions::from_mode(0o750)).unwrap();
        let image = directory.join("image.erofs");
        let tree = Tree::read(&root, 0).unwrap();
        let digest = tree.digest(&|_| ()).unwrap();
        write_erofs(&tree, &image, digest, &|_| ()).unwrap();
        image
    }

    fn files<'a>(
        images: &'a [PathBuf],
        user: &'a str,
        uploads: (&'a [UploadedFile], &'a Path),
    ) -> ClusterFiles<'a> {
        ClusterFiles {
            images,
            user,
            private_key: "private",
            public_key: "public",
            hosts: "10.77.1.1 c-1\n",
            known_hosts: "c-1 ssh-ed25519 A\n",
            hostfile: "c-1 slots=1\n",
            resolver: None,
            uploads,
            time: 1_700_000_000,
        }
    }

    fn upload(source: &str, target: &str, owner: Option<&str>) -> UploadedFile {
        let owner = owner.map(str::to_owned);
        UploadedFile {
            source: source.into(),
            target: target.into(),
            mode: "0640".to_owned().try_into().unwrap(),
            owner,
        }
    }

    #[test]
    fn a_new_user_is_beside_those_of_the_image_and_directories_stay_as_they_are() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("only root can give files away; not tested");
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let images = [image(directory.path())];
        fs::write(directory.path().join("input"), "data").unwrap();
        let uploads = [
            upload("input", "/srv/data/input", Some("alice:users")),
            upload("input", "/srv/own", Some("vclust:users")),
        ];
        let layer = directory.path().join("layer.erofs");
        let scratch = directory.path().join("scratch");
        files(&images, "vclust", (&uploads, directory.path()))
            .write_layer(&scratch, &layer)
            .unwrap();
        assert!(!scratch.exists());

        assert_eq!(layer.metadata().unwrap().mode() & 0o777, 0o600);
        let entry = |path: &str| find_in_erofs(&layer, path).unwrap().expect(path);
        let users = entry("/etc/passwd").text().unwrap();
        assert_eq!(users, format!("{PASSWD}vclust:x:1001:1001::/home/vclust:/bin/bash\n"));
        assert_eq!(entry("/etc/shadow").mode, 0o640);
        let hosts = entry("/etc/openmpi/openmpi-default-hostfile").text().unwrap();
        assert_eq!(hosts, "# hosts\nc-1 slots=1\n");
        assert_eq!(entry("/srv/data").mode, 0o750);
        let data = entry("/srv/data/input");
        assert_eq!((data.mode, data.uid, data.gid), (0o640, 1000, 100));
        assert_eq!((entry("/srv/own").uid, entry("/srv/own").gid), (1001, 100));
        let key = entry("/home/vclust/.ssh/id_ed25519");
        assert_eq!((key.mode, key.uid, key.text().as_deref()), (0o600, 1001, Some("private")));
        assert_eq!(entry("/root/.ssh").mode, 0o700);
    }

    #[test]
    fn what_cannot_be_is_named() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("only root can give files away; not tested");
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let images = [image(directory.path())];
        let scratch = directory.path().join("scratch");
        let lay_out = |user: &str, uploads: &[UploadedFile]| {
            let files = files(&images, user, (uploads, directory.path()));
            files.lay_out(&scratch).unwrap_err().to_string()
        };
        assert!(lay_out("root", &[]).starts_with("`root` cannot be the cluster's user"));
        assert!(lay_out("users", &[]).starts_with("`users` cannot be the cluster's user"));
        let missing = lay_out("alice", &[upload("none", "/x", None)]);
        assert!(missing.starts_with("cannot read ") && missing.ends_with("/none"), "{missing}");
        fs::write(directory.path().join("input"), "data").unwrap();
        let unknown = lay_out("alice", &[upload("input", "/x", Some("bob"))]);
        assert_eq!(unknown, "the owner `bob` of /x is not known on nodes");
        assert_eq!(scratch.join("home/alice/.ssh").metadata().unwrap().uid(), 1000);
    }
}

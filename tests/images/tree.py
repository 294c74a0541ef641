"""What is in a directory tree, and how two trees differ."""

import fnmatch
import hashlib
import os
import stat
import tomllib

# Files whose lines are a set: dpkg appends to them in the order in which packages come.
SETS = ("/var/lib/dpkg/triggers/File",)

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}


def describe(path, is_set=False, times=False):
    """All that a root can hold of one path, with or without its time; of a set of lines, any order."""
    found = os.lstat(path)
    kind = KINDS[stat.S_IFMT(found.st_mode)]
    described = {
        "kind": kind,
        "mode": f"{stat.S_IMODE(found.st_mode):04o}",
        "owner": f"{found.st_uid}:{found.st_gid}",
    }
    if kind == "link":
        described["target"] = os.readlink(path)
        described.pop("mode")
    elif kind == "file":
        described["links"] = found.st_nlink
        described["size"] = found.st_size
        with open(path, "rb") as file:
            content = b"".join(sorted(file)) if is_set else None
            digest = hashlib.sha256(content) if is_set else hashlib.file_digest(file, "sha256")
        described["content"] = digest.hexdigest()
    elif kind.endswith("device"):
        described["device"] = found.st_rdev
    if times:
        described["modified"] = found.st_mtime_ns
    attributes = os.listxattr(path, follow_symlinks=False)
    for name in sorted(attributes):
        described[name] = os.getxattr(path, name, follow_symlinks=False).hex()
    return described


def walk(root, times=False):
    """Every path below a root, as absolute paths within it, with what it is."""
    found = {}
    for directory, names, files in os.walk(root):
        for name in names + files:
            path = os.path.join(directory, name)
            inside = "/" + os.path.relpath(path, root)
            found[inside] = describe(path, inside in SETS, times)
    return found


class Allowed:
    """The documented differences."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.rules = tomllib.load(file)["difference"]
        self.used = {}

    @classmethod
    def nothing(cls):
        """No difference at all."""
        allowed = cls.__new__(cls)
        allowed.rules, allowed.used = [], {}
        return allowed

    def reason(self, path):
        """Why a path may differ, or nothing if it may not."""
        for rule in self.rules:
            if any(fnmatch.fnmatchcase(path, pattern) for pattern in rule["paths"]):
                self.used[rule["reason"]] = self.used.get(rule["reason"], 0) + 1
                return rule["reason"]
        return None


def compare(ours, theirs, allowed):
    """Paths that differ without a reason, each with what differs: (path, [(what, ours, theirs)])."""
    differences = []
    for path in sorted(ours.keys() | theirs.keys()):
        here, there = ours.get(path), theirs.get(path)
        if here == there or allowed.reason(path):
            continue
        if here is None or there is None:
            present = here or there
            told = [("kind", present["kind"] if here else None, present["kind"] if there else None)]
        else:
            keys = sorted(here.keys() | there.keys())
            told = [(key, here.get(key), there.get(key)) for key in keys if here.get(key) != there.get(key)]
        differences.append((path, told))
    return differences

#!/usr/bin/python3
"""Lays out a private apt root: Debian's package lists and roots to install onto.

The machine's own lists are read, never written. The private root holds them decompressed and under
apt's own names, so that both apt and `vclust resolve` can read them; a cache of its own, which
makes apt quick; and dpkg status files of several roots:

minimal     what mmdebstrap calls minbase: the essential packages and apt, with what they need
outdated-K  a minimal root on which random packages were installed some time ago: part of them in
            older versions, a few held back, a few removed with their configuration left

Run alone it prints where it put things, for scripts that want a minimal root's status.
"""

import argparse
import collections
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

try:
    import apt_pkg
except ImportError:
    sys.exit(
        f"{sys.executable} has no apt_pkg: install Debian's python3-apt "
        "(scripts/setup apt) and run this with /usr/bin/python3"
    )

OUTDATED_ROOTS = 3
FIELDS_OF_DEPENDENCIES = (
    "Pre-Depends",
    "Depends",
    "Recommends",
    "Suggests",
    "Enhances",
    "Breaks",
    "Conflicts",
    "Replaces",
    "Provides",
)


def say(text):
    """Progress goes to standard error, answers to standard output."""
    print(text, file=sys.stderr, flush=True)


class Universe:
    """A private apt root in `directory`, made unless it is there and as new as the machine's."""

    def __init__(self, directory, seed=1):
        self.directory = pathlib.Path(directory).resolve()
        self.lists = self.directory / "lists"
        self.roots_directory = self.directory / "roots"
        self.sources = self.directory / "sources"
        self.seed = seed
        self.architecture = _run(["dpkg", "--print-architecture"]).strip()

    def prepare(self):
        """Makes whatever is missing and returns self."""
        self._lay_out()
        self._configure()
        minimal = self.status("minimal")
        if not minimal.exists():
            say("making the minimal root's status")
            self._make_minimal(minimal)
        for number in range(1, OUTDATED_ROOTS + 1):
            name = f"outdated-{self.seed}-{number}"
            if not self.status(name).exists():
                say(f"making the status of root {name}")
                self._make_outdated(self.status(name), number)
        return self

    def attach(self):
        """Sets up this process for a universe that another one prepared, and returns self."""
        self._configure()
        return self

    def roots(self):
        """The names of all roots: the minimal one first."""
        outdated = [f"outdated-{self.seed}-{n}" for n in range(1, OUTDATED_ROOTS + 1)]
        return ["minimal", *outdated]

    def status(self, root):
        """The dpkg status file of the named root."""
        return self.roots_directory / root / "status"

    def packages_files(self):
        """The decompressed Packages files, beside their InRelease files, as apt reads them.

        Their order is that of sources.list, and it matters: where apt has no better reason it
        prefers the package that it came across first.
        """
        order = (self.directory / "lists-are-from").read_text(encoding="utf-8").splitlines()
        return [self.lists / _plain_name(line.rsplit(" ", 1)[0]) for line in order]

    def sources_files(self):
        """The decompressed Sources files; empty where none could be had."""
        return sorted(self.sources.glob("*_Sources"))

    # The lists

    def _lay_out(self):
        targets = _index_targets("Packages", self.architecture)
        if not targets:
            sys.exit(
                "apt has no package lists of Debian on this machine: run `apt-get update` "
                "as root, or scripts/setup apt"
            )
        stamp = "\n".join(f"{target.file} {os.stat(target.file).st_mtime_ns}" for target in targets)
        marker = self.directory / "lists-are-from"
        if marker.exists() and marker.read_text(encoding="utf-8") == stamp:
            return
        say(f"laying out apt's lists in {self.directory}")
        marker.unlink(missing_ok=True)
        for part in ("lists", "roots", "sources", "cache", "state", "etc"):
            shutil.rmtree(self.directory / part, ignore_errors=True)
        for part in (
            "lists/partial",
            "roots",
            "sources",
            "cache/archives/partial",
            "state",
            "etc/apt.conf.d",
            "etc/preferences.d",
            "etc/sources.list.d",
            "etc/trusted.gpg.d",
        ):
            (self.directory / part).mkdir(parents=True)
        entries = []
        for target in targets:
            _decompress(target.file, self.lists)
            _copy_release(target.file, self.lists)
            entries.append(f"deb [trusted=yes] {target.uri} {target.release} {target.component}\n")
        (self.directory / "etc/sources.list").write_text("".join(entries), encoding="utf-8")
        for target in _index_targets("Sources", None) or self._fetch_sources(targets):
            _decompress(target.file, self.sources)
        marker.write_text(stamp, encoding="utf-8")

    def _fetch_sources(self, targets):
        """Has apt fetch the Sources files that belong to `targets` into a root of its own."""
        say("fetching Debian's Sources lists (the machine's configuration has none)")
        directory = self.directory / "source-lists"
        (directory / "lists/partial").mkdir(parents=True, exist_ok=True)
        entries = [
            f"deb-src [signed-by={_keyring()}] {target.uri} {target.release} {target.component}\n"
            for target in targets
        ]
        (directory / "sources.list").write_text("".join(entries), encoding="utf-8")
        options = {
            "Dir::State::lists": directory / "lists",
            "Dir::Etc::sourcelist": directory / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Cache": directory,
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": "",
            "Acquire::Languages": "none",
        }
        arguments = [f"-o{name}={value}" for name, value in options.items()]
        done = subprocess.run(["apt-get", *arguments, "-q", "update"], stdout=sys.stderr, check=False)
        if done.returncode != 0:
            say("no Sources lists: build dependencies are left out")
            return []
        return _index_targets("Sources", None, arguments)

    # apt's configuration

    def configuration(self, root):
        """The text of an apt.conf that puts apt into this universe, on top of the named root."""
        directory = self.directory
        return f"""
Dir::State "{directory}/state";
Dir::State::lists "{directory}/lists";
Dir::State::status "{self.status(root)}";
Dir::State::extended_states "{directory}/state/extended_states";
Dir::Cache "{self.roots_directory / root}";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "{directory}/cache/srcpkgcache.bin";
Dir::Cache::archives "{directory}/cache/archives";
Dir::Etc "{directory}/etc";
Dir::Etc::parts "{directory}/etc/apt.conf.d";
Dir::Etc::main "/dev/null";
APT::Architecture "{self.architecture}";
APT::Architectures "{self.architecture}";
APT::Install-Recommends "0";
Acquire::Languages "none";
Debug::NoLocking "1";
"""

    def _configure(self):
        """Sets up apt_pkg in this process, without the machine's configuration files."""
        os.environ["APT_CONFIG"] = self._write_configuration("minimal")
        apt_pkg.init_config()
        apt_pkg.init_system()

    def _write_configuration(self, root):
        directory = self.roots_directory / root
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / "apt.conf"
        path.write_text(self.configuration(root), encoding="utf-8")
        return str(path)

    def open(self, root):
        """apt's package cache on top of the named root."""
        directory = self.roots_directory / root
        directory.mkdir(parents=True, exist_ok=True)
        apt_pkg.config.set("Dir::State::status", str(self.status(root)))
        apt_pkg.config.set("Dir::Cache", str(directory))
        # libapt-pkg remembers the status file until it is initialised again.
        apt_pkg.init_system()
        return apt_pkg.Cache(None)

    def environment(self, root):
        """The environment in which apt-get works on the named root."""
        return {
            **os.environ,
            "APT_CONFIG": self._write_configuration(root),
            "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
        }

    # The roots

    def _make_minimal(self, status):
        status.parent.mkdir(parents=True, exist_ok=True)
        empty = self.status("empty")
        empty.parent.mkdir(parents=True, exist_ok=True)
        empty.write_text("", encoding="utf-8")
        cache = self.open("empty")
        depcache = apt_pkg.DepCache(cache)
        names = [p.name for p in cache.packages if p.essential and p.architecture == self.architecture]
        installed = closure(cache, depcache, sorted(names) + ["apt"])
        write_status(cache, installed, status)

    def _make_outdated(self, status, number):
        draw = random.Random(f"{self.seed} outdated {number}")
        status.parent.mkdir(parents=True, exist_ok=True)
        cache = self.open("minimal")
        depcache = apt_pkg.DepCache(cache)
        names = installable_names(cache, depcache)
        # In groups, so that one that cannot be installed beside the others costs only itself.
        wanted = draw.sample(names, 14) + ["openssh-server", "curl", "python3"]
        installed = {p.name: p.current_ver for p in cache.packages if p.current_ver}
        depcache.init()
        for name in wanted:
            for package, version in closure(cache, depcache, [name], keep=True).items():
                installed[package] = version
        age = Ageing(cache, installed, draw)
        while True:
            age.write(status)
            aged = self.open(status.parent.name)
            depcache = apt_pkg.DepCache(aged)
            depcache.init()
            if not age.mend(aged, depcache):
                break
        if depcache.broken_count:
            sys.exit(f"{status} came out broken: {depcache.broken_count} packages")


class Ageing:
    """Turns installed versions into older ones, source package by source package.

    The packages of one source change together, with the strict dependencies between them, as they
    do in a real root that has missed an update.
    """

    def __init__(self, cache, installed, draw):
        self.cache = cache
        self.installed = installed
        self.draw = draw
        self.records = apt_pkg.PackageRecords(cache)
        self.source_of = {name: self._source(version) for name, version in installed.items()}
        sources = sorted(set(self.source_of.values()))
        self.aged = set(draw.sample(sources, len(sources) * 2 // 5))
        names = sorted(name for name in installed if self.source_of[name] in self.aged)
        self.held = set(draw.sample(names, min(3, len(names))))

    def _source(self, version):
        self.records.lookup(version.file_list[0])
        return self.records.source_pkg or version.parent_pkg.name

    def write(self, status):
        """Writes the status file."""
        old = {
            (name, version.ver_str): _older(version.ver_str)
            for name, version in self.installed.items()
            if self.source_of[name] in self.aged
        }
        write_status(self.cache, self.installed, status, old, self.held)

    def mend(self, cache, depcache):
        """Makes young again what cannot be old; says whether there was anything."""
        young = set()
        for package in cache.packages:
            if package.current_ver and depcache.is_now_broken(package):
                young |= self._family(package.name)
                for kind in ("PreDepends", "Depends", "Conflicts", "Breaks"):
                    for group in package.current_ver.depends_list.get(kind, []):
                        for dependency in group:
                            young |= self._family(dependency.target_pkg.name)
        young &= self.aged
        self.aged -= young
        return bool(young)

    def _family(self, name):
        return {self.source_of[name]} if name in self.source_of else set()


def closure(cache, depcache, names, keep=False):
    """What installing `names` adds, without Recommends: a map from name to version."""
    if not keep:
        depcache.init()
    with apt_pkg.ActionGroup(depcache):
        resolver = apt_pkg.ProblemResolver(depcache)
        packages = [cache[name] for name in names]
        for package in packages:
            resolver.clear(package)
            resolver.protect(package)
            depcache.mark_install(package, False)
        for package in packages:
            depcache.mark_install(package, True)
        solved = False
        try:
            solved = resolver.resolve(True)
        except apt_pkg.Error:
            pass
        if not solved or depcache.broken_count:
            for package in packages:
                depcache.mark_keep(package)
            if depcache.broken_count:
                depcache.init()
            return {}
    return {
        package.name: depcache.get_candidate_ver(package)
        for package in cache.packages
        if depcache.marked_install(package) or depcache.marked_upgrade(package)
    }


def installable_names(cache, depcache):
    """The names of all packages of the native architecture that have a candidate."""
    native = apt_pkg.config.find("APT::Architecture")
    return sorted(
        package.name
        for package in cache.packages
        if package.architecture == native
        and package.has_versions
        and depcache.get_candidate_ver(package) is not None
    )


def write_status(cache, installed, status, older=None, held=()):
    """Writes a dpkg status file in which the given versions are installed.

    `older` maps (name, version) to the version to claim instead; dependencies that name exactly
    that version follow it.
    """
    older = older or {}
    records = apt_pkg.PackageRecords(cache)
    stanzas = []
    for name in sorted(installed):
        version = installed[name]
        records.lookup(version.file_list[0])
        stanza = apt_pkg.TagSection(records.record)
        lines = [f"Package: {name}"]
        lines.append("Status: hold ok installed" if name in held else "Status: install ok installed")
        for field in stanza.keys():
            if field in ("Package", "Status", "Filename", "Size", "MD5sum", "SHA256", "SHA1"):
                continue
            if field.startswith("Description") or field == "Tag":
                continue
            value = stanza[field]
            if field == "Version":
                value = older.get((name, version.ver_str), value)
            elif field in FIELDS_OF_DEPENDENCIES:
                value = _follow(value, older)
            lines.append(f"{field}: {value}")
        lines.append("Description: installed by the agreement harness")
        stanzas.append("\n".join(lines) + "\n\n")
    temporary = status.with_suffix(".new")
    temporary.write_text("".join(stanzas), encoding="utf-8")
    temporary.rename(status)


def _follow(value, older):
    def replace(match):
        version = older.get((match["name"], match["version"]))
        return match[0] if version is None else f"{match['name']}{match['between']}{version})"

    pattern = r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?P<between>[^,|()]*\(= *)(?P<version>[^) ]+)\)"
    return re.sub(pattern, replace, value)


def _older(version):
    return f"{version}~before"


Target = collections.namedtuple("Target", "file uri release component")


def _index_targets(created_by, architecture, arguments=()):
    """The machine's index files of Debian itself that were made by `created_by` and exist."""
    fields = "$(ORIGIN)|$(FILENAME)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    command = ["apt-get", "indextargets", *arguments, "--format", fields]
    command.append(f"Created-By: {created_by}")
    if architecture:
        command.append(f"Architecture: {architecture}")
    targets = []
    for line in _run(command).splitlines():
        origin, file, uri, release, component = line.split("|")
        if origin == "Debian" and os.path.exists(file):
            targets.append(Target(file, uri, release, component))
    return targets


def _decompress(file, directory):
    with open(directory / _plain_name(file), "wb") as out:
        subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", file], stdout=out, check=True)


def _plain_name(file):
    """The name of the list `file` without its directory and compression."""
    return re.sub(r"\.(lz4|gz|xz|bz2|zst|lzma)$", "", os.path.basename(file))


def _copy_release(file, directory):
    """Copies the InRelease (or Release) file that vouches for the list `file`."""
    prefix = re.match(r"(.*_dists_[^/]*?)_[^_/]+_binary-", file)
    if prefix:
        for name in ("InRelease", "Release"):
            if os.path.exists(f"{prefix[1]}_{name}"):
                shutil.copy(f"{prefix[1]}_{name}", directory)


def _keyring():
    return "/usr/share/keyrings/debian-archive-keyring.gpg"


def _run(command):
    """The output of a command that sees the machine's own apt configuration."""
    environment = {name: value for name, value in os.environ.items() if name != "APT_CONFIG"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return done.stdout


def default_directory():
    """Where the universe is kept between runs."""
    base = os.environ.get("VCLUST_APT_UNIVERSE")
    return base or str(pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "apt-universe")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", default=default_directory())
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    start = time.monotonic()
    universe = Universe(arguments.directory, arguments.seed).prepare()
    say(f"ready after {time.monotonic() - start:.1f} s")
    for file in universe.packages_files():
        print(f"packages {file}")
    for file in universe.sources_files():
        print(f"sources {file}")
    for root in universe.roots():
        installed = universe.status(root).read_text(encoding="utf-8").count("\nStatus: ")
        print(f"root {root} {installed} packages {universe.status(root)}")


if __name__ == "__main__":
    main()

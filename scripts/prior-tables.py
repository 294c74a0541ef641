#!/usr/bin/python3
"""Makes the tables of what is known of packages before they are installed.

`contents.tsv.gz` counts the files of every package of a release by kind, from its Contents indexes.
`debs.tsv.gz` counts what the maintainer scripts of some packages call, and what their archives hold,
from the .debs themselves. `make priors` runs this and then fits coefficients to our own runs.

Packages come from where this machine's apt gets them. apt works in a directory of its own, so that
nothing of the machine's changes; .debs that are there already are not fetched again.
"""

import argparse
import collections
import concurrent.futures
import gzip
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile

TOP = pathlib.Path(__file__).resolve().parent.parent
TABLES = TOP / "vclust-core/data/estimates"
RUNS = [TOP / "benches/data/installs.jsonl", TOP / "benches/data/own-installs.jsonl.gz"]
APT_HELPER = "/usr/lib/apt/apt-helper"
# How many .debs one call of apt-get fetches.
AT_ONCE = 100

CONTENTS_COLUMNS = "files dirs etc py so unit initd bin".split()
DEB_COLUMNS = (
    "files dirs links kb postinst preinst confnum dsh dshuser py3c alt adduser debconf ucf dmh rcd "
    "find perlpy ldtrig interest"
).split()


def say(text):
    print(f"prior-tables: {text}", file=sys.stderr, flush=True)


class Apt:
    """apt with the machine's sources and lists of its own, which have Contents indexes, too."""

    def __init__(self, directory):
        self.directory = directory
        (directory / "lists/partial").mkdir(parents=True, exist_ok=True)
        (directory / "archives/partial").mkdir(parents=True, exist_ok=True)
        self.configuration = directory / "apt.conf"
        # Packages of all architectures have an index of their own, which apt asks for as well.
        self.configuration.write_text(
            f'Dir::State::lists "{directory / "lists"}";\n'
            f'Dir::Cache "{directory}";\n'
            'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\nAPT::Sandbox::User "";\n'
            "Acquire::IndexTargets::deb::Contents {\n"
            '    MetaKey "$(COMPONENT)/Contents-$(ARCHITECTURE)";\n'
            '    ShortDescription "Contents-$(ARCHITECTURE)";\n'
            '    Description "$(RELEASE)/$(COMPONENT) Contents-$(ARCHITECTURE)";\n'
            '    flatMetaKey "Contents-$(ARCHITECTURE)";\n'
            '    flatDescription "$(RELEASE) Contents-$(ARCHITECTURE)";\n'
            '    PDiffs "false";\n    KeepCompressed "true";\n    DefaultEnabled "true";\n};\n'
        )

    def run(self, *arguments, **options):
        environment = dict(os.environ, APT_CONFIG=str(self.configuration), LC_ALL="C")
        return subprocess.run(arguments, env=environment, check=True, text=True, **options)

    def update(self):
        self.run("apt-get", "--quiet", "update", stdout=sys.stderr)

    def contents(self):
        """The Contents indexes of releases; those of updates list the same packages again."""
        lines = self.run(
            "apt-get",
            "indextargets",
            "--format",
            "$(IDENTIFIER) $(SUITE) $(FILENAME)",
            stdout=subprocess.PIPE,
        ).stdout.splitlines()
        for line in lines:
            identifier, suite, path = line.split(" ", 2)
            if identifier == "Contents" and not re.search("-(updates|security)$", suite):
                if os.path.exists(path):
                    yield path

    def fetch(self, names, into):
        """Fetches the .debs of packages; of those that are no more, it says so."""
        have = {path.name.split("_")[0] for path in into.glob("*.deb")}
        missing = sorted(set(names) - have)
        for start in range(0, len(missing), AT_ONCE):
            part = missing[start : start + AT_ONCE]
            say(f".debs {start + 1} to {start + len(part)} of {len(missing)}")
            try:
                self.run("apt-get", "--quiet", "download", *part, cwd=into, stdout=sys.stderr)
            except subprocess.CalledProcessError:
                for name in part:
                    try:
                        self.run("apt-get", "--quiet", "download", name, cwd=into, stdout=sys.stderr)
                    except subprocess.CalledProcessError:
                        say(f"{name} cannot be fetched and is left out")


def kinds_of(path):
    """Which columns a file counts in, beside `files` and `dirs`."""
    if path.startswith("etc/"):
        yield "etc"
        if path.startswith("etc/init.d/"):
            yield "initd"
    elif re.match("(usr/)?lib/systemd/system/", path):
        yield "unit"
    elif re.match("(usr/)?s?bin/", path):
        yield "bin"
    if path.endswith(".py") and re.match(r"usr/(share/|lib/python3[./])", path):
        yield "py"
    if re.match(r"(usr/)?lib/(x86_64-linux-gnu/)?[^/]+\.so\.[^/]*$", path):
        yield "so"


def count_contents(paths):
    """Counts by package over Contents indexes, whose lines are sorted by path."""
    counts = collections.defaultdict(collections.Counter)
    latest = {}
    for path in paths:
        process = subprocess.Popen([APT_HELPER, "cat-file", path], stdout=subprocess.PIPE)
        for line in io.TextIOWrapper(process.stdout, encoding="utf-8", errors="replace"):
            file, _, owners = line.rstrip("\n").rpartition(" ")
            file = file.rstrip()
            kinds = list(kinds_of(file))
            directory = file.rpartition("/")[0]
            for owner in owners.split(","):
                name = owner.rpartition("/")[2]
                counts[name]["files"] += 1
                if latest.get(name) != directory:
                    latest[name] = directory
                    counts[name]["dirs"] += 1
                counts[name].update(kinds)
        if process.wait() != 0:
            sys.exit(f"prior-tables: cannot read {path}")
    return counts


def control_files(path):
    """The control files of a .deb, by name."""
    output = subprocess.run(["dpkg-deb", "--ctrl-tarfile", path], check=True, capture_output=True)
    with tarfile.open(fileobj=io.BytesIO(output.stdout)) as archive:
        return {
            member.name.removeprefix("./"): archive.extractfile(member).read().decode("utf-8", "replace")
            for member in archive
            if member.isfile()
        }


def read_deb(path):
    """A .deb's package and its counts. Comments of its scripts do not count."""
    control = control_files(path)
    name = re.search(r"^Package: (\S+)", control["control"], re.M).group(1)
    script = {
        kind: re.sub(r"^\s*#(?!!).*$", "", control.get(kind, ""), flags=re.M)
        for kind in ("preinst", "postinst")
    }
    post, both = script["postinst"], script["postinst"] + script["preinst"]

    def calls(pattern, text=post):
        return len(re.findall(pattern, text, re.M))

    triggers = [line.split()[0] for line in control.get("triggers", "").splitlines() if line.split()]
    row = collections.Counter(
        postinst="postinst" in control,
        preinst="preinst" in control,
        confnum=control.get("conffiles", "").count("\n"),
        dsh=calls(r"deb-systemd-helper (?!--user)"),
        dshuser=calls(r"deb-systemd-helper --user"),
        py3c=calls(r"\bpy3compile\b"),
        alt=calls(r"update-alternatives\b.*--install|--install.*\\$") or calls("update-alternatives"),
        adduser=calls(
            r"^\s*(?:if ! )?(?:adduser|addgroup|useradd|groupadd|usermod|systemd-sysusers)\b", both
        ),
        debconf="debconf/confmodule" in both,
        ucf=calls(r"\bucf\b "),
        dmh=calls("dpkg-maintscript-helper", post) + calls("dpkg-maintscript-helper", script["preinst"]),
        rcd=calls(r"update-rc\.d"),
        find=calls(r"\bfind\b|\bchown -R|\bchmod -R"),
        ldtrig="ldconfig" in control.get("triggers", ""),
        interest=sum(trigger.startswith("interest") for trigger in triggers),
    )
    if not row["py3c"]:
        row["perlpy"] = calls(r"\b(perl|python3|ruby|java|emacs)\b")
    size = 0
    process = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE)
    with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
        for member in archive:
            kind = "dirs" if member.isdir() else "files" if member.isfile() else "links"
            row[kind] += 1
            size += member.size if member.isfile() else 0
    if process.wait() != 0:
        raise OSError(f"{path} is damaged")
    row["kb"] = size // 1024
    return name, row


def write(path, columns, rows):
    """Writes rows by name as tab-separated numbers, 0 as nothing; the same rows give the same file."""
    lines = ["\t".join(["package", *columns])]
    for name in sorted(rows):
        numbers = (str(int(rows[name][column]) or "") for column in columns)
        lines.append("\t".join([name, *numbers]).rstrip("\t"))
    text = "\n".join(lines) + "\n"
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    say(f"{path}: {len(rows)} packages")


def names_of_runs():
    """Packages of the recorded runs."""
    names = set()
    for path in RUNS:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as lines:
            for line in lines:
                names.update(package["package"] for package in json.loads(line)["packages"])
    return names


def names_of_table():
    """Packages of the table of .debs as it is."""
    with gzip.open(TABLES / "debs.tsv.gz", "rt") as lines:
        next(lines)
        return {line.split("\t")[0].strip() for line in lines}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=pathlib.Path, required=True, help="where apt works")
    parser.add_argument("--debs", type=pathlib.Path, help="where .debs are kept, else in --directory")
    parser.add_argument("--output", type=pathlib.Path, default=TABLES, help="where tables are written")
    parser.add_argument("--no-update", action="store_true", help="take apt's lists as they are")
    arguments = parser.parse_args()
    apt = Apt(arguments.directory.resolve())
    if not arguments.no_update:
        apt.update()
    contents = list(apt.contents())
    if not contents:
        sys.exit("prior-tables: apt has no Contents indexes; run this without --no-update")
    arguments.output.mkdir(parents=True, exist_ok=True)
    debs = (arguments.debs or apt.directory / "debs").resolve()
    debs.mkdir(parents=True, exist_ok=True)
    wanted = names_of_table() | names_of_runs()
    apt.fetch(wanted, debs)
    write(arguments.output / "contents.tsv.gz", CONTENTS_COLUMNS, count_contents(contents))
    paths = sorted(path for path in debs.glob("*.deb") if path.name.split("_")[0] in wanted)
    with concurrent.futures.ProcessPoolExecutor() as pool:
        write(arguments.output / "debs.tsv.gz", DEB_COLUMNS, dict(pool.map(read_deb, paths)))


if __name__ == "__main__":
    main()

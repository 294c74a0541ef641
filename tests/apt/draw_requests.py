#!/usr/bin/python3
"""Draws random requests, the same ones for the same seed and the same package lists.

Each request is a JSON line: `id`, `kind`, `root` (the name of the root to install onto),
`recommends` (whether Recommends are installed) and `names`, as apt-get takes them.
"""

import argparse
import collections
import json
import random
import re

from universe import Universe, apt_pkg, default_directory, installable_names

# How often each kind is drawn, out of the sum.
KINDS = {
    "single": 6,
    "set": 6,
    "build-dependencies": 5,
    "large-set": 1,
    "virtual": 1,
    "version": 2,
    "suite": 2,
    "removal": 2,
    "upgrade": 3,
    "outdated-single": 3,
    "outdated-set": 4,
    "outdated-removal": 2,
    "unknown": 1,
}


class Draw:
    """Everything that requests are drawn from."""

    def __init__(self, universe, seed):
        self.random = random.Random(f"requests {seed}")
        self.universe = universe
        cache = universe.open("minimal")
        depcache = apt_pkg.DepCache(cache)
        native = universe.architecture
        self.names = installable_names(cache, depcache)
        self.name_set = set(self.names)
        self.virtual = sorted(
            p.name for p in cache.packages
            if p.architecture == native and not p.has_versions and p.has_provides
        )
        self.versions, self.suites = [], []
        for name in self.names:
            for version in cache[name].version_list:
                files = [file for file, _ in version.file_list if file.archive != "now"]
                if not files:
                    continue
                self.versions.append(f"{name}={version.ver_str}")
                if len(cache[name].version_list) > 1:
                    for file in files:
                        self.suites.append(f"{name}/{file.archive}")
                        self.suites.append(f"{name}/{file.codename}")
        self.several = [v for v in self.versions if len(cache[v.split("=")[0]].version_list) > 1]
        self.builds = list(build_dependencies(universe, self.name_set))
        self.roots = [root for root in universe.roots() if root != "minimal"]
        self.installed = {root: self._installed(root) for root in universe.roots()}

    def _installed(self, root):
        status = self.universe.status(root).read_text(encoding="utf-8")
        pattern = r"^Package: (\S+)\nStatus: \S+ ok installed"
        return re.findall(pattern, status, flags=re.MULTILINE)

    def request(self, kind):
        """One request of a kind, without its id."""
        pick = self.random
        root = "minimal"
        if kind in ("upgrade", "outdated-single", "outdated-set", "outdated-removal"):
            root = pick.choice(self.roots)
        names = getattr(self, "_" + kind.replace("-", "_"))(root)
        return {"kind": kind, "root": root, "recommends": pick.random() < 0.4, "names": names}

    def _single(self, _root):
        return [self.random.choice(self.names)]

    def _set(self, _root):
        return self.random.sample(self.names, self.random.randint(2, 6))

    def _large_set(self, _root):
        return self.random.sample(self.names, self.random.randint(10, 25))

    def _build_dependencies(self, root):
        return self.random.choice(self.builds) if self.builds else self._set(root)

    def _virtual(self, _root):
        return [self.random.choice(self.virtual), self.random.choice(self.names)]

    def _version(self, root):
        first = self.random.choice(self.several or self.versions)
        second = self.random.choice(self.versions)
        return [first, second] if self.random.random() < 0.5 else [first, *self._single(root)]

    def _suite(self, root):
        return [self.random.choice(self.suites or self.names), *self._single(root)]

    def _removal(self, root):
        """A package without something that it may or may not pull in."""
        names = self._set(root)
        removed = self.random.choice([*self.installed["minimal"], *self.names])
        return [*names, f"{removed}-"]

    def _upgrade(self, root):
        installed = self.installed[root]
        return self.random.sample(installed, min(len(installed), self.random.randint(1, 4)))

    _outdated_single = _single
    _outdated_set = _set

    def _outdated_removal(self, root):
        installed = self.random.sample(self.installed[root], self.random.randint(1, 2))
        return [*self._single(root), *(f"{name}-" for name in installed)]

    def _unknown(self, root):
        return [*self._single(root), f"{self.random.choice(self.names)}-nonexistent"]


def draw(universe, number, seed, kinds=None):
    """`number` requests; every kind occurs, in proportion to its weight, grouped by root."""
    source = Draw(universe, seed)
    weights = {kind: weight for kind, weight in KINDS.items() if not kinds or kind in kinds}
    population = list(weights)
    order = population + source.random.choices(
        population, list(weights.values()), k=max(number - len(population), 0)
    )
    requests = []
    for identity, kind in enumerate(order[:number]):
        requests.append({"id": f"{seed}-{identity}", **source.request(kind)})
    requests.sort(key=lambda request: (request["root"], request["recommends"]))
    return requests


def build_dependencies(universe, known):
    """For each source package the binary packages that building it asks for.

    Of alternatives the first one counts, if it is a real package with a candidate; version
    restrictions are left to whatever candidate there is.
    """
    for path in universe.sources_files():
        with open(path, encoding="utf-8") as file:
            for stanza in apt_pkg.TagFile(file):
                names = collections.OrderedDict()
                for field in ("Build-Depends", "Build-Depends-Arch", "Build-Depends-Indep"):
                    text = stanza.get(field)
                    if not text:
                        continue
                    groups = apt_pkg.parse_src_depends(text, True, universe.architecture)
                    for group in groups:
                        name = group[0][0].partition(":")[0]
                        if name in known:
                            names[name] = True
                if names:
                    yield list(names)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", default=default_directory())
    parser.add_argument("-n", "--number", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", action="append", help="only requests of this kind")
    arguments = parser.parse_args()
    universe = Universe(arguments.directory).prepare()
    for request in draw(universe, arguments.number, arguments.seed, arguments.kind):
        print(json.dumps(request))


if __name__ == "__main__":
    main()

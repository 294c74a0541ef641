#!/usr/bin/python3
"""Answers a request as `apt-get install` would, without starting apt-get.

The steps are those of apt-get's own: look the names up, mark what is named, switch the candidates
that `name/suite` asks for, install what is needed, let the problem resolver work, drop what is new
and needed by nobody. They run in this process, on a cache that stays open, which makes an answer
about ten times quicker than a process for each. Requests that Python's apt_pkg has no means for
are handed to the real `apt-get -s`, and so is, by agree.py, every request whose answer is disputed.

Run alone it checks itself: it answers drawn requests in both ways and prints every difference.
"""

import argparse
import collections
import concurrent.futures
import json
import multiprocessing
import re
import subprocess
import sys
import time

import draw_requests
from universe import Universe, apt_pkg, default_directory, say


class Unsatisfiable(Exception):
    """apt refuses the request; the text says why."""


class NotInProcess(Exception):
    """apt_pkg cannot do what apt-get does with this request."""


class Answer:
    """What apt does: versions by package to install or upgrade, packages to remove, or an error."""

    def __init__(self, install=(), remove=(), error=None):
        self.install = dict(install)
        self.remove = frozenset(remove)
        self.error = error

    def __eq__(self, other):
        if self.error or other.error:
            return bool(self.error) == bool(other.error)
        return self.install == other.install and self.remove == other.remove

    def differences(self, other, ours, theirs):
        """The lines that say how `other` differs."""
        if self.error or other.error:
            return [
                f"{ours}: {self.error or self.summary()}",
                f"{theirs}: {other.error or other.summary()}",
            ]
        lines = []
        for name in sorted(self.install.keys() | other.install.keys()):
            mine, its = self.install.get(name), other.install.get(name)
            if mine != its:
                lines.append(f"install {name}: {ours} {mine or 'no'}, {theirs} {its or 'no'}")
        for name in sorted(self.remove ^ other.remove):
            who = ours if name in self.remove else theirs
            lines.append(f"remove {name}: only {who}")
        return lines

    def summary(self):
        """A few words on the size of the answer."""
        return f"installs {len(self.install)}, removes {len(self.remove)}"


class Oracle:
    """apt, in this process, on one universe, with or without Recommends.

    A process can only do one of the two: libapt-pkg reads that setting once.
    """

    def __init__(self, universe, recommends):
        apt_pkg.config.set("APT::Install-Recommends", "1" if recommends else "0")
        self.universe = universe
        self.root = None
        self.cache = None
        self.depcache = None
        self.handed_over = 0

    def answer(self, request):
        """apt's answer to one request, in-process where that is possible."""
        self._use_root(request["root"])
        try:
            return self._answer_in_process(request)
        except Unsatisfiable as why:
            return Answer(error=str(why))
        except NotInProcess:
            self.handed_over += 1
            return answer_of_apt_get(self.universe, request)

    def _use_root(self, root):
        if self.root != root:
            self.cache = self.universe.open(root)
            self.depcache = apt_pkg.DepCache(self.cache)
            self.root = root

    def _answer_in_process(self, request):
        depcache = self.depcache
        depcache.init()
        install, remove, releases = self._look_up(request["names"])
        with apt_pkg.ActionGroup(depcache):
            resolver = apt_pkg.ProblemResolver(depcache)
            for package in remove:
                if not package.current_ver:
                    # apt-get puts it on hold in memory, which apt_pkg has no call for.
                    raise NotInProcess
                resolver.clear(package)
                resolver.protect(package)
                resolver.remove(package)
                depcache.mark_delete(package, False)
            for package, version in install:
                depcache.set_candidate_ver(package, version)
                resolver.clear(package)
                resolver.protect(package)
                depcache.mark_install(package, False)
            for package, version, _ in releases:
                depcache.set_candidate_ver(package, version)
            for package, version, release in releases:
                depcache.set_candidate_release(package, version, release)
            for package, _ in install:
                depcache.mark_install(package, True)
            try:
                solved = resolver.resolve(True)
            except apt_pkg.Error as error:
                raise Unsatisfiable(str(error)) from error
            if not solved and depcache.broken_count == 0:
                raise Unsatisfiable("the problem resolver failed")
            if depcache.broken_count:
                raise Unsatisfiable(f"{depcache.broken_count} packages stay broken")
        return self._collect()

    def _collect(self):
        """Leaves out new packages that nothing needs, as apt-get does, and reads the marks."""
        depcache = self.depcache
        new_garbage = [
            package
            for package in self.cache.packages
            if depcache.marked_install(package) and depcache.is_garbage(package)
        ]
        with apt_pkg.ActionGroup(depcache):
            for package in new_garbage:
                depcache.mark_keep(package)
        if new_garbage and depcache.broken_count:
            raise NotInProcess
        install, remove = {}, []
        for package in self.cache.packages:
            if depcache.marked_delete(package):
                remove.append(self._name(package))
            elif (
                depcache.marked_install(package)
                or depcache.marked_upgrade(package)
                or depcache.marked_downgrade(package)
            ):
                install[self._name(package)] = depcache.get_candidate_ver(package).ver_str
        return Answer(install, remove)

    def _name(self, package):
        native = package.architecture == self.universe.architecture
        return package.name if native else f"{package.name}:{package.architecture}"

    # Names

    def _look_up(self, names):
        install, remove, releases = [], [], []
        for name in names:
            verb, selected = "+", self._select(name, verb="+")
            if selected is None and name[-1] in "+-" and len(name) > 1:
                verb = name[-1]
                selected = self._select(name[:-1], verb)
            if selected is None:
                raise Unsatisfiable(f"unable to locate package {name}")
            package, version, release = selected
            if verb == "-":
                if package not in remove:
                    remove.append(package)
                continue
            if all(package != known for known, _ in install):
                install.append((package, version))
            if release:
                releases.append((package, version, release))
        return install, remove, releases

    def _select(self, text, verb):
        """The package and version that `text` means, or nothing if it names no package."""
        name, separator, wanted = re.match(r"^([^=/]*)(?:([=/])(.*))?$", text).groups()
        bare, _, architecture = name.partition(":")
        try:
            package = self.cache[bare, architecture] if architecture else self.cache[bare]
        except KeyError:
            return None
        if verb == "-":
            return package, None, None
        if separator:
            if not package.has_versions:
                raise NotInProcess
            matching = [v for v in package.version_list if _matches(v, separator, wanted)]
            if not matching:
                raise Unsatisfiable(f"no version {wanted} of {name}")
            return package, matching[0], wanted if separator == "/" else None
        version = self.depcache.get_candidate_ver(package)
        if version is None:
            return self._only_provider(package)
        return package, version, None

    def _only_provider(self, package):
        """apt-get installs the provider of a virtual package where there is but one."""
        providers = {}
        for _, _, version in package.provides_list:
            owner = version.parent_pkg
            if self.depcache.get_candidate_ver(owner) == version:
                providers[owner.name] = (owner, version, None)
        if len(providers) != 1:
            raise Unsatisfiable(f"{package.name} has no installation candidate")
        return next(iter(providers.values()))


def answer_of_apt_get(universe, request):
    """The answer of `apt-get -s install` in a process of its own."""
    option = "--install-recommends" if request["recommends"] else "--no-install-recommends"
    command = ["apt-get", "-s", option, "install", "--", *request["names"]]
    done = subprocess.run(
        command,
        env=universe.environment(request["root"]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        return Answer(error=" ".join(errors) or f"apt-get exits with {done.returncode}")
    install, remove = {}, []
    for line in done.stdout.splitlines():
        if found := re.match(r"Inst (\S+) (?:\[[^]]*\] )?\((\S+) ", line):
            install[found[1]] = found[2]
        elif found := re.match(r"(?:Remv|Purg) (\S+)", line):
            remove.append(found[1])
    # apt removes a package for a while to make way for its own upgrade.
    remove = [name for name in remove if name not in install]
    return Answer(install, remove)


def _matches(version, separator, wanted):
    if separator == "=":
        return version.ver_str == wanted
    return any(wanted in (file.archive, file.codename) for file, _ in version.file_list)


def answer_all(universe, requests, answer=None):
    """Answers all requests with two processes, one for each setting of Recommends.

    Returns the answers in the order of the requests, and how many seconds each took. `answer`
    replaces the oracle: a picklable function of a universe and a request.
    """
    parts = {
        recommends: [r for r in requests if bool(r["recommends"]) == recommends]
        for recommends in (False, True)
    }
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        running = [
            pool.submit(_answer_part, str(universe.directory), universe.seed, recommends, part, answer)
            for recommends, part in parts.items()
            if part
        ]
        answers = {}
        for part in running:
            answers.update(part.result())
    return [answers[request["id"]] for request in requests]


def _answer_part(directory, seed, recommends, requests, answer):
    universe = Universe(directory, seed).attach()
    oracle = Oracle(universe, recommends)
    answers = {}
    for request in requests:
        start = time.monotonic()
        result = answer(universe, request) if answer else oracle.answer(request)
        answers[request["id"]] = (result, time.monotonic() - start)
    return answers


def check_itself(universe, requests):
    """Compares the two ways of answering; returns how many requests differ."""
    quick = answer_all(universe, requests)
    slow = answer_all(universe, requests, answer_of_apt_get)
    differing, kinds, seconds = 0, collections.Counter(), [0.0, 0.0]
    for request, (ours, quickly), (theirs, slowly) in zip(requests, quick, slow):
        kinds[request["kind"], bool(theirs.error)] += 1
        seconds = [seconds[0] + quickly, seconds[1] + slowly]
        if ours != theirs:
            differing += 1
            print(f"DIFFERENT {json.dumps(request)}")
            print("  " + "\n  ".join(ours.differences(theirs, "in-process", "apt-get")[:20]))
    for kind in dict.fromkeys(kind for kind, _ in sorted(kinds)):
        print(f"{kind:20} {kinds[kind, False]:4} answered, {kinds[kind, True]:4} refused")
    quick_ms, slow_ms = (1000 * total / max(len(requests), 1) for total in seconds)
    print(
        f"{len(requests)} requests, {differing} differ; "
        f"in-process {quick_ms:.0f} ms, apt-get -s {slow_ms:.0f} ms each"
    )
    return differing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", default=default_directory())
    parser.add_argument("-n", "--number", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", action="append", help="only requests of this kind")
    arguments = parser.parse_args()
    universe = Universe(arguments.directory).prepare()
    requests = draw_requests.draw(universe, arguments.number, arguments.seed, arguments.kind)
    say(f"answering {len(requests)} requests twice")
    sys.exit(1 if check_itself(universe, requests) else 0)


if __name__ == "__main__":
    main()

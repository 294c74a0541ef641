"""What the benchmarks of clusters have in common: a state directory, and clusters that come up and go.

Times are those of this process's clock from the start of the command, taken as the lines of events
arrive on its standard error; so they are what a user waits for.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

MPI = ["build-essential", "openmpi-bin", "libopenmpi-dev"]
TICK = os.sysconf("SC_CLK_TCK")
# Connects to each address given, all at once, until each has sent the first bytes of an SSH server. A
# connection is waited for to the end: the next one would have the node start a server more.
BANNERS = """
import socket, sys, threading, time
def wait(address, deadline=time.monotonic() + 240):
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((address, 22), timeout=120) as connection:
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            time.sleep(0.02)
    failed.append(address)
failed = []
threads = [threading.Thread(target=wait, args=(address,)) for address in sys.argv[1:]]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit(f"no SSH server answers at {failed}" if failed else 0)
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def fail(command, code, output):
    raise SystemExit(f"{' '.join(map(str, command))} failed with {code}:\n{output[-3000:]}")


def link(source, target):
    """Copies what is changed in place, and links what is only ever replaced."""
    if ".sqlite" in source or source.endswith(".json"):
        return shutil.copy2(source, target)
    os.link(source, target, follow_symlinks=False)
    return target


class TooSlow(Exception):
    """A cluster was given up, as it took longer than it was allowed."""


class Run:
    """One `vclust up`: its answer, its events, and when they came."""

    def __init__(self, answer, events, seconds):
        self.answer, self.events, self.seconds = answer, events, seconds
        self.cluster = answer["cluster"]

    def last(self, stage):
        """Seconds until the last node had come to a stage; none if none did."""
        return max((at for at, event in self.events if event.get("stage") == stage), default=None)

    def first(self, *names):
        """Seconds until the first event of a stage."""
        return min((at for at, event in self.events if event.get("stage") in names), default=None)

    def phases(self):
        """Seconds predicted and measured for each phase that has both."""
        known = {}
        for phase in self.cluster["phases"]:
            predicted, measured = phase["predicted_seconds"], phase["measured_seconds"]
            if predicted is not None and measured is not None:
                known[phase["phase"]] = (predicted, measured)
        return known


class State:
    """A state directory of one's own, and what is in it."""

    def __init__(self, vclust, directory):
        self.vclust = str(pathlib.Path(vclust).resolve())
        self.directory = pathlib.Path(directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.path = self.directory / "state"
        self.environment = {**os.environ, "VCLUST_STATE_DIR": str(self.path)}
        self.call("doctor", "--clean")
        for cluster in self.call("ps")["clusters"]:
            self.call("down", cluster["name"])

    def call(self, *arguments):
        """Runs the command to its end, and answers with what it answered."""
        command = [self.vclust, "--format", "json", *map(str, arguments)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            fail(command, done.returncode, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def copy_to(self, target):
        """A copy that shares all large files; no cluster may be up."""
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.path, target, symlinks=True, copy_function=link)

    def restore(self, source):
        """Puts back what such a copy holds. Paths stay the same, as templates are known by them."""
        shutil.rmtree(self.path)
        shutil.copytree(source, self.path, symlinks=True, copy_function=link)

    def fetch(self, base, sets):
        """Has the packages of these sets in the pool, and nothing else of them."""
        before = self.directory / "before"
        self.copy_to(before)
        for packages in sets:
            self.call("cache", "build", "--base", base, "--packages", ",".join(packages))
        for file in (self.path / "packages").iterdir():
            if file.is_file() and not (before / "packages" / file.name).exists():
                os.link(file, before / "packages" / file.name)
        self.restore(before)
        shutil.rmtree(before)

    def spec(self, name, nodes, packages, memory="256MiB", strategy="auto"):
        """Writes a spec."""
        path = self.directory / f"{name}.toml"
        path.write_text(f'name = "{name}"\nnodes = {nodes}\nmemory = "{memory}"\npackages = {json.dumps(packages)}\n'
                        f'[deploy]\nstrategy = "{strategy}"\n', encoding="utf-8")
        return path

    def up(self, spec, limit=None):
        """Brings a cluster up, or gives up after a limit, in seconds; a failure ends everything."""
        command = [self.vclust, "--format", "json", "up", str(spec)]
        events, other = [], []
        with tempfile.TemporaryFile("w+") as out:
            start = time.monotonic()
            process = subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=subprocess.PIPE, text=True, bufsize=1)
            given_up = threading.Event()
            timer = threading.Timer(limit or 0, lambda: (given_up.set(), process.send_signal(signal.SIGTERM)))
            if limit is not None:
                timer.start()
            try:
                for line in process.stderr:
                    now = time.monotonic() - start
                    try:
                        events.append((now, json.loads(line)))
                    except ValueError:
                        other.append(line)
                code = process.wait()
            except BaseException:
                process.send_signal(signal.SIGTERM)
                process.wait()
                raise
            finally:
                timer.cancel()
            seconds = time.monotonic() - start
            out.seek(0)
            text = out.read()
        if given_up.is_set() and code != 0:
            raise TooSlow
        if code != 0:
            fail(command, code, "".join(other) + text)
        return Run(json.loads(text), events, seconds)

    @contextlib.contextmanager
    def cluster(self, spec, limit=None):
        """A cluster that goes again, whatever happens meanwhile."""
        try:
            yield self.up(spec, limit)
        finally:
            for cluster in self.call("ps")["clusters"]:
                self.call("down", cluster["name"])

    def down(self, name):
        """Removes a cluster; seconds."""
        start = time.monotonic()
        self.call("down", name)
        return time.monotonic() - start

    def ssh(self, node, *command):
        """Runs a command on a node; its output."""
        line = [self.vclust, "ssh", node, "--", *command]
        done = subprocess.run(line, env=self.environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            fail(line, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def banners(self, run):
        """Waits until the SSH server of every node has answered."""
        record = json.loads((self.path / "clusters" / run.cluster["name"] / "cluster.json").read_text(encoding="utf-8"))
        addresses = [node["address"] for node in run.cluster["nodes"]]
        enter = ["nsenter", f"--net=/proc/{holder(record)}/ns/net", sys.executable, "-c", BANNERS]
        done = subprocess.run([*enter, *addresses], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            fail(enter[:2], done.returncode, done.stderr)

    def logins(self, run):
        """Logs in to every node, all at once, and runs a program there."""
        failures = []

        def login(name):
            try:
                self.ssh(f"{run.cluster['name']}/{name}", "true")
            except SystemExit as failure:
                failures.append(str(failure))

        threads = [threading.Thread(target=login, args=(node["name"],)) for node in run.cluster["nodes"]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise SystemExit(failures[0])

    def machines(self, run):
        """Processes of the nodes' machines: for each, bytes of memory (PSS) and seconds on a processor."""
        record = json.loads((self.path / "clusters" / run.cluster["name"] / "cluster.json").read_text(encoding="utf-8"))
        mark = b"VCLUST_MARK=" + record["mark"].encode()
        found = []
        for process in pathlib.Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            try:
                marked = any(entry == mark or entry.startswith(mark + b"/") for entry in (process / "environ").read_bytes().split(b"\0"))
                if not marked or not (process / "comm").read_text().startswith("qemu-system"):
                    continue
                pss = next(line for line in (process / "smaps_rollup").read_text().splitlines() if line.startswith("Pss:"))
                times = (process / "stat").read_text().rsplit(")", 1)[1].split()
            except (OSError, StopIteration):
                continue
            found.append((int(pss.split()[1]) * 1024, (int(times[11]) + int(times[12])) / TICK))
        return found


def holder(record):
    """The process that keeps a cluster's network."""
    network = record["network"]
    return network["number"] if isinstance(network, dict) else network


def processor():
    """The name of this machine's processor."""
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def conditions(state):
    """A line about where and when this was measured."""
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    found = {finding["what"]: finding["found"] for finding in state.call("doctor")["findings"]}
    return f"{os.cpu_count()} x {processor()}; {found.get('virtualisation', 'unknown')}; load at the end {load}"

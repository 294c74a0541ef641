"""Nodes of Slurm as clusters of vclust: what ResumeProgram and SuspendProgram have in common.

Slurm powers a node down when it has been idle for a while, and up when a job wants it
(https://slurm.schedmd.com/power_save.html). Here "up" is a virtual cluster of one machine, called as the
node, with the packages that the job names in its comment:

    srun --partition cloud --comment packages:octave,openmpi-bin ...

This is a sketch. What a site has to decide for itself:

- The node's slurmd runs on the head node, not in the machine: machines' networks are closed, so slurmctld
  could not reach it there. A job reaches its machine with `vclust ssh NODE`.
- Every node is a cluster of its own, so the machines of a job of several nodes do not see each other.
- A node that is still up serves the next job with the packages of the one before; give node features to
  sets of packages where that matters, and a short SuspendTime.

Beside slurm.conf there is `vclust.toml`:

    state = "/var/lib/vclust"       # where vclust keeps images and clusters
    memory = "320MiB"               # of each machine
    log = "/var/log/vclust-slurm"   # what happened, a line each
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import tomllib
from pathlib import Path
from typing import Any

import vclust


#: The nodes of a job in SLURM_RESUME_FILE: those that are to be resumed, or all.
_NODES = ("nodes_resume", "nodes_alloc", "nodes")


class Site:
    """What the two programs know of the site."""

    def __init__(self) -> None:
        # slurmctld blocks signals that its children are not to have blocked: nothing could end them
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        self.slurm_conf = Path(os.environ.get("SLURM_CONF", "/etc/slurm/slurm.conf"))
        options = tomllib.loads((self.slurm_conf.parent / "vclust.toml").read_text())
        self.state: str = options["state"]
        self.memory: str = options.get("memory", "320MiB")
        self._log = Path(options["log"])

    def say(self, what: str, node: str, **more: object) -> None:
        """Adds a line to the log: when, what, which node."""
        line = {"at": time.time(), "what": what, "node": node, **more}
        with self._log.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def scontrol(self, *arguments: str) -> str:
        """What scontrol answers."""
        command = ["scontrol", *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    def nodes(self, host_list: str) -> list[str]:
        """The names in a host list such as `c[1-3]`."""
        return self.scontrol("show", "hostnames", host_list).split()

    def packages(self) -> dict[str, list[str]]:
        """The packages that each node is to have, from the comments of the jobs that wait for it."""
        path = os.environ.get("SLURM_RESUME_FILE")
        if path is None:
            return {}
        wanted: dict[str, list[str]] = {}
        # Slurm removes the file when the program is through
        jobs: list[dict[str, Any]] = json.loads(Path(path).read_text())["jobs"]
        for job in jobs:
            text = self.scontrol("show", "job", str(job["job_id"]))
            comment = re.search(r"^\s*Comment=packages:(\S+)\s*$", text, re.MULTILINE)
            names = comment.group(1).split(",") if comment else []
            # what the field is called depends on the version
            names_of_nodes = next(job[key] for key in _NODES if key in job)
            for node in self.nodes(names_of_nodes):
                wanted.setdefault(node, []).extend(names)
        return wanted

    def bring_up(self, node: str, packages: list[str]) -> None:
        """Starts the machine, then the slurmd that tells Slurm of it; or tells Slurm that it failed."""
        spec = vclust.ClusterSpec(node, 1, memory=self.memory, packages=packages)
        self.say("resume", node, packages=packages)
        try:
            cluster = vclust.up(spec, state=self.state)
            self.say("ready", node, strategy=cluster.strategy)
            # -b: the machine has started just now, whatever the head node's uptime says
            slurmd = ["slurmd", "-b", "-N", node, "-f", str(self.slurm_conf)]
            subprocess.run(slurmd, check=True, stdin=subprocess.DEVNULL)
        except (vclust.VclustError, subprocess.CalledProcessError) as error:
            self.say("failed", node, why=str(error))
            # an exit code would only be logged; this has the job given to another node
            reason = f"reason=vclust: {error}"[:200]
            self.scontrol("update", f"nodename={node}", "state=POWER_DOWN_FORCE", reason)

    def take_down(self, node: str) -> None:
        """Ends the node's slurmd, and removes its machine."""
        self.say("suspend", node)
        for process in self._slurmds(node):
            os.kill(process, signal.SIGTERM)
        if any(cluster.name == node for cluster in vclust.clusters(state=self.state)):
            vclust.down(node, state=self.state)
        self.say("gone", node)

    def _slurmds(self, node: str) -> list[int]:
        """Processes that are the slurmd of a node."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                arguments = entry.read_bytes().split(b"\0")
            except OSError:
                continue  # it has ended
            if arguments[0].endswith(b"slurmd") and b"-N" in arguments:
                if arguments[arguments.index(b"-N") + 1] == node.encode():
                    found.append(int(entry.parent.name))
        return found

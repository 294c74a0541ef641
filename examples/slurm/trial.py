#!/usr/bin/env python3
"""A real slurmctld, a job for a node that is powered down, and what becomes of both.

    examples/slurm/trial.py DIRECTORY STATE

It has to be the first process of PID and network namespaces of its own, so that Slurm talks to nobody else and
everything ends with it; `make test-slurm` starts it so. STATE is a state directory of vclust with what
cannot be fetched from in there: the minimal image, a layer with the package hello, and the kernel of nodes.
It prints what happened as a JSON document.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
NODE = "c1"
#: Seconds until a node has to be up. Booting a template under software emulation takes most of it.
RESUME_SECONDS = 300

SLURM_CONF = """\
ClusterName=example
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=17000
SrunPortRange=17500-17900
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool-%n
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd-%n.pid
SlurmctldLogFile={directory}/slurmctld.log
SlurmdLogFile={directory}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
SlurmctldParameters=power_save_interval=1,power_save_min_interval=0,idle_on_node_suspend
ReturnToService=2
ResumeProgram={directory}/resume
SuspendProgram={directory}/suspend
ResumeTimeout={resume}
SuspendTimeout=30
SuspendTime=5
ResumeRate=0
SuspendRate=0
NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port=17101 CPUs=1 State=CLOUD
PartitionName=cloud Nodes={node} Default=YES MaxTime=INFINITE State=UP
"""


def reap(scenario: Callable[[], None]) -> int:
    """Runs a scenario as a child, and waits for whatever ends, as the first process has to."""
    child = os.fork()
    if child == 0:
        try:
            scenario()
            sys.stdout.flush()
            os._exit(0)
        except BaseException as error:
            print(f"trial: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
    while True:
        process, status = os.wait()
        if process == child:
            return os.waitstatus_to_exitcode(status)


def wait_for(what: str, seconds: float, holds: Callable[[], bool]) -> float:
    """Waits until something holds; tells how long that took."""
    start = time.monotonic()
    while not holds():
        if time.monotonic() > start + seconds:
            raise TimeoutError(f"{what}: not so after {seconds} s")
        time.sleep(0.1)
    return time.monotonic() - start


def output(*command: str, timeout: float = 30) -> str:
    """What a program prints; its failure is an error."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def result_of(command: list[str], log: Path) -> str:
    """What a job prints; an error as soon as the programs that power nodes up have one."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as job:

        def is_over() -> bool:
            said = log.read_text() if log.exists() else ""
            if "Error" in said:
                job.kill()
                raise RuntimeError(said)
            return job.poll() is not None

        wait_for("the job has run", RESUME_SECONDS, is_over)
        said, errors = job.communicate()
    if job.returncode != 0:
        raise RuntimeError(f"the job: {errors}")
    return said


def write_configuration(directory: Path, state: Path) -> None:
    (directory / "state").mkdir(parents=True)
    host = socket.gethostname().split(".")[0]
    text = SLURM_CONF.format(host=host, directory=directory, node=NODE, resume=RESUME_SECONDS)
    (directory / "slurm.conf").write_text(text)
    # neither tasks nor the accounting here need cgroups, and slurmd is to leave the machine's alone
    (directory / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
    (directory / "vclust.toml").write_text(
        f'state = "{state}"\nmemory = "192MiB"\nlog = "{directory}/power.jsonl"\n'
    )
    for name in ("resume", "suspend"):
        words = [sys.executable, str(HERE / f"{name}.py")]
        path = os.environ.get("PYTHONPATH", "")
        lines = [
            "#!/bin/sh",
            f"export PATH={shlex.quote(os.environ['PATH'])} PYTHONPATH={shlex.quote(path)}",
            f'exec {shlex.join(words)} "$@" >>{shlex.quote(str(directory / "power.log"))} 2>&1',
        ]
        wrapper = directory / name
        wrapper.write_text("\n".join(lines) + "\n")
        wrapper.chmod(0o755)


def node_state() -> str:
    return output("sinfo", "-h", "-n", NODE, "-o", "%T").strip()


def scenario(directory: Path, state: Path) -> None:
    """Slurm from its start to its end; raises if something is not as it should be."""
    import vclust

    write_configuration(directory, state)
    os.environ["SLURM_CONF"] = str(directory / "slurm.conf")
    for arguments in (
        "link set lo up",
        # Slurm resolves no name, and no address either, on a machine that has none but loopback
        "link add name slurm0 type bridge",
        "address add 192.0.2.1/24 dev slurm0",
        "link set slurm0 up",
    ):
        subprocess.run(["ip", *arguments.split()], check=True)
    subprocess.run(["slurmctld", "-c", "-f", os.environ["SLURM_CONF"]], check=True)
    ping = ["scontrol", "ping"]
    wait_for("slurmctld answers", 60, lambda: b"UP" in subprocess.run(ping, capture_output=True).stdout)
    before = node_state()
    assert before.endswith("~"), f"{NODE} is {before} and not powered down"
    assert vclust.clusters(state=state) == []

    # the job looks for its package in the machine that it was started on
    inside = "hostname; hello"
    job = [sys.executable, "-m", "vclust", "ssh", NODE, "--", inside]
    os.environ["VCLUST_STATE_DIR"] = str(state)
    start = time.monotonic()
    said = result_of(
        ["srun", "--partition", "cloud", "--comment", "packages:hello", *job],
        directory / "power.log",
    )
    job_seconds = time.monotonic() - start
    (cluster,) = vclust.clusters(state=state)
    down = wait_for(f"{NODE} is powered down again", 90, lambda: node_state().endswith("~"))
    wait_for("the machine is gone", 60, lambda: vclust.clusters(state=state) == [])
    output("scontrol", "shutdown")
    lines = (directory / "power.jsonl").read_text().splitlines()
    answer = {
        "said": said.split("\n"),
        "cluster": cluster.name,
        "strategy": cluster.strategy,
        "job_seconds": round(job_seconds, 1),
        "down_seconds": round(down, 1),
        "power": [json.loads(line) for line in lines],
    }
    print(json.dumps(answer))


def main() -> int:
    if len(sys.argv) != 3 or os.getpid() != 1:
        print(__doc__, file=sys.stderr)
        return 2
    directory, state = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    return reap(lambda: scenario(directory, state))


if __name__ == "__main__":
    sys.exit(main())

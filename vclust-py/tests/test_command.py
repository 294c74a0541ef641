"""The command line through Python, and clusters, which are brought up by it."""

import json
import os
import sys
from pathlib import Path

import pytest

import vclust
from conftest import run
from vclust import _clusters, _command, errors


def command(*arguments: str, state: Path) -> "tuple[int, str, str]":
    environment = _command.environment(state)
    done = run(sys.executable, "-m", "vclust", *arguments, env=environment)
    return done.returncode, done.stdout, done.stderr


def test_the_command_line_runs_as_a_module(tmp_path: Path, packages_file: Path) -> None:
    code, output, _ = command("--version", state=tmp_path)
    assert (code, output) == (0, f"vclust {vclust.__version__}\n")
    file = ["--packages-file", str(packages_file), "--architecture", "amd64"]
    code, output, _ = command("--format", "json", "resolve", *file, "tool", state=tmp_path)
    index = vclust.Index.from_files([packages_file], architecture="amd64")
    assert code == 0 and json.loads(output) == index.resolve(["tool"]).to_dict()
    code, _, errors_said = command("resolve", *file, "tooll", state=tmp_path)
    assert code == 1 and "did you mean tool" in errors_said
    code, _, errors_said = command("resolve", state=tmp_path)
    assert code == 2 and "Usage" in errors_said


def test_where_there_are_no_clusters_there_are_none(tmp_path: Path) -> None:
    assert vclust.clusters(state=tmp_path) == []
    with pytest.raises(errors.ClusterError, match="no cluster"):
        vclust.clusters("mpi", state=tmp_path)
    with pytest.raises(ValueError):
        vclust.down()


def test_a_start_that_fails_says_why(tmp_path: Path, packages_file: Path) -> None:
    source = vclust.PackageSource(packages_files=[packages_file], architecture="amd64")
    spec = vclust.ClusterSpec("mpi", 2, packages=["tooll"])
    with pytest.raises(errors.ClusterError, match="no package is called `tooll`"):
        vclust.up(spec, source=source, state=tmp_path)
    with vclust.start(spec, source=source, state=tmp_path) as started:
        assert list(started) == [] and started.done
        with pytest.raises(errors.ClusterError):
            started.result()
    lost = tmp_path / "lost.toml"
    with pytest.raises(errors.ClusterError) as caught:
        vclust.up(lost, state=tmp_path)
    assert str(lost) in str(caught.value)


def test_the_options_of_a_source_are_the_command_lines(tmp_path: Path) -> None:
    source = vclust.PackageSource(
        mirror="http://mirror.example/debian",
        suite="bookworm",
        components=["main", "contrib"],
        keyring=tmp_path / "keys.gpg",
        foreign_architectures=["i386"],
    )
    assert source._arguments() == [
        "--mirror",
        "http://mirror.example/debian",
        "--suite",
        "bookworm",
        "--component",
        "main",
        "--component",
        "contrib",
        "--keyring",
        str(tmp_path / "keys.gpg"),
        "--foreign-architecture",
        "i386",
    ]


def test_answers_of_the_command_line_become_values() -> None:
    answer = {
        "name": "mpi",
        "state": "ready",
        "strategy": "clone",
        "created": "2026-11-23T02:30:00.25Z",
        "user": "vclust",
        "images": ["38d04c9d4297b01f"],
        "nodes": [
            {
                "name": "mpi-1",
                "address": "10.0.0.2",
                "mac": "52:54:00:00:00:01",
                "state": "ready",
                "ready_seconds": 1.5,
            }
        ],
        "phases": [{"phase": "boot", "predicted_seconds": 2.0, "measured_seconds": None}],
        "problems": [],
    }
    cluster = _clusters.Cluster._of(answer)
    assert cluster.created.microsecond == 250_000 and cluster.nodes[0].address.is_private
    assert cluster.phases[0].predicted_seconds == 2.0
    event = _clusters.ClusterEvent._of({"event": "node", "node": "mpi-1", "stage": "ready", "x": 1})
    assert (event.node, event.stage, event.seconds) == ("mpi-1", "ready", None)


@pytest.mark.skipif(
    os.environ.get("VCLUST_TEST_CLUSTERS") != "1",
    reason="starts machines: `make test-python CLUSTERS=1`, with rights of root and QEMU",
)
def test_a_cluster_comes_up_is_seen_and_goes_down(tmp_path: Path) -> None:
    spec = vclust.ClusterSpec("python", 2, memory="192MiB", packages=["hello"])
    seen: list[vclust.ClusterEvent] = []
    with vclust.start(spec, state=tmp_path) as stopped:
        stopped.cancel()
        with pytest.raises(errors.CancelledError):
            stopped.result(timeout=120)
    assert vclust.clusters(state=tmp_path) == []
    cluster = vclust.up(spec, seen.append, state=tmp_path)
    try:
        assert cluster.state == "ready" and len(cluster.nodes) == 2
        assert {event.node for event in seen if event.stage == "ready"} == {
            node.name for node in cluster.nodes
        }
        assert [one.name for one in vclust.clusters(state=tmp_path)] == ["python"]
        images = vclust.ImageRepository(tmp_path)
        assert images.get("minimal").variant == "minimal"
        assert images.verify("minimal") == []
        assert images.manifest("minimal")["packages"]
        events = vclust.HistoryDatabase(tmp_path).events()
        assert any(isinstance(event, vclust.RequestEvent) for event in events)
    finally:
        (removed,) = vclust.down("python", state=tmp_path)
    assert removed.name == "python" and vclust.clusters(state=tmp_path) == []

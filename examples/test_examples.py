"""What the examples promise. `make test-examples` has the package on the path; `make test-slurm` adds Slurm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import vclust

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import scheduler  # noqa: E402


def run(*command: object, timeout: float = 120) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def predictions() -> scheduler.Predictions:
    return scheduler.predict(None, *scheduler.scenario())


def test_every_cluster_is_predicted_on_every_site(predictions: scheduler.Predictions) -> None:
    sites, specs, _ = scheduler.scenario()
    assert set(predictions) == {(spec.name, site.name) for spec in specs for site in sites}
    seconds = {key: candidate.total.seconds for key, candidate in predictions.items()}
    # what a site has an image of, it has sooner than the site without a cache
    assert seconds["mpi-large", "physics"] < seconds["mpi-large", "annex"]
    assert seconds["blast", "biology"] < seconds["blast", "annex"]
    assert len(scheduler.frame(predictions)) == len(predictions)


def test_no_host_is_overfull_and_first_fit_is_not_better(
    predictions: scheduler.Predictions,
) -> None:
    sites, specs, _ = scheduler.scenario()
    first, best = scheduler.place(sites, specs, predictions)
    assert best.cost() < first.cost() and best.cost()[0] == 0
    for placement in (first, best):
        for site in sites:
            places = scheduler.pack(site, placement.on(site.name))
            assert places is not None
            for number, host in enumerate(site.hosts):
                here = [
                    placement.specs[name] for name, hosts in places.items()
                    for one in hosts if one == number
                ]
                assert sum(spec.memory for spec in here) <= host.memory
                assert sum(spec.processors for spec in here) <= host.processors
            for spec in placement.on(site.name):
                assert len(places[spec.name]) == spec.nodes


def test_the_scheduler_prints_where_clusters_go() -> None:
    text = run(sys.executable, HERE / "scheduler.py")
    assert "first fit: " in text and "this placement: 9 of 9 placed" in text


def test_learning_beats_the_straight_line_and_plots(tmp_path: Path) -> None:
    plot = tmp_path / "learning.svg"
    text = run(sys.executable, HERE / "learning.py", "--plot", plot)
    median = {
        line[:28].strip(): float(line[28:].split()[0].rstrip("%"))
        for line in text.splitlines()
        if line.startswith(("paper:", "vclust:"))
    }
    assert median["vclust: packages"] < median["paper: line over .deb size"]
    picture = plot.read_text()
    assert picture.lstrip().startswith("<?xml") and "measured seconds" in picture


@pytest.mark.skipif(
    os.environ.get("VCLUST_TEST_SLURM") is None,
    reason="starts Slurm and machines: `make test-slurm`, with rights of root and QEMU",
)
def test_slurm_brings_a_machine_up_for_a_job_and_removes_it(tmp_path: Path) -> None:
    assert os.geteuid() == 0, "Slurm and machines take rights of root here"
    state = Path(os.environ["VCLUST_TEST_SLURM"])
    # what is fetched is fetched now: the namespace has no way out
    minimal = vclust.build_image(state=state)
    vclust.build_image(["hello"], base=minimal.image.id, state=state)
    environment = {**os.environ, "VCLUST_STATE_DIR": str(state)}
    subprocess.run(
        [sys.executable, "-m", "vclust", "cache", "kernel"],
        env=environment, check=True, stdout=subprocess.DEVNULL,
    )
    namespaces = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    text = run(
        *namespaces, sys.executable, HERE / "slurm" / "trial.py", tmp_path / "slurm", state,
        timeout=600,
    )
    answer = json.loads(text)
    print(answer)
    assert answer["said"][:2] == ["c1-1", "Hello, world!"]
    assert answer["cluster"] == "c1"
    happened = [(line["what"], line["node"]) for line in answer["power"]]
    assert happened == [("resume", "c1"), ("ready", "c1"), ("suspend", "c1"), ("gone", "c1")]
    assert answer["power"][0]["packages"] == ["hello"]
    assert vclust.clusters(state=state) == []

"""Specs, plans, replays, simulated sites, images."""

import json
import pickle
from pathlib import Path

import pytest

import vclust
from vclust import errors

MPI = {"packages": ["tool"], "memory": "256MiB", "deploy": {"strategy": "clone"}}


@pytest.fixture
def planner(packages_file: Path, tmp_path: Path) -> vclust.Planner:
    source = vclust.PackageSource(packages_files=[packages_file], architecture="amd64")
    return vclust.Planner(source, state=tmp_path, images=[], history=vclust.History())


def test_a_spec_is_the_same_from_keywords_and_from_a_file(tmp_path: Path) -> None:
    spec = vclust.ClusterSpec("mpi", 4, **MPI)
    assert (spec.name, spec.nodes, spec.memory, spec.strategy) == ("mpi", 4, 256 << 20, "clone")
    assert (spec.packages, spec.meta_packages, spec.request()) == (["tool"], [], ["tool"])
    assert spec.processors == 1 and spec.disk == 1_600_000_000
    path = tmp_path / "mpi.toml"
    path.write_text(spec.to_toml())
    for same in (
        vclust.ClusterSpec.read(path),
        vclust.ClusterSpec.parse(path.read_text()),
        pickle.loads(pickle.dumps(spec)),
    ):
        assert same == spec and hash(same) == hash(spec)
    larger = spec.replace(nodes=8, meta_packages=["openmpi"], deploy={"quorum": 7})
    assert (larger.nodes, larger.strategy) == (8, "clone") and larger != spec
    assert larger.request() == ["tool", "meta:openmpi"]
    assert "quorum = 7" in larger.to_toml()


def test_a_spec_that_cannot_be_says_why(tmp_path: Path) -> None:
    with pytest.raises(errors.SpecError, match="0 nodes"):
        vclust.ClusterSpec("mpi", 0)
    with pytest.raises(errors.SpecError, match="unknown field `colour`"):
        vclust.ClusterSpec("mpi", 1, colour="blue")
    path = tmp_path / "spec.toml"
    path.write_text("name = ")
    with pytest.raises(errors.SpecError) as caught:
        vclust.ClusterSpec.read(path)
    assert caught.value.path == path and caught.value.causes


def test_a_plan_has_every_candidate_with_its_phases(planner: vclust.Planner) -> None:
    plan = planner.plan(vclust.ClusterSpec("mpi", 4, packages=["tool"]))
    assert {candidate.strategy for candidate in plan.candidates} == {"install", "layers", "clone"}
    assert plan.considered == 3 and plan.unusable == 0
    assert plan.best == plan.candidates[0] == plan.feasible
    totals = [candidate.total.seconds for candidate in plan.candidates]
    assert totals == sorted(totals)
    for candidate in plan.candidates:
        parts = sum(part.estimate.seconds for part in candidate.phases)
        assert parts == pytest.approx(candidate.total.seconds)
        assert candidate.missing == len(plan.closure.install) == 3
    assert plan.why(1)[0].startswith("minimal by ")
    assert plan.spec.nodes == 4 and "tool" in plan.index
    assert plan.closure.download_bytes == 7500
    assert pickle.loads(pickle.dumps(plan.best)) == plan.best
    assert plan.resolve_seconds > 0 and plan.select_seconds > 0


def test_an_image_that_holds_the_request_is_chosen(
    packages_file: Path, tmp_path: Path, small: vclust.Index
) -> None:
    held = [*small.installed(), *small.resolve(["tool"]).install]
    packages = tuple(vclust.PackageVersion(one.name, one.version) for one in held)
    image = vclust.ImageListing("with-tool", 50_000_000, packages)
    planner = vclust.Planner(images=[image], history=vclust.History(), state=tmp_path)
    spec = vclust.ClusterSpec("mpi", 4, packages=["tool"], deploy={"strategy": "layers"})
    plan = planner.plan(spec, index=small)
    assert (plan.best.image, plan.best.missing, plan.unusable) == ("with-tool", 0, 0)
    exact = planner.plan(spec.replace(packages=["library"], exact=True), index=small)
    assert (exact.best.image, exact.unusable) == ("minimal", 1)
    # the same from a file, as the command line writes it
    listing = tmp_path / "images.json"
    listing.write_text(json.dumps({"images": [image._data()]}))
    again = vclust.Planner(images=listing, history=vclust.History(), state=tmp_path)
    assert again.plan(spec, index=small).best == plan.best


def test_planning_fails_with_the_librarys_reasons(planner: vclust.Planner, tmp_path: Path) -> None:
    with pytest.raises(errors.UnknownPackageError) as unknown:
        planner.plan(vclust.ClusterSpec("mpi", 4, packages=["tooll"]))
    assert unknown.value.similar == ["tool"]
    with pytest.raises(errors.MetaPackageError):
        planner.plan(vclust.ClusterSpec("mpi", 4, meta_packages=["nothing-like-it"]))
    lost = vclust.Planner(images=tmp_path / "none.json", state=tmp_path)
    with pytest.raises(errors.FileError):
        lost.plan(vclust.ClusterSpec("mpi", 4))
    assert planner.root() == {"root": "minimal"}


def test_plans_of_the_machines_packages_learn_from_a_history(
    machine: vclust.Index, tmp_path: Path
) -> None:
    spec = vclust.ClusterSpec("octave", 16, packages=["octave"], deploy={"strategy": "install"})
    phase = {"site": "here", "cluster": "c", "strategy": "install", "hypervisor": "qemu"}
    events = [
        vclust.PhaseEvent(
            f"2026-11-23T02:{minute:02}:00Z",  # type: ignore[arg-type]
            phase="boot",
            nodes=16,
            seconds=70.0,
            memory_bytes=320 << 20,
            **phase,  # type: ignore[arg-type]
        )
        for minute in range(20)
    ]
    boots = []
    for history in (vclust.History(), vclust.History(events)):
        planner = vclust.Planner(images=[], history=history, state=tmp_path)
        plan = planner.plan(spec, index=machine)
        (boot,) = [part for part in plan.best.phases if part.phase == "boot"]
        boots.append(boot.estimate)
    assert abs(boots[1].seconds - 70) < abs(boots[0].seconds - 70)
    assert boots[1].high - boots[1].low < boots[0].high - boots[0].low


def test_policies_are_replayed_on_requests(
    machine: vclust.Index, history: vclust.History
) -> None:
    requests = vclust.ResolvedRequests(machine, history)
    assert len(requests) + requests.failed == len(history.events("request"))
    assert 0 < requests.distinct <= len(requests)
    outcomes = {}
    for policy in ("paper:5,50", "keep-used", "expected-time"):
        outcome, kept = requests.replay(policy, nodes=4, budget="2GB", strategies=["layers"])
        assert outcome.requests == len(requests) and outcome.mean_seconds > 0
        assert sum(image.bytes for image in kept) <= outcome.budget_bytes == 2_000_000_000
        outcomes[policy] = outcome
    nothing, kept = requests.replay("paper", nodes=4, budget=0, strategies=["layers"])
    assert kept == [] and nothing.minimal == 1.0
    assert outcomes["keep-used"].mean_seconds <= nothing.mean_seconds
    with pytest.raises(errors.PolicyError, match="no policy `papers`"):
        requests.replay("papers", nodes=4, budget=0)
    with pytest.raises(errors.SizeError):
        requests.replay("paper", nodes=4, budget="much")


def test_a_site_is_simulated() -> None:
    site = vclust.Site.named("paper")
    run = site.simulate(16, strategy="install")
    assert (run.strategy, run.transfer, run.nodes) == ("install", "shared-server", 16)
    assert run == site.simulate(16) != site.simulate(16, seed=2)
    assert run.duration.total_seconds() == pytest.approx(run.total_seconds, abs=1e-6)
    last = [times.last_seconds for times in run.phases]
    assert max(last) == pytest.approx(run.total_seconds)
    assert site.simulate(1000).total_seconds > run.total_seconds
    assert vclust.Site.parse(site.to_toml()) == site == pickle.loads(pickle.dumps(site))
    with pytest.raises(errors.SiteError, match="0 nodes"):
        site.simulate(0)
    with pytest.raises(errors.SiteError):
        site.calibrate(vclust.History())
    with pytest.raises(ValueError, match="no shipped site"):
        vclust.Site.named("elsewhere")


def test_a_repository_of_nothing_has_nothing(tmp_path: Path) -> None:
    repository = vclust.ImageRepository(tmp_path)
    assert repository.images() == [] and len(repository) == 0
    with pytest.raises(errors.UnknownImageError) as caught:
        repository.get("minimal")
    assert caught.value.name == "minimal" and list(tmp_path.iterdir()) == []

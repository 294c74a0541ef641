"""Closures through Python are apt's: the requests and the oracle of tests/apt, on this machine's lists."""

import os
import sys

import pytest

import vclust
from conftest import repository

sys.path.insert(0, str(repository() / "tests" / "apt"))

import draw_requests  # noqa: E402
from oracle import Answer, answer_all, answer_of_apt_get  # noqa: E402
from universe import Universe, default_directory  # noqa: E402

NUMBER = int(os.environ.get("VCLUST_TEST_REQUESTS", "40"))


def answer_of_python(index: vclust.Index, request: dict, architecture: str) -> Answer:
    try:
        closure = index.resolve(request["names"], install_recommends=request["recommends"])
    except vclust.errors.ResolveError as error:
        return Answer(error=str(error))

    def name(package: vclust.Package) -> str:
        native = package.architecture in ("all", architecture)
        return package.name if native else f"{package.name}:{package.architecture}"

    install = {name(package): package.version for package in closure.install}
    return Answer(install, [name(package) for package in closure.remove])


def test_closures_are_those_of_apt() -> None:
    universe = Universe(default_directory()).prepare()
    requests = draw_requests.draw(universe, NUMBER, 7)
    indexes = {
        root: vclust.Index.from_files(
            universe.packages_files(),
            installed=universe.status(root),
            architecture=universe.architecture,
        )
        for root in {request["root"] for request in requests}
    }
    different = []
    for request, (theirs, _) in zip(requests, answer_all(universe, requests)):
        ours = answer_of_python(indexes[request["root"]], request, universe.architecture)
        if ours != theirs:
            theirs = answer_of_apt_get(universe, request)
        if ours != theirs:
            different.append((request, ours.differences(theirs, "vclust", "apt")))
    assert len(requests) == NUMBER
    if different:
        pytest.fail(f"{len(different)} of {NUMBER} differ, the first: {different[0]}")

"""Many calls: memory stays flat, and threads do not wait for each other's calls."""

import concurrent.futures
import gc
import threading
import time
from pathlib import Path

import pytest

import vclust

CALLS = 10_000
#: Bytes that noise of the allocator may add.
SLACK = 4 << 20


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def grows(call: object) -> int:
    """Bytes that the process has grown by after many calls, once it is warm."""
    for _ in range(CALLS // 10):
        call()  # type: ignore[operator]
    gc.collect()
    before = resident()
    for _ in range(CALLS):
        call()  # type: ignore[operator]
    gc.collect()
    return resident() - before


def test_ten_thousand_calls_leave_nothing_behind(small: vclust.Index) -> None:
    history = vclust.History()
    graph = small.graph()

    def calls() -> None:
        closure = small.resolve(["tool"])
        _ = [package.fields() for package in closure]
        closure.to_dict()
        graph.why("tool", "base")
        vclust.Version("1.0") < vclust.Version("2.0")
        history.events()
        try:
            small.resolve(["impossible"])
        except vclust.VclustError as error:
            str(error)

    assert grows(calls) < SLACK


def test_indexes_estimators_and_plans_are_given_back(
    small: vclust.Index, packages_file: Path, tmp_path: Path
) -> None:
    planner = vclust.Planner(images=[], history=vclust.History(), state=tmp_path)
    spec = vclust.ClusterSpec("mpi", 4, packages=["tool"])

    def calls() -> None:
        index = vclust.Index.from_files([packages_file], architecture="amd64")
        index.graph().reachable("tool")
        vclust.InstallEstimator(index).estimate(index.resolve(["tool"]).install)

    for _ in range(200):
        calls()
        _ = planner.plan(spec, index=small).candidates
    gc.collect()
    before = resident()
    for _ in range(1000):
        calls()
        _ = planner.plan(spec, index=small).candidates
    gc.collect()
    assert resident() - before < SLACK


def test_threads_resolve_at_once_with_one_answer(machine: vclust.Index) -> None:
    expected = machine.resolve(["octave"])
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: machine.resolve(["octave"]), range(32)))
    assert all(answer == expected for answer in answers)


def test_a_history_takes_events_of_many_threads() -> None:
    history = vclust.History()

    def add(thread: int) -> None:
        for number in range(100):
            at = f"2026-11-23T{thread:02}:{number // 60:02}:{number % 60:02}Z"
            history.append([vclust.RequestEvent(at, "here", 1, ("gcc",))])  # type: ignore[arg-type]

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(history) == 800


def test_other_threads_go_on_while_an_index_is_loaded() -> None:
    turns = 0
    stop = threading.Event()

    def turn() -> None:
        nonlocal turns
        while not stop.is_set():
            turns += 1
            time.sleep(0.001)

    other = threading.Thread(target=turn)
    other.start()
    try:
        start = time.monotonic()
        vclust.Index.of_machine(root="minimal").prepare()
        seconds = time.monotonic() - start
    finally:
        stop.set()
        other.join()
    if seconds < 0.02:
        pytest.fail(f"loading took {seconds} s: too little to tell anything")
    # a lock that is held throughout would have left time for two or three
    assert turns > seconds / 0.001 / 20

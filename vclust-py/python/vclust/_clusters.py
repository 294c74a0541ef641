"""Clusters that run: bringing them up, looking at them, removing them.

A start takes rights of root, which a user namespace can lend, and must leave nothing behind wherever it is
stopped. The command line has both from processes of its own, so each call here runs it in one and
reads its JSON, which is a contract. Stopping a start from outside, or killing this process, leaves no more than
`vclust doctor --clean` removes.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType

from vclust import _command
from vclust._native import ClusterSpec, PackageSource
from vclust._values import Data, _moment, _names
from vclust.errors import CancelledError, ClusterError


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of a cluster."""

    name: str
    address: IPv4Address
    mac: str
    #: `starting`, `ready` or `failed`.
    state: str
    #: From when nodes were begun with.
    ready_seconds: float | None

    @classmethod
    def _of(cls, data: Data) -> Node:
        fields = dict(data)
        fields["address"] = IPv4Address(data["address"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class ClusterPhase:
    """A phase of a start, predicted and measured."""

    phase: str
    predicted_seconds: float | None
    measured_seconds: float | None

    @classmethod
    def _of(cls, data: Data) -> ClusterPhase:
        predicted, measured = data.get("predicted_seconds"), data.get("measured_seconds")
        return cls(data["phase"], predicted, measured)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster, as it was when it was asked for."""

    name: str
    state: str
    strategy: str
    created: datetime
    #: Who goes from node to node.
    user: str
    #: The image and the layers over it.
    images: tuple[str, ...]
    nodes: tuple[Node, ...]
    phases: tuple[ClusterPhase, ...]
    #: What it lacks beside nodes, in words.
    problems: tuple[str, ...]

    @classmethod
    def _of(cls, data: Data) -> Cluster:
        return cls(
            name=data["name"],
            state=data["state"],
            strategy=data["strategy"],
            created=_moment(data["created"]),
            user=data["user"],
            images=tuple(data["images"]),
            nodes=tuple(Node._of(one) for one in data["nodes"]),
            phases=tuple(ClusterPhase._of(one) for one in data["phases"]),
            problems=tuple(data["problems"]),
        )


@dataclass(frozen=True, slots=True)
class Down:
    """A cluster that was removed."""

    name: str
    #: Processes that were ended.
    processes: int
    seconds: float

    @property
    def duration(self) -> timedelta:
        """How long that took."""
        return timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class ClusterEvent:
    """Something that happened on the way to a cluster.

    `event` is `began` or `ended` of a phase, `node` of a node that came to a stage, `notice` of a text for
    people. Fields that say nothing about it are None.
    """

    event: str
    phase: str | None = None
    node: str | None = None
    stage: str | None = None
    #: Of a phase how long it took; of a node how long since nodes were begun with.
    seconds: float | None = None
    #: How long a node's step took.
    took: float | None = None
    reason: str | None = None
    text: str | None = None

    @classmethod
    def _of(cls, data: Data) -> ClusterEvent:
        return cls(**{name: data[name] for name in _names(cls) if name in data})


class Start:
    """A cluster on its way up: an iterator of events, with a result at the end.

    As a context manager it stops the start if the block is left before the end. All methods may be
    called from any thread, events go to whoever asks for the next.
    """

    def __init__(self, arguments: Sequence[str], state: str | os.PathLike[str] | None) -> None:
        self._process = subprocess.Popen(
            _command.command(arguments),
            env=_command.environment(state),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._events: queue.SimpleQueue[ClusterEvent | None] = queue.SimpleQueue()
        self._output = ""
        self._diagnostics: list[str] = []
        self._cancelled = False
        self._done = threading.Event()
        readers = [
            threading.Thread(target=self._read_output, daemon=True),
            threading.Thread(target=self._read_events, daemon=True),
        ]
        for reader in readers:
            reader.start()
        threading.Thread(target=self._wait, args=(readers,), daemon=True).start()

    def _read_output(self) -> None:
        assert self._process.stdout is not None
        self._output = self._process.stdout.read()

    def _read_events(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            try:
                self._events.put(ClusterEvent._of(json.loads(line)))
            except (ValueError, TypeError, KeyError):
                self._diagnostics.append(line.rstrip("\n"))

    def _wait(self, readers: Sequence[threading.Thread]) -> None:
        for reader in readers:
            reader.join()
        self._process.wait()
        self._done.set()
        self._events.put(None)

    def __iter__(self) -> Iterator[ClusterEvent]:
        return self

    def __next__(self) -> ClusterEvent:
        event = self._next()
        if event is None:
            raise StopIteration
        return event

    def _next(self) -> ClusterEvent | None:
        event = self._events.get()
        if event is None:
            # whoever else waits is at the end, too
            self._events.put(None)
        return event

    @property
    def done(self) -> bool:
        """Whether the cluster is ready, or the start has ended otherwise."""
        return self._done.is_set()

    def cancel(self) -> None:
        """Stops the start, and has what was made removed; `result` waits for that."""
        if not self.done:
            self._cancelled = True
            self._process.send_signal(signal.SIGINT)

    def result(self, timeout: float | timedelta | None = None) -> Cluster:
        """The cluster, when it is ready.

        Raises `CancelledError` after `cancel`, `ClusterError` if the start failed, and `TimeoutError` if
        that is not known in time.
        """
        if isinstance(timeout, timedelta):
            timeout = timeout.total_seconds()
        if not self._done.wait(timeout):
            raise TimeoutError("the cluster is not ready yet")
        code = self._process.returncode
        if self._cancelled and code != 0:
            raise CancelledError("stopped on request; nothing of the cluster is left")
        answer = _command.answer_of(self._output, self._diagnostics, code, ClusterError)
        return Cluster._of(answer["cluster"])

    def __enter__(self) -> Start:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cancel()
        self._done.wait()

    def __repr__(self) -> str:
        return f"<Start: {'done' if self.done else 'on its way'}>"


def start(
    spec: ClusterSpec | str | os.PathLike[str],
    *,
    source: PackageSource | None = None,
    meta_packages: Sequence[str | os.PathLike[str]] = (),
    directory: str | os.PathLike[str] = ".",
    site: str = "here",
    state: str | os.PathLike[str] | None = None,
) -> Start:
    """Begins to bring a cluster up, and returns at once.

    `spec` is a `ClusterSpec`, whose files are relative to `directory`, or a TOML file. `source` says where
    packages come from, `meta_packages` are TOML files of further meta-packages, and `site` is what the
    history has the build under.
    """
    options = ["--site", site]
    if source is not None:
        options += source._arguments()
    for file in meta_packages:
        options += ["--meta-packages", os.fspath(file)]
    if not isinstance(spec, ClusterSpec):
        return Start(["up", *options, os.fspath(spec)], state)
    here = Path(directory).absolute()
    # the command reads the file before it says anything, and it is small enough to be left if it never does
    with tempfile.NamedTemporaryFile("w", suffix=".toml", prefix="vclust-", delete=False) as file:
        file.write(spec._within(here).to_toml())
    started = Start(["up", *options, file.name], state)
    threading.Thread(target=_remove_after, args=(started, file.name), daemon=True).start()
    return started


def _remove_after(started: Start, path: str) -> None:
    started._done.wait()
    Path(path).unlink(missing_ok=True)


def up(
    spec: ClusterSpec | str | os.PathLike[str],
    on_event: Callable[[ClusterEvent], object] | None = None,
    *,
    source: PackageSource | None = None,
    meta_packages: Sequence[str | os.PathLike[str]] = (),
    directory: str | os.PathLike[str] = ".",
    site: str = "here",
    state: str | os.PathLike[str] | None = None,
) -> Cluster:
    """Brings a cluster up and waits until it is ready; takes what `start` does.

    `on_event` is called with each event. An exception, be it from there or `KeyboardInterrupt`, stops the
    start, and nothing of the cluster is left.
    """
    started = start(
        spec,
        source=source,
        meta_packages=meta_packages,
        directory=directory,
        site=site,
        state=state,
    )
    with started:
        for event in started:
            if on_event is not None:
                on_event(event)
        return started.result()


async def up_async(
    spec: ClusterSpec | str | os.PathLike[str],
    on_event: Callable[[ClusterEvent], object] | None = None,
    *,
    source: PackageSource | None = None,
    meta_packages: Sequence[str | os.PathLike[str]] = (),
    directory: str | os.PathLike[str] = ".",
    site: str = "here",
    state: str | os.PathLike[str] | None = None,
) -> Cluster:
    """As `up`, to be awaited; events are told in the loop's thread.

    Cancelling the task stops the start, and waits until nothing of the cluster is left.
    """
    started = start(
        spec,
        source=source,
        meta_packages=meta_packages,
        directory=directory,
        site=site,
        state=state,
    )
    try:
        while True:
            event = await asyncio.to_thread(started._next)
            if event is None:
                return started.result()
            if on_event is not None:
                on_event(event)
    finally:
        started.cancel()
        await asyncio.to_thread(started._done.wait)


def clusters(*names: str, state: str | os.PathLike[str] | None = None) -> list[Cluster]:
    """All clusters, or those of these names."""
    answer = _command.run(["ps", *names], state, ClusterError)
    return [Cluster._of(one) for one in answer["clusters"]]


def down(*names: str, state: str | os.PathLike[str] | None = None) -> list[Down]:
    """Removes clusters, with their machines and disks."""
    if not names:
        raise ValueError("name one cluster or more")
    answer = _command.run(["down", *names], state, ClusterError)
    return [Down(**one) for one in answer["removed"]]

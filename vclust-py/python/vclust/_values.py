"""Records as frozen dataclasses: what the native part answers with, and what it takes.

Each is made from the native part's plain data by `_of`. Times are seconds and sizes are bytes, as in the
files that vclust exchanges; where a record has a duration, it is there as a `timedelta`, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, ClassVar

Data = Mapping[str, Any]


def _timestamp(moment: datetime | str) -> str:
    """A moment as events write it. One without a time zone is meant in UTC."""
    if isinstance(moment, str):
        return moment
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"


def _moment(text: str) -> datetime:
    """A moment as events write it: in UTC, with any number of digits of a second up to six."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction:0<6}+00:00")


def _names(record: Any) -> list[str]:
    """The fields of a dataclass."""
    return [field.name for field in dataclass_fields(record)]


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long something will take."""

    #: The most likely time.
    seconds: float
    #: The ends of the 90 % prediction interval.
    low: float
    high: float

    @property
    def duration(self) -> timedelta:
        """The most likely time."""
        return timedelta(seconds=self.seconds)

    def covers(self, seconds: float | timedelta) -> bool:
        """Whether the interval holds a measurement."""
        if isinstance(seconds, timedelta):
            seconds = seconds.total_seconds()
        return self.low <= seconds <= self.high

    @classmethod
    def _of(cls, data: Data) -> Estimate:
        return cls(data["seconds"], data["low"], data["high"])


@dataclass(frozen=True, slots=True)
class PhaseEstimate:
    """A phase of a build with its estimate."""

    phase: str
    estimate: Estimate

    @classmethod
    def _of(cls, data: Data) -> PhaseEstimate:
        return cls(data["phase"], Estimate._of(data))


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image with a strategy, and what it is expected to take."""

    image: str
    #: Names of the layers over it, the lowest first.
    layers: tuple[str, ...]
    strategy: str
    total: Estimate
    phases: tuple[PhaseEstimate, ...]
    #: Bytes of the image and the layers.
    bytes: int
    #: Packages that have to be installed, upgrades included.
    missing: int
    upgrades: int
    removals: int
    #: Packages of the image that were not asked for and stay.
    extra: int
    #: Seconds by which it lost to the best.
    behind: float
    #: Whether it may turn out faster than the best.
    overlaps: bool
    #: How far the layers may be from the best ones, relative to the seconds.
    gap: float

    @classmethod
    def _of(cls, data: Data) -> Candidate:
        return cls(
            image=data["image"],
            layers=tuple(data["layers"]),
            strategy=data["strategy"],
            total=Estimate._of(data["total"]),
            phases=tuple(PhaseEstimate._of(part) for part in data["phases"]),
            bytes=data["bytes"],
            missing=data["missing"],
            upgrades=data["upgrades"],
            removals=data["removals"],
            extra=data["extra"],
            behind=data["behind"],
            overlaps=data["overlaps"],
            gap=data["gap"],
        )


@dataclass(frozen=True, slots=True, order=True)
class PackageVersion:
    """A package in a version."""

    package: str
    version: str

    @classmethod
    def _of(cls, data: Data) -> PackageVersion:
        return cls(data["package"], data["version"])

    def _data(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class AddedPackage:
    """A package that a request adds."""

    package: str
    version: str
    architecture: str

    @classmethod
    def _of(cls, data: Data) -> AddedPackage:
        return cls(data["package"], data["version"], data["architecture"])


@dataclass(frozen=True, slots=True)
class PlannedClosure:
    """What a spec's request adds to the minimal image."""

    request: tuple[str, ...]
    #: New and upgraded packages, in install order.
    install: tuple[AddedPackage, ...]
    download_bytes: int
    installed_bytes: int

    @classmethod
    def _of(cls, data: Data) -> PlannedClosure:
        return cls(
            request=tuple(data["request"]),
            install=tuple(AddedPackage._of(one) for one in data["install"]),
            download_bytes=data["download_bytes"],
            installed_bytes=data["installed_bytes"],
        )


@dataclass(frozen=True, slots=True)
class ImageListing:
    """An image or a layer with everything in it by name."""

    id: str
    bytes: int
    #: Of an image all packages in it, of a layer those that it adds.
    packages: tuple[PackageVersion, ...]
    #: `image` or `layer`.
    kind: str = "image"

    @classmethod
    def _of(cls, data: Data) -> ImageListing:
        packages = tuple(PackageVersion._of(one) for one in data["packages"])
        return cls(data["id"], data["bytes"], packages, data["kind"])

    def _data(self) -> dict[str, Any]:
        packages = [one._data() for one in self.packages]
        return {"id": self.id, "bytes": self.bytes, "packages": packages, "kind": self.kind}


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image or a layer of a repository."""

    id: str
    #: `image` or `layer`.
    kind: str
    #: SHA-256 of its content.
    content: str
    #: The image that a layer is over.
    base: str | None
    variant: str
    request: tuple[str, ...]
    architecture: str
    #: Bytes that a node has to get.
    bytes: int
    #: Bytes of all its files.
    stored_bytes: int
    #: Bytes in the files of its root.
    content_bytes: int
    files: int
    uses: int
    created: datetime
    last_used: datetime
    build_seconds: float
    packages: tuple[PackageVersion, ...]
    directory: Path

    @classmethod
    def _of(cls, data: Data) -> StoredImage:
        fields = dict(data)
        fields["request"] = tuple(data["request"])
        fields["packages"] = tuple(PackageVersion._of(one) for one in data["packages"])
        fields["created"] = _moment(data["created"])
        fields["last_used"] = _moment(data["last_used"])
        fields["directory"] = Path(data["directory"])
        return cls(**fields)

    def listing(self) -> ImageListing:
        """The same, as `Planner` takes images."""
        return ImageListing(self.id, self.bytes, self.packages, self.kind)


@dataclass(frozen=True, slots=True)
class MetaPackage:
    """A named functional unit that expands to packages."""

    id: str
    title: str
    description: str
    aliases: tuple[str, ...]
    includes: tuple[str, ...]

    @classmethod
    def _of(cls, data: Data) -> MetaPackage:
        aliases, includes = tuple(data["aliases"]), tuple(data["includes"])
        return cls(data["id"], data["title"], data["description"], aliases, includes)


@dataclass(frozen=True, slots=True)
class Member:
    """One thing that a meta-package installs: a package, or the first there is of several."""

    alternatives: tuple[str, ...]
    #: Whether it is only wanted where recommended packages are.
    recommended: bool
    #: The meta-package that it comes from.
    origin: str

    @classmethod
    def _of(cls, data: Data) -> Member:
        return cls(tuple(data["alternatives"]), data["recommended"], data["origin"])


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How estimates compare with what was measured; errors are |estimate / measured - 1|."""

    estimator: str
    n: int
    #: Tasks that the estimator said nothing about; they count nowhere else.
    unanswered: int
    median: float
    p90: float
    max: float
    #: Share of measurements inside the 90 % interval.
    covered: float

    @classmethod
    def _of(cls, data: Data) -> Accuracy:
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a cache policy served requests; shares are of all requests."""

    policy: str
    budget_bytes: int
    requests: int
    mean_seconds: float
    p95_seconds: float
    hit: float
    superset: float
    partial: float
    minimal: float
    layered: float
    stacked: float
    mean_bytes_stored: float
    most_bytes_stored: int
    bytes_moved: int
    images_built: int
    layers_built: int
    images_evicted: int
    images_refused: int
    building_seconds: float

    @classmethod
    def _of(cls, data: Data) -> Outcome:
        return cls(**data)


@dataclass(frozen=True, slots=True)
class SuiteUpdate:
    """What an update did to one suite."""

    archive: str
    suite: str
    changed: bool
    downloaded_bytes: int
    seconds: float
    files: tuple[Path, ...]

    @classmethod
    def _of(cls, data: Data) -> SuiteUpdate:
        fields = dict(data)
        fields["files"] = tuple(Path(file) for file in data["files"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class PhaseTimes:
    """When the first, the median and the last node were through a phase, from the request on."""

    phase: str
    first_seconds: float
    median_seconds: float
    last_seconds: float

    @classmethod
    def _of(cls, data: Data) -> PhaseTimes:
        return cls(**data)


@dataclass(frozen=True, slots=True)
class ResourceUse:
    """How much a simulated resource was used."""

    name: str
    waiting_seconds: float
    #: Share of the time in which it was busy, where that is known.
    utilisation: float | None = None

    @classmethod
    def _of(cls, data: Data) -> ResourceUse:
        return cls(data["name"], data["waiting_seconds"], data.get("utilisation"))


@dataclass(frozen=True, slots=True)
class SiteRun:
    """How long a simulated site took to bring a cluster up."""

    strategy: str
    transfer: str
    nodes: int
    hosts: int
    total_seconds: float
    phases: tuple[PhaseTimes, ...]
    resources: tuple[ResourceUse, ...]
    #: What took most of the time.
    bottleneck: str

    @property
    def duration(self) -> timedelta:
        """All of it."""
        return timedelta(seconds=self.total_seconds)

    @classmethod
    def _of(cls, data: Data) -> SiteRun:
        fields = dict(data)
        fields["phases"] = tuple(PhaseTimes._of(one) for one in data["phases"])
        fields["resources"] = tuple(ResourceUse._of(one) for one in data["resources"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """A measured time beside the simulated one."""

    what: str
    nodes: int
    measured_seconds: float
    simulated_seconds: float
    #: Simulated over measured, less one.
    error: float

    @classmethod
    def _of(cls, data: Data) -> CalibrationRow:
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run of dpkg: `unpack`, `configure` or `trigger`."""

    step: str
    package: str
    seconds: float


class Event:
    """Something that was requested or measured; the base of the events below."""

    __slots__ = ()

    _kind: ClassVar[str]
    #: When.
    at: datetime
    #: The site.
    site: str

    def to_json(self) -> str:
        """The event as a line of the format in which histories are exchanged."""
        record: Any = self
        data = asdict(record)
        data["at"] = _timestamp(self.at)
        given = {name: value for name, value in data.items() if value is not None}
        return json.dumps({"event": self._kind, **given})

    @staticmethod
    def from_json(line: str) -> Event:
        """The event of such a line; it is checked when it is added to a history."""
        return Event._of(json.loads(line))

    @staticmethod
    def _of(data: Data) -> Event:
        made = _EVENTS[data["event"]]
        # fields that this version does not know are left out, as the native part does
        fields = {name: data[name] for name in _names(made) if name in data}
        fields["at"] = _moment(fields["at"])
        return made._from(fields)

    @classmethod
    def _from(cls, fields: dict[str, Any]) -> Event:
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class RequestEvent(Event):
    """A user asked for a cluster."""

    _kind = "request"

    at: datetime
    site: str
    nodes: int
    packages: tuple[str, ...]

    @classmethod
    def _from(cls, fields: dict[str, Any]) -> Event:
        fields["packages"] = tuple(fields["packages"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class TransferEvent(Event):
    """An image went to some nodes, all at once."""

    _kind = "transfer"

    at: datetime
    site: str
    image: str
    bytes: int
    nodes: int
    method: str
    #: Until the last node had it.
    seconds: float

    @property
    def duration(self) -> timedelta:
        """Until the last node had it."""
        return timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class InstallEvent(Event):
    """A set of packages was installed on each of some nodes."""

    _kind = "install"

    at: datetime
    site: str
    nodes: int
    #: In dpkg's order.
    packages: tuple[PackageVersion, ...]
    #: Until the last node was done.
    seconds: float
    request: tuple[str, ...] = ()
    unpack_seconds: float | None = None
    configure_seconds: float | None = None
    steps: tuple[Step, ...] = ()
    #: Of nodes that installed by themselves; None where the head node did it.
    hypervisor: str | None = None

    @property
    def duration(self) -> timedelta:
        """Until the last node was done."""
        return timedelta(seconds=self.seconds)

    @classmethod
    def _from(cls, fields: dict[str, Any]) -> Event:
        fields["packages"] = tuple(PackageVersion._of(one) for one in fields["packages"])
        fields["request"] = tuple(fields.get("request", ()))
        fields["steps"] = tuple(Step(**one) for one in fields.get("steps", ()))
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class PhaseEvent(Event):
    """A phase of a build, other than transfers and installs of which more is known."""

    _kind = "phase"

    at: datetime
    site: str
    cluster: str
    strategy: str
    phase: str
    nodes: int
    #: Until the last node was done.
    seconds: float
    hypervisor: str | None = None
    memory_bytes: int | None = None

    @property
    def duration(self) -> timedelta:
        """Until the last node was done."""
        return timedelta(seconds=self.seconds)


_EVENTS: dict[str, type[Event]] = {
    "request": RequestEvent,
    "transfer": TransferEvent,
    "install": InstallEvent,
    "phase": PhaseEvent,
}

"""Images and layers: building them, and removing those that are not worth their room.

Both run the command line in a process of its own, as the clusters' functions do: building takes rights of root,
which a user namespace can lend.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from vclust import _command
from vclust._native import ImageRepository, PackageSource
from vclust._values import Data, ImageListing, StoredImage, _moment
from vclust.errors import BuildError, RepositoryError

_State = str | os.PathLike[str] | None


@dataclass(frozen=True, slots=True)
class BuildPhase:
    """A phase of building an image."""

    phase: str
    seconds: float

    @classmethod
    def _of(cls, data: Data) -> BuildPhase:
        return cls(data["phase"], data["seconds"])


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image or a layer that was asked for."""

    image: StoredImage
    #: Whether it was built now; False if it was there already.
    built: bool
    seconds: float
    phases: tuple[BuildPhase, ...]

    @property
    def duration(self) -> timedelta:
        """How long that took."""
        return timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class RemovedImage:
    """An image or a layer that was removed, or would be."""

    id: str
    bytes: int
    last_used: datetime
    #: `budget` or `unused`.
    why: str

    @classmethod
    def _of(cls, data: Data) -> RemovedImage:
        return cls(data["id"], data["bytes"], _moment(data["last_used"]), data["why"])


@dataclass(frozen=True, slots=True)
class HeldImage:
    """An image or a layer that would have gone, but is held."""

    id: str
    #: `keep`, `in use`, `base` or `cluster`.
    why: str
    #: The layers or the clusters that hold it.
    by: tuple[str, ...]

    @classmethod
    def _of(cls, data: Data) -> HeldImage:
        return cls(data["id"], data["why"], tuple(data["by"]))


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection removed, or would remove."""

    removed: tuple[RemovedImage, ...]
    held: tuple[HeldImage, ...]
    #: Builds that had died and left something.
    dead_builds: int
    bytes_before: int
    bytes_after: int
    #: Whether the rest keeps to the budget; None without one.
    within_budget: bool | None

    @classmethod
    def _of(cls, data: Data) -> Collected:
        return cls(
            removed=tuple(RemovedImage._of(one) for one in data["removed"]),
            held=tuple(HeldImage._of(one) for one in data["held"]),
            dead_builds=data["dead_builds"],
            bytes_before=data["bytes_before"],
            bytes_after=data["bytes_after"],
            within_budget=data["within_budget"],
        )


def _built(data: Data, repository: ImageRepository) -> BuiltImage:
    return BuiltImage(
        image=repository.get(data["id"]),
        built=data["built"],
        seconds=data["seconds"],
        phases=tuple(BuildPhase._of(one) for one in data["phases"]),
    )


def _options(
    source: PackageSource | None,
    meta_packages: Sequence[str | os.PathLike[str]],
    site: str,
) -> list[str]:
    options = ["--site", site]
    if source is not None:
        options += source._arguments()
    for file in meta_packages:
        options += ["--meta-packages", os.fspath(file)]
    return options


def build_image(
    packages: Sequence[str] = (),
    *,
    base: str | None = None,
    variant: str | None = None,
    install_recommends: bool = False,
    archive: bool = False,
    rebuild: bool = False,
    source: PackageSource | None = None,
    meta_packages: Sequence[str | os.PathLike[str]] = (),
    site: str = "here",
    state: _State = None,
) -> BuiltImage:
    """Builds an image of packages, or with a `base` a layer over that image, and keeps it in the repository.

    What is there already is not built again, unless `rebuild` says so. `variant` is `minimal` or
    `minbase`. `archive` keeps a compressed archive, too, as the strategy `install` takes it. `source`,
    `meta_packages`, `site` and `state` are as for `up`.

    Raises `BuildError`. An exception such as `KeyboardInterrupt` stops the build, and nothing of it is left.
    """
    options = _options(source, meta_packages, site)
    for package in packages:
        options += ["--packages", package]
    for name, value in (("--base", base), ("--variant", variant)):
        if value is not None:
            options += [name, value]
    flags = {
        "--install-recommends": install_recommends,
        "--archive": archive,
        "--rebuild": rebuild,
    }
    options += [name for name, given in flags.items() if given]
    answer = _command.run(["cache", "build", *options], state, BuildError)
    return _built(answer, ImageRepository(state))


def build_images(
    images: Sequence[ImageListing],
    *,
    archive: bool = False,
    source: PackageSource | None = None,
    site: str = "here",
    state: _State = None,
) -> list[BuiltImage]:
    """Builds images and layers as a policy designed them: what `ResolvedRequests.replay` would keep.

    As `build_image` for each of them; layers that would add nothing are left out.
    """
    options = _options(source, (), site)
    if archive:
        options.append("--archive")
    with tempfile.TemporaryDirectory(prefix="vclust-") as directory:
        file = Path(directory) / "images.json"
        file.write_text(json.dumps({"images": [image._data() for image in images]}))
        arguments = ["cache", "build", *options, "--generated", str(file)]
        answer = _command.run(arguments, state, BuildError)
    repository = ImageRepository(state)
    return [_built(one, repository) for one in answer["images"]]


def collect_images(
    *,
    budget: int | str | None = None,
    unused_for: timedelta | None = None,
    keep: Sequence[str] = (),
    dry_run: bool = False,
    state: _State = None,
) -> Collected:
    """Removes what dead builds left, and images until the rest keeps to a budget, those first that were not
    used for the longest time.

    `unused_for`, whole days, removes what was not used for so long whatever the budget. What is in use, what
    a layer lies on and what `keep` names stays. With `dry_run` nothing is removed.
    """
    options: list[str] = []
    if budget is not None:
        options += ["--budget", str(budget)]
    if unused_for is not None:
        options += ["--unused-for", str(unused_for.days)]
    for image in keep:
        options += ["--keep", image]
    if dry_run:
        options.append("--dry-run")
    return Collected._of(_command.run(["cache", "gc", *options], state, RepositoryError))

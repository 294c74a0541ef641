"""What can go wrong: one hierarchy, with `VclustError` at its root.

Every exception has `message`, what went wrong and the way out, and `causes`, what led to it, the nearest
first. Further attributes are the fields of the Rust error; one that does not apply is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


class VclustError(Exception):
    """Something that vclust cannot do."""

    message: str
    causes: list[str]

    def __init__(self, message: str, causes: Sequence[str] = (), **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.causes = list(causes)
        for name, value in fields.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        return ": ".join([self.message, *self.causes])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message,), dict(self.__dict__)


class FileError(VclustError):
    """A file cannot be read."""

    path: Path | None = None


class ResolveError(VclustError):
    """A request has no closure."""

    #: The chain that fails, a step each.
    explanation: list[str]


class UnknownPackageError(ResolveError):
    """No package and no provider is called so."""

    package: str
    #: Names close to it.
    similar: list[str]


class VirtualPackageError(ResolveError):
    """Several packages provide the name."""

    package: str
    providers: list[str]


class NoCandidateError(ResolveError):
    """The package exists, but no version of it may be installed."""

    package: str


class NoSuchVersionError(ResolveError):
    """The package does not have the version asked for."""

    package: str
    wanted: str
    available: list[str]


class BrokenRootError(ResolveError):
    """The root already lacks something that its packages need."""


class UnsatisfiableError(ResolveError):
    """Relations contradict each other or name what does not exist."""


class IndexFileError(VclustError):
    """A file is no package index, or a damaged one."""

    path: Path | None = None
    line: int | None = None
    package: str | None = None
    field: str | None = None


class NoIndexesError(VclustError):
    """The machine has no package indexes."""


class AptConfigurationError(VclustError):
    """The machine's configuration of apt cannot be used."""


class MirrorError(VclustError):
    """An archive's indexes cannot be fetched, or are not what they should be."""


class StateDirectoryError(VclustError):
    """There is no place for what vclust keeps."""


class MetaPackageError(VclustError):
    """A meta-package does not exist, or a file of them is not one."""

    name: str | None = None
    suggestions: list[str] | None = None


class PatternError(VclustError):
    """A text is no regular expression."""

    pattern: str


class SpecError(VclustError):
    """A spec says what cannot be."""

    path: Path | None = None


class SizeError(VclustError, ValueError):
    """A text is no amount of bytes."""


class VersionError(VclustError, ValueError):
    """A text is no version that dpkg would accept."""


class HistoryError(VclustError):
    """A history cannot be read, or an event could not have happened."""

    path: Path | None = None
    #: The line that holds no possible event, the first being 1.
    line: int | None = None


class SelectionError(VclustError):
    """No image or strategy can be used."""

    #: How many images there are that cannot be used.
    unusable: int | None = None


class PolicyError(VclustError):
    """There is no such cache policy, or it does not take such parameters."""


class ImageListingError(VclustError):
    """A listing of images cannot be used."""

    path: Path | None = None


class RepositoryError(VclustError):
    """The repository of images does not answer."""

    path: Path | None = None


class UnknownImageError(RepositoryError):
    """No image has that name."""

    name: str
    near: list[str]


class BuildError(VclustError):
    """An image cannot be built; `causes` say why."""


class SiteError(VclustError):
    """A site cannot be simulated."""


class ClusterError(VclustError):
    """A cluster does not come up or go down; `causes` say why."""


class CancelledError(ClusterError):
    """The start was stopped on request; nothing of the cluster is left."""

"""What the tests share: this machine's packages, and a small universe that is made up."""

import subprocess
from pathlib import Path

import pytest

import vclust

UNIVERSE = """\
Package: base
Essential: yes
Version: 1.0
Architecture: amd64
Size: 1000
Installed-Size: 10
Description: what every root has

Package: apt
Version: 2.6
Architecture: amd64
Depends: base
Size: 2000
Installed-Size: 20
Description: installs packages

Package: tool
Version: 3.1-2
Source: tools (3.1)
Architecture: amd64
Depends: library (>= 2), mail-agent
Recommends: manual
Section: math
Size: 3000
Installed-Size: 30
Description: a tool for tests
 In several lines.

Package: library
Version: 2.0
Architecture: amd64
Depends: base
Size: 4000
Installed-Size: 40
Description: what the tool is made of

Package: library
Version: 1.0
Architecture: amd64
Size: 3500
Installed-Size: 35
Description: an older one

Package: agent
Version: 1
Architecture: all
Provides: mail-agent
Size: 500
Installed-Size: 5
Description: sends mail

Package: manual
Version: 1
Architecture: all
Size: 700
Installed-Size: 7
Description: what nobody reads

Package: impossible
Version: 1
Architecture: amd64
Depends: tool (>= 9)
Size: 1
Installed-Size: 1
Description: needs what there is not
"""


@pytest.fixture(scope="session")
def packages_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Packages file of the made-up universe."""
    path = tmp_path_factory.mktemp("universe") / "Packages"
    path.write_text(UNIVERSE)
    return path


@pytest.fixture(scope="session")
def small(packages_file: Path) -> vclust.Index:
    """The index of the made-up universe, with a minimal root."""
    return vclust.Index.from_files([packages_file], root="minimal", architecture="amd64")


@pytest.fixture(scope="session")
def machine() -> vclust.Index:
    """The index of this machine's apt, with a minimal root."""
    try:
        return vclust.Index.of_machine(root="minimal")
    except vclust.errors.NoIndexesError:
        pytest.fail("apt has no package lists: `scripts/setup python` has them fetched")


@pytest.fixture(scope="session")
def history() -> vclust.History:
    """What the demo's past is: requests."""
    return vclust.History.read(repository() / "demo" / "requests.jsonl")


def repository() -> Path:
    """The project's directory."""
    return Path(__file__).resolve().parents[2]


def run(*command: str, **options: object) -> "subprocess.CompletedProcess[str]":
    """A program's outcome; its failure is for the test to judge."""
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        command, capture_output=True, text=True, check=False, **options
    )

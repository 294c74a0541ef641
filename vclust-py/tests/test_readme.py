"""The Python of README.md is run as it stands there."""

import re
from pathlib import Path

import pytest

from conftest import repository

BLOCK = re.compile(r"```python make=test-python\n(.*?)```", re.DOTALL)


def test_the_readme_does_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VCLUST_STATE_DIR", str(tmp_path / "state"))
    page = repository() / "README.md"
    blocks = BLOCK.findall(page.read_text())
    assert blocks
    for block in blocks:
        exec(compile(block, str(page), "exec"), {})

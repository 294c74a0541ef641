"""Every block of the book's page is run, in its order; those that start machines where that is asked for."""

import os
import re
from pathlib import Path

import pytest

from conftest import repository

PAGE = repository() / "docs" / "src" / "python.md"
BLOCK = re.compile(r"(<!-- starts machines -->\n)?```python\n(.*?)```", re.DOTALL)


def test_the_page_of_the_book_does_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VCLUST_STATE_DIR", str(tmp_path / "state"))
    text = PAGE.read_text()
    blocks = list(BLOCK.finditer(text))
    assert len(blocks) >= 10
    names: dict[str, object] = {}
    for block in blocks:
        line = text[: block.start(2)].count("\n")
        # so that a traceback has the lines of the page
        code = compile("\n" * line + block.group(2), str(PAGE), "exec")
        if block.group(1) and os.environ.get("VCLUST_TEST_CLUSTERS") != "1":
            continue
        exec(code, names)


def test_the_page_names_nothing_that_there_is_not() -> None:
    import vclust

    text = PAGE.read_text()
    for name in set(re.findall(r"\bvclust\.(\w+)", text)) - {"git"}:
        assert hasattr(vclust, name), name

"""vclust's command line as a process of its own, for what takes rights of root or must be stoppable.

The command gets such rights from a user namespace where there are no others, and leaves nothing behind wherever it
is stopped. Its JSON is a contract.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vclust.errors import VclustError

#: Lines of diagnostics that an error quotes.
_QUOTED = 5


def environment(state: str | os.PathLike[str] | None) -> dict[str, str]:
    """What the process finds in its environment."""
    found = dict(os.environ)
    # the child is to import this very package, and nothing from the directory where it runs
    paths = [str(Path(__file__).parent.parent), found.get("PYTHONPATH", "")]
    found["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    found["PYTHONSAFEPATH"] = "1"
    found.pop("VCLUST_FORMAT", None)
    if state is not None:
        found["VCLUST_STATE_DIR"] = os.fspath(state)
    return found


def command(arguments: Sequence[str]) -> list[str]:
    """The command line of the process."""
    return [sys.executable, "-m", "vclust", "--format", "json", *arguments]


def answer_of(
    output: str, diagnostics: Sequence[str], code: int, failure: type[VclustError]
) -> Any:
    """The command's answer, or the error that it is."""
    try:
        answer = json.loads(output)
    except ValueError:
        answer = None
    if code == 0 and answer is not None:
        return answer
    if isinstance(answer, dict) and "error" in answer:
        raise failure(answer["error"], answer.get("explanation", ()))
    last = [line for line in diagnostics if line.strip()][-_QUOTED:]
    raise failure(f"vclust ended with code {code}", last)


def run(
    arguments: Sequence[str],
    state: str | os.PathLike[str] | None,
    failure: type[VclustError],
) -> Any:
    """Runs the command and waits for its answer. An exception meanwhile, such as `KeyboardInterrupt`, stops
    it, and waits until it has cleaned up."""
    with subprocess.Popen(
        command(arguments),
        env=environment(state),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            output, diagnostics = process.communicate()
        except BaseException:
            process.send_signal(signal.SIGINT)
            process.communicate()
            raise
    return answer_of(output, diagnostics.splitlines(), process.returncode, failure)

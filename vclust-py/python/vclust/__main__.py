"""`python -m vclust`: vclust's command line."""

import os
import sys
from pathlib import Path

from vclust._native import run


def main() -> int:
    """Runs the command line with this process's arguments; gives the code to exit with."""
    # Commands that start themselves again, as root of a user namespace or as a worker, start the
    # interpreter that the kernel knows: not that of a virtual environment, which is a link to it.
    paths = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(path for path in paths if path))
    return run(["vclust", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())

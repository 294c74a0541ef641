#!/usr/bin/env python3
"""Slurm's ResumeProgram: starts a machine of vclust for each node of the host list in its first argument.

`vclust_slurm.py` beside it says how nodes and machines belong together. Slurm wants a path and no arguments,
so a wrapper such as this one goes into slurm.conf:

    #!/bin/sh
    export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
    exec python3 /path/to/examples/slurm/resume.py "$@"
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from vclust_slurm import Site

site = Site()
wanted = site.packages()
with ThreadPoolExecutor() as pool:
    started = [
        pool.submit(site.bring_up, node, wanted.get(node, [])) for node in site.nodes(sys.argv[1])
    ]
    for one in started:
        one.result()

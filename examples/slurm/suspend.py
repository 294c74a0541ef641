#!/usr/bin/env python3
"""Slurm's SuspendProgram: removes the machines of the nodes in its first argument; see `resume.py`."""

import sys

from vclust_slurm import Site

site = Site()
for node in site.nodes(sys.argv[1]):
    site.take_down(node)

#!/usr/bin/env python3
"""Learns how long installs take from a history, and plots what is predicted against what was measured.

    python3 examples/learning.py                            the project's own measurements
    python3 examples/learning.py --history H.jsonl          others, such as `vclust history export` writes
    python3 examples/learning.py --plot learning.svg        needs matplotlib; .png works, too

It reads like a notebook: each step is a cell (`# %%`), and can be run alone in an editor that knows them. Half
of the installs, drawn by a seed, are learned from; the others are predicted by what vclust learned and by the
paper's straight line over package size, and compared with what they took.
"""

# %% What to learn from
from __future__ import annotations

import argparse
import random
import statistics
import sys
from pathlib import Path

import vclust

DATA = Path(__file__).resolve().parent.parent / "benches" / "data"

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--history", type=Path, default=DATA / "installs.jsonl", help="JSON lines")
parser.add_argument(
    "--packages-file", type=Path, action="append", help="the packages that the history is about"
)
parser.add_argument("--plot", type=Path, help="where to plot, .svg or .png")
parser.add_argument("--seed", type=int, default=1, help="which half is learned from")
arguments = parser.parse_args()

index = vclust.Index.from_files(arguments.packages_file or [DATA / "packages"])
installs = [
    event
    for event in vclust.History.read(arguments.history).events("install")
    if isinstance(event, vclust.InstallEvent)
]
if len(installs) < 4:
    sys.exit(f"learning: {arguments.history} has {len(installs)} installs; that is too few to learn from")

# %% Half of it to learn from. Runs of the same packages stay together, or the test would know the answer.
sets = sorted({tuple(sorted(one.package for one in event.packages)) for event in installs})
random.Random(arguments.seed).shuffle(sets)
known = set(sets[: len(sets) // 2])
train, test = [], []
for event in installs:
    names = tuple(sorted(one.package for one in event.packages))
    (train if names in known else test).append(event)
print(f"{len(train)} installs to learn from, {len(test)} to predict, {len(sets)} sets of packages")

# %% What is predicted
estimators = [vclust.InstallLine(index), vclust.InstallEstimator(index)]
predicted: dict[str, list[vclust.Estimate]] = {}
for estimator in estimators:
    estimator.learn(train)
    answers = [estimator.estimate(event.packages, nodes=event.nodes) for event in test]
    predicted[estimator.name] = [answer for answer in answers if answer is not None]
measured = [event.seconds for event in test]

# %% How far off
print(f"{'estimator':28} {'median error':>12} {'worst':>8} {'inside interval':>16}")
for name, estimates in predicted.items():
    errors = [abs(one.seconds / took - 1) for one, took in zip(estimates, measured, strict=True)]
    inside = [one.covers(took) for one, took in zip(estimates, measured, strict=True)]
    share = sum(inside) / len(inside)
    print(f"{name:28} {statistics.median(errors):>12.1%} {max(errors):>8.1%} {share:>16.0%}")

# %% Predicted against measured
if arguments.plot is not None:
    try:
        import matplotlib
    except ImportError:
        sys.exit("learning: matplotlib is not installed, so there is no plot; leave --plot out")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 6))
    least, most = min(measured) / 2, max(measured) * 2
    axes.plot([least, most], [least, most], color="0.6", linewidth=1, label="as measured")
    for (name, estimates), mark in zip(predicted.items(), "xo", strict=True):
        below = [one.seconds - one.low for one in estimates]
        above = [one.high - one.seconds for one in estimates]
        axes.errorbar(
            measured,
            [one.seconds for one in estimates],
            yerr=[below, above],
            fmt=mark,
            markersize=5,
            elinewidth=0.5,
            label=name,
        )
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(least, most),
        ylim=(least, most),
        xlabel="measured seconds",
        ylabel="predicted seconds, with the 90 % interval",
        title=f"Installs that were not learned from ({len(test)})",
    )
    axes.legend()
    figure.savefig(arguments.plot)
    print(f"plotted to {arguments.plot}")

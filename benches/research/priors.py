#!/usr/bin/env python3
"""Writes the install estimator's shipped priors (vclust-core/data/estimates) and prints its coefficients.

usage: priors.py DIRECTORY OUTPUT

DIRECTORY holds contents.tsv (file counts a package, from Debian's Contents indexes), debtable.tsv (what
maintainer scripts call, from .debs), and measured_quiet.jsonl and measured_loaded.jsonl (our own timed
dpkg runs in the format of installs.jsonl). The runs of benches/data/installs.jsonl are never read.
Needs numpy, scipy and the modules features.py and model2.py of the research in the same directory.
"""
import gzip
import json
import sys
from collections import defaultdict

import numpy as np

SOURCE, OUTPUT = sys.argv[1:3]
sys.path.insert(0, SOURCE)
import model2 as model  # noqa: E402

facts, index_facts = model.Facts(True), model.Facts(False)
GAMMA = 0.045


def runs(name, quiet):
    for line in open(f"{SOURCE}/{name}"):
        run = json.loads(line)
        if run["rc"] == [0, 0]:
            yield dict(run, quiet=quiet)


measured = list(runs("measured_quiet.jsonl", True)) + list(runs("measured_loaded.jsonl", False))
quiet_names = {p["package"] for run in measured if run["quiet"] for p in run["packages"]}


def normalised(theta, beta):
    """Seconds by package with each run's speed (median log ratio to the model) taken out."""
    unpack, configure, speeds = defaultdict(list), defaultdict(list), []
    for run in measured:
        size = (len(run["packages"]) / 40) ** GAMMA
        step = [(s["package"], s["seconds"]) for s in run["steps"] if s["step"] == "unpack"]
        predicted = size * model.ueval(theta, np.array([facts(p)["u"] for p, _ in step]))
        slow = np.median(np.log([s for _, s in step]) - np.log(predicted))
        keep = lambda p: run["quiet"] or p not in quiet_names
        for p, seconds in step:
            if keep(p):
                unpack[p].append(seconds / size / np.exp(slow))
        step = [(s["package"], max(s["seconds"], 3e-4)) for s in run["steps"] if s["step"] == "configure"]
        predicted = np.array([facts(p)["c"] @ beta[facts(p)["t"]] for p, _ in step])
        both = 0.5 * slow + 0.5 * np.median(np.log([s for _, s in step]) - np.log(predicted))
        for p, seconds in step:
            if keep(p):
                configure[p].append(seconds / np.exp(both))
        if run["quiet"]:
            speeds.append((run["load"], slow, both))
    return unpack, configure, speeds


def fit():
    theta, beta = model.UT0[:8], {True: model.B0, False: model.BG0}
    for _ in range(4):
        unpack, configure, speeds = normalised(theta, beta)
        names = list(unpack)
        theta = model.fit_u(
            np.array([facts(p)["u"] for p in names]),
            np.array([np.median(unpack[p]) for p in names]),
            np.array([len(unpack[p]) for p in names]), model.UT0, 0.7)
        names = list(configure)
        medians = np.array([np.median(configure[p]) for p in names])
        deb = [i for i, p in enumerate(names) if facts(p)["t"]]
        beta = {
            True: model.fit_c(np.array([facts(names[i])["c"] for i in deb]), medians[deb], model.B0, 0.5),
            False: model.fit_c(np.array([index_facts(p)["c"] for p in names]), medians, model.BG0, 0.5),
        }
    return theta, beta, unpack, configure, speeds


theta, beta, unpack, configure, speeds = fit()
calm = sorted(speeds)[: len(speeds) // 4]
print("// slowness of the calmest quarter of quiet runs:", np.round(np.exp(np.median(calm, axis=0)), 3)[1:])
print("unpack   ", ", ".join(f"{x:.3e}" for x in theta))
print("configure", ", ".join(f"{n} {x:.3e}" for n, x in zip(model.CF, beta[True])))
print("by index ", ", ".join(f"{n} {x:.3e}" for n, x in zip(model.CG, beta[False])))

COUNTS = ["files", "dirs", "etc", "py", "so", "unit", "initd", "bin"]
FACTS = ["files", "dirs", "links", "kb", "postinst", "preinst", "confnum", "dsh", "dshuser", "py3c", "alt",
         "adduser", "debconf", "ucf", "dmh", "rcd", "find", "perlpy", "ldtrig", "interest"]


def table(name, header, rows):
    with open(f"{OUTPUT}/{name}.tsv.gz", "wb") as raw, gzip.GzipFile("", "wb", 9, raw, 0) as out:
        for row in [header] + rows:
            out.write(("\t".join(row).rstrip("\t") + "\n").encode())


with open(f"{SOURCE}/contents.tsv") as lines:
    columns = next(lines).rstrip("\n").split("\t")
    contents = {row[0]: dict(zip(columns, row)) for row in (l.rstrip("\n").split("\t") for l in lines)}
blank = lambda value: "" if value in (0, "0") else str(value)
by_bytes = lambda names: sorted(names, key=str.encode)
table("contents", ["package"] + COUNTS,
      [[p] + [blank(contents[p][c]) for c in COUNTS] for p in by_bytes(contents)])
reference = lambda v: ["%.5f" % np.median(v), str(len(v))] if v else ["", ""]
table("debs", ["package"] + FACTS + ["configure", "configure_runs", "unpack", "unpack_runs"],
      [[p] + [blank(facts.t[p][c]) for c in FACTS] + reference(configure.get(p))
       + reference(unpack.get(p) if p in quiet_names else None) for p in by_bytes(facts.t)])

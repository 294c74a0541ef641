#!/usr/bin/python3
"""Compares `vclust resolve` with apt over random requests and reports every difference.

apt answers first, in-process; wherever vclust then differs, the real `apt-get -s` is asked too and
has the last word. Two answers agree when they install the same versions and remove the same
packages, or when both refuse. The exit code is 0 if the share that agrees reaches `--require`.
"""

import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import time

import draw_requests
from oracle import Answer, answer_all, answer_of_apt_get
from universe import Universe, default_directory, say


# Requests that vclust once answered differently, reduced to the least that shows it.
HARD = pathlib.Path(__file__).parent / "hard.jsonl"


def read_requests(path):
    """The requests in a file of JSON lines."""
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def answer_of_vclust(command, universe, request):
    """What `vclust resolve` says; anything but an answer or a refusal is a failure of its own."""
    arguments = [command, "resolve", "--format", "json", "--architecture", universe.architecture]
    for file in universe.packages_files():
        arguments += ["--packages-file", str(file)]
    arguments += ["--installed", str(universe.status(request["root"]))]
    if request["recommends"]:
        arguments.append("--install-recommends")
    arguments += ["--", *request["names"]]
    done = subprocess.run(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    try:
        document = json.loads(done.stdout)
    except json.JSONDecodeError:
        raise SystemExit(
            f"vclust exits with {done.returncode} and prints no JSON document\n"
            f"  command: {' '.join(arguments)}\n  standard error: {done.stderr.strip()}"
        ) from None
    if done.returncode == 1 and "error" in document:
        return Answer(error=document["error"])
    if done.returncode != 0:
        raise SystemExit(f"vclust exits with {done.returncode}: {' '.join(arguments)}")
    install = {
        _name(entry, universe): entry["version"] for entry in document["install"]
    }
    remove = [_name(entry, universe) for entry in document["remove"]]
    return Answer(install, remove)


def _name(entry, universe):
    if isinstance(entry, str):
        return entry.removesuffix(f":{universe.architecture}")
    architecture = entry.get("architecture", "all")
    native = architecture in ("all", universe.architecture)
    return entry["package"] if native else f"{entry['package']}:{architecture}"


def compare(universe, command, requests):
    """Answers every request both ways; returns the report."""
    start = time.monotonic()
    say(f"asking apt for {len(requests)} answers")
    expected = answer_all(universe, requests)
    say(f"asking vclust for {len(requests)} answers")
    results, seconds = [], []
    for request, (theirs, _) in zip(requests, expected):
        before = time.monotonic()
        ours = answer_of_vclust(command, universe, request)
        seconds.append(time.monotonic() - before)
        if ours != theirs:
            theirs = answer_of_apt_get(universe, request)
        agrees = ours == theirs
        results.append({
            "request": request,
            "agrees": agrees,
            "apt": theirs.error or theirs.summary(),
            "vclust": ours.error or ours.summary(),
            "refused": bool(theirs.error),
            "differences": [] if agrees else ours.differences(theirs, "vclust", "apt"),
        })
    agreed = sum(result["agrees"] for result in results)
    return {
        "requests": len(requests),
        "agreed": agreed,
        "share": agreed / max(len(requests), 1),
        "kinds": _by_kind(results),
        "seconds": round(time.monotonic() - start, 1),
        "apt_median_seconds": _median([taken for _, taken in expected]),
        "vclust_median_seconds": _median(seconds),
        "differences": [result for result in results if not result["agrees"]],
    }


def _by_kind(results):
    kinds = collections.defaultdict(lambda: {"requests": 0, "refused": 0, "agreed": 0})
    for result in results:
        kind = kinds[result["request"]["kind"]]
        kind["requests"] += 1
        kind["refused"] += result["refused"]
        kind["agreed"] += result["agrees"]
    return dict(sorted(kinds.items()))


def _median(numbers):
    return round(sorted(numbers)[len(numbers) // 2], 4) if numbers else None


def show(report, limit):
    """Prints the differences in full, then the table."""
    for result in report["differences"]:
        print(f"DIFFERENT {json.dumps(result['request'])}")
        lines = result["differences"]
        for line in lines[:limit]:
            print(f"  {line}")
        if len(lines) > limit:
            print(f"  and {len(lines) - limit} lines more, in the JSON report")
    print(f"{'kind':20} {'requests':>8} {'apt refuses':>12} {'agree':>6}")
    for kind, counts in report["kinds"].items():
        numbers = f"{counts['requests']:>8} {counts['refused']:>12} {counts['agreed']:>6}"
        print(f"{kind:20} {numbers}")
    print(
        f"median per request: apt in-process {1000 * report['apt_median_seconds']:.0f} ms, "
        f"the whole process `vclust resolve` {1000 * report['vclust_median_seconds']:.0f} ms"
    )
    failed = report["requests"] - report["agreed"]
    print(f"{100 * report['share']:.2f} % agree, in {report['seconds']} s")
    print(f"agreement: {report['agreed']} passed, {failed} failed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vclust", required=True, help="the vclust binary")
    parser.add_argument("--directory", default=default_directory())
    parser.add_argument("-n", "--number", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", action="append", help="only requests of this kind")
    parser.add_argument("--require", type=float, default=100.0, help="per cent that must agree")
    parser.add_argument("--report", type=pathlib.Path, help="where to write the JSON report")
    parser.add_argument("--lines", type=int, default=1000, help="lines shown per difference")
    parser.add_argument("--requests", type=pathlib.Path, help="JSON lines instead of a draw")
    arguments = parser.parse_args()
    if not os.access(arguments.vclust, os.X_OK):
        sys.exit(f"{arguments.vclust} is not there: build it first (make build)")
    universe = Universe(arguments.directory).prepare()
    if arguments.requests:
        requests = read_requests(arguments.requests)
    else:
        requests = draw_requests.draw(
            universe, arguments.number, arguments.seed, arguments.kind
        )
        if not arguments.kind:
            requests += read_requests(HARD)
    report = compare(universe, str(pathlib.Path(arguments.vclust).resolve()), requests)
    show(report, arguments.lines)
    if arguments.report:
        arguments.report.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        say(f"report: {arguments.report}")
    sys.exit(0 if 100 * report["share"] >= arguments.require else 1)


if __name__ == "__main__":
    main()

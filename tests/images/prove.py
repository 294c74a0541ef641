#!/usr/bin/python3
"""Proves that images are what dpkg would have made: compares them with mmdebstrap's roots.

For the minimal images, the paper's two configurations and sets drawn by a seed, `vclust cache build`
makes an image and mmdebstrap a root of the same packages in the same versions from the same archives.
Every path has to agree in type, mode, owner, content, links and attributes, unless
`differences.toml` names it with a reason. In the image, `dpkg --audit` and `dpkg --verify` must have
nothing to say. With --twice each image is built once more, later, on one processor and with its time given
through SOURCE_DATE_EPOCH, and has to be the same to the last byte. The exit code is 0 if all of that
holds.
"""

import argparse
import glob
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

import tree

HERE = pathlib.Path(__file__).parent
REQUESTS = HERE.parent.parent / "benches/data/installs.jsonl"
# The paper's two configurations, as Debian 12 has them.
PAPER = {
    "paper-c-mpi": ["build-essential", "openmpi-bin", "libopenmpi-dev"],
    "paper-c-mpi-octave": ["build-essential", "openmpi-bin", "libopenmpi-dev", "octave"],
}


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, **options):
    """Runs a program to its end; its outputs are shown if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-3000:]}{done.stderr[-6000:]}")
    return done.stdout


def draw(count, seed):
    """Package sets that somebody asked for, drawn by a seed: (name, packages)."""
    lines = REQUESTS.read_text(encoding="utf-8").splitlines()
    asked = sorted({tuple(sorted(json.loads(line)["request"])) for line in lines})
    chosen = random.Random(seed).sample(asked, min(count, len(asked)))
    return [(f"drawn-{number}", list(packages)) for number, packages in enumerate(chosen)]


def archives():
    """The machine's package sources, as files that mmdebstrap understands."""
    files = sorted(glob.glob("/etc/apt/sources.list.d/*.sources"))
    files += sorted(glob.glob("/etc/apt/sources.list.d/*.list"))
    if os.path.exists("/etc/apt/sources.list"):
        files.append("/etc/apt/sources.list")
    return files


def suite():
    """The machine's own release."""
    with open("/etc/os-release", encoding="utf-8") as file:
        fields = dict(line.strip().split("=", 1) for line in file if "=" in line)
    return fields["VERSION_CODENAME"].strip('"')


def theirs(packages, target, epoch):
    """mmdebstrap's root of exactly these packages: essential ones first, then the rest through apt."""
    names = [f"{package['package']}={package['version']}" for package in packages]
    merged = "usr-is-merged" in {package["package"] for package in packages}
    preference = r"Package: usrmerge\nPin: release *\nPin-Priority: -1\n"
    directory = '"$1"/etc/apt/preferences.d'
    command = ["mmdebstrap", "--mode=root", "--variant=essential", "--format=directory"]
    links = "for d in bin sbin lib lib64; do mkdir -p \"$1\"/usr/$d; ln -s usr/$d \"$1\"/$d; done"
    command += [f"--setup-hook={links}"]
    if merged:
        # apt would take the other package that essential ones can do with
        command += [
            f"--setup-hook=mkdir -p {directory}; printf '{preference}' > {directory}/vclust",
            f"--customize-hook=rm {directory}/vclust",
        ]
    command += [f"--include={','.join(names)}", suite(), str(target), *archives()]
    # what it mounts and starts is gone with it, even if it is killed
    alone = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    # mmdebstrap hands its environment to maintainer scripts, and some tell Python what to compile
    handed_on = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    run([*alone, *command], env={**handed_on, "SOURCE_DATE_EPOCH": str(epoch)})


def status(root):
    """The paragraphs of dpkg's status, by package."""
    text = pathlib.Path(root, "var/lib/dpkg/status").read_text(encoding="utf-8")
    return {paragraph.split("\n", 1)[0]: paragraph for paragraph in text.strip().split("\n\n")}


def built_again(arguments, command, environment, first, ours):
    """Builds an image once more under other circumstances; tells what differs from the first."""
    show = [arguments.vclust, "--format", "json", "cache", "show"]
    manifest = json.loads(run([*show, first["id"]], env=environment))["manifest"]
    processor = min(os.sched_getaffinity(0))
    other = {**environment, "SOURCE_DATE_EPOCH": str(manifest["source_date_epoch"])}
    second = json.loads(run(["taskset", "--cpu-list", str(processor), *command, "--rebuild"], env=other))
    again = json.loads(run([*show, second["id"]], env=environment))["manifest"]
    files = {product["name"]: product["sha256"] for product in manifest["products"]}
    found = {product["name"]: product["sha256"] for product in again["products"]}
    problems = [f"built again: {file} differs" for file in files.keys() | found.keys() if files.get(file) != found.get(file)]
    if second["id"] != first["id"]:
        target = arguments.directory / "again"
        shutil.rmtree(target, ignore_errors=True)
        run([arguments.vclust, "--format", "json", "cache", "export", second["id"], str(target)], env=environment)
        differences = tree.compare(tree.walk(ours, times=True), tree.walk(target, times=True), tree.Allowed.nothing())
        problems += [f"built again: {path}: {what} was {one}, is {two}" for path, told in differences for what, one, two in told]
        shutil.rmtree(target)
    return problems


def prove(arguments, name, variant, packages, allowed):
    """Builds one image and its counterpart, and tells how they differ."""
    vclust = [arguments.vclust, "--format", "json"]
    environment = {**os.environ, "VCLUST_STATE_DIR": str(arguments.directory / "state")}
    command = [*vclust, "cache", "build", "--variant", variant]
    if packages:
        command += ["--packages", ",".join(packages)]
    built = json.loads(run(command, env=environment))
    ours, counterpart = arguments.directory / "ours", arguments.directory / "theirs"
    for path in (ours, counterpart):
        shutil.rmtree(path, ignore_errors=True)
    run([*vclust, "cache", "export", built["id"], str(ours)], env=environment)
    shown = json.loads(run([*vclust, "cache", "show", built["id"]], env=environment))
    start = time.monotonic()
    theirs(built["packages"], counterpart, shown["manifest"]["source_date_epoch"])
    seconds = time.monotonic() - start
    again = built_again(arguments, command, environment, built, ours) if arguments.twice else []
    differences = tree.compare(tree.walk(ours), tree.walk(counterpart), allowed)
    here, there = status(ours), status(counterpart)
    problems = [f"{path}: {what} is {mine}, mmdebstrap's {other}" for path, told in differences for what, mine, other in told]
    problems += [f"dpkg's status of {key} differs" for key in here.keys() | there.keys() if here.get(key) != there.get(key)]
    for check in ("--audit", "--verify"):
        said = run(["chroot", str(ours), "dpkg", check]).strip()
        # what an image leaves out on purpose is missing for dpkg
        lines = [line for line in said.splitlines() if not allowed.reason(line.split()[-1])]
        problems += [f"dpkg {check}: {line}" for line in lines]
    problems += again
    for path in (ours, counterpart):
        if not arguments.keep:
            shutil.rmtree(path)
    if not arguments.keep:
        run([*vclust, "cache", "gc", "--budget", "1GB"], env=environment)
    count = len(built["packages"])
    say(f"{name}: {count} packages, {len(problems)} differences (vclust {built['seconds']:.1f} s, mmdebstrap {seconds:.1f} s)")
    for problem in problems[:40]:
        say(f"  {problem}")
    return {"name": name, "variant": variant, "request": packages, "packages": count, "problems": problems}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vclust", required=True, help="the command to test")
    parser.add_argument("--directory", required=True, type=pathlib.Path, help="where images and roots are made")
    parser.add_argument("--sets", type=int, default=20, help="how many package sets are drawn (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="what they are drawn by (default: %(default)s)")
    parser.add_argument("--only", action="append", default=[], help="prove only the case of this name; can be repeated")
    parser.add_argument("--twice", action="store_true", help="build each image once more, and compare the bytes")
    parser.add_argument("--keep", action="store_true", help="leave the last two trees, and all images")
    parser.add_argument("--report", type=pathlib.Path, help="write what was found as JSON")
    arguments = parser.parse_args()
    arguments.directory = arguments.directory.resolve()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    cases = [("minbase", "minbase", []), ("minimal", "minimal", [])]
    cases += [(name, "minimal", packages) for name, packages in PAPER.items()]
    cases += [(name, "minimal", packages) for name, packages in draw(arguments.sets, arguments.seed)]
    if arguments.only:
        cases = [case for case in cases if case[0] in arguments.only]
    allowed = tree.Allowed(HERE / "differences.toml")
    results = [prove(arguments, *case, allowed) for case in cases]
    wrong = [result["name"] for result in results if result["problems"]]
    if arguments.report:
        report = {"cases": results, "allowed": allowed.used}
        arguments.report.write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(f"{len(results)} images compared with mmdebstrap's, {len(wrong)} differ{': ' if wrong else ''}{', '.join(wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

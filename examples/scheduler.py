#!/usr/bin/env python3
"""A scheduler in Python: clusters on several sites, so that all are ready soon and no host is overfull.

It does what the Rust crate beside it (`scheduler/`) does, on the same sites, requests and history, and
shows the predictions as a data frame: of pandas, of polars, or of neither where none is installed.

    python3 examples/scheduler.py                     packages of this machine's apt
    python3 examples/scheduler.py Packages...         of these files

vclust says how long each site would take for each cluster, given its images and what it measured. The rest
is the scheduler's own: a cluster goes where it adds least to the seconds until all are ready, the largest
first, and single clusters are moved as long as that helps.
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vclust

DATA = Path(__file__).resolve().parent / "scheduler"
#: The paper's policy: what half of the last twenty requests have is kept in an image.
POLICY = "paper:20,50"

Predictions = dict[tuple[str, str], vclust.Candidate]


@dataclass(frozen=True)
class Host:
    """What a host has to give."""

    memory: int
    processors: int


@dataclass(frozen=True)
class Site:
    """A physical cluster."""

    name: str
    cache: str
    hosts: tuple[Host, ...]


def scenario() -> tuple[list[Site], list[vclust.ClusterSpec], vclust.History]:
    """The sites, the clusters that are asked for, and what was measured."""
    sites = []
    for site in tomllib.loads((DATA / "sites.toml").read_text())["site"]:
        hosts = [
            # a spec reads amounts of memory with their units
            Host(vclust.ClusterSpec("host", 1, memory=kind["memory"]).memory, kind["processors"])
            for kind in site["hosts"]
            for _ in range(kind["count"])
        ]
        sites.append(Site(site["name"], site["cache"], tuple(hosts)))
    requests = tomllib.loads((DATA / "requests.toml").read_text())["cluster"]
    specs = [
        vclust.ClusterSpec(
            one.pop("name"), one.pop("nodes"), **{key.replace("-", "_"): one[key] for key in one}
        )
        for one in requests
    ]
    return sites, specs, vclust.History.read(DATA / "history.jsonl")


def predict(
    source: vclust.PackageSource | None,
    sites: list[Site],
    specs: list[vclust.ClusterSpec],
    history: vclust.History,
) -> Predictions:
    """For each cluster and each site, the quickest way and what it would take."""
    source = source or vclust.PackageSource()
    index = source.load(**vclust.Planner(source, images=[], history=history).root())
    predictions = {}
    for site in sites:
        asked = vclust.History(history.events("request", site=site.name))
        resolved = vclust.ResolvedRequests(index, asked)
        _, images = resolved.replay(
            POLICY, nodes=4, budget=site.cache, history=history, site=site.name
        )
        planner = vclust.Planner(source, images=images, history=history, site=site.name)
        for spec in specs:
            predictions[spec.name, site.name] = planner.plan(spec, index=index).feasible
    return predictions


def frame(predictions: Predictions) -> Any:
    """The predictions as a data frame, one row each: pandas's, polars's, or a list of dictionaries."""
    rows = [
        {
            "cluster": cluster,
            "site": site,
            "strategy": candidate.strategy,
            "image": candidate.image,
            "missing": candidate.missing,
            "seconds": candidate.total.seconds,
            "low": candidate.total.low,
            "high": candidate.total.high,
        }
        for (cluster, site), candidate in predictions.items()
    ]
    for library in ("pandas", "polars"):
        try:
            return __import__(library).DataFrame(rows)
        except ImportError:
            continue
    return rows


def pack(site: Site, specs: list[vclust.ClusterSpec]) -> dict[str, list[int]] | None:
    """A host for each node, or None if they do not all fit; best fit, the largest nodes first."""
    free = [[host.memory, host.processors] for host in site.hosts]
    places: dict[str, list[int]] = {spec.name: [] for spec in specs}
    for spec in sorted(specs, key=lambda spec: (-spec.memory, -spec.processors)):
        for _ in range(spec.nodes):
            fits = [
                (memory, number)
                for number, (memory, processors) in enumerate(free)
                if memory >= spec.memory and processors >= spec.processors
            ]
            if not fits:
                return None
            _, number = min(fits)
            free[number][0] -= spec.memory
            free[number][1] -= spec.processors
            places[spec.name].append(number)
    return places


class Placement:
    """Which cluster is on which site."""

    def __init__(
        self, sites: list[Site], specs: list[vclust.ClusterSpec], predictions: Predictions
    ) -> None:
        self.specs = {spec.name: spec for spec in specs}
        self.sites = {site.name: site for site in sites}
        self.predictions = predictions
        self.site_of: dict[str, str | None] = dict.fromkeys(self.specs)

    def on(self, site: str) -> list[vclust.ClusterSpec]:
        """The clusters of a site."""
        return [self.specs[name] for name, there in self.site_of.items() if there == site]

    def schedule(self, site: str) -> dict[str, float]:
        """When each cluster of a site is ready: they come up one by one, the quickest first."""
        seconds = {spec.name: self.predictions[spec.name, site].total.seconds for spec in self.on(site)}
        now, ready = 0.0, {}
        for name in sorted(seconds, key=lambda name: seconds[name]):
            now += seconds[name]
            ready[name] = now
        return ready

    def cost(self) -> tuple[int, float]:
        """Clusters without a place, and the sum of seconds until the others are ready."""
        ready = sum(sum(self.schedule(site).values()) for site in self.sites)
        return sum(site is None for site in self.site_of.values()), ready

    def has_room(self) -> bool:
        """Whether all nodes of all clusters fit."""
        return all(pack(site, self.on(name)) is not None for name, site in self.sites.items())

    def try_move(self, cluster: str, site: str | None) -> tuple[int, float] | None:
        """What it would cost to have a cluster elsewhere; None where there is no room."""
        before, self.site_of[cluster] = self.site_of[cluster], site
        cost = self.cost() if self.has_room() else None
        self.site_of[cluster] = before
        return cost

    def first_fit(self) -> None:
        """Each cluster on the first site with room."""
        for cluster in self.specs:
            possible = (site for site in self.sites if self.try_move(cluster, site) is not None)
            self.site_of[cluster] = next(possible, None)

    def improve(self) -> None:
        """Moves single clusters as long as that helps, the largest first."""
        size = {name: -spec.nodes * spec.memory for name, spec in self.specs.items()}
        moved = True
        while moved:
            moved = False
            for cluster in sorted(self.specs, key=lambda name: size[name]):
                costs = {site: self.try_move(cluster, site) for site in self.sites}
                possible = {site: cost for site, cost in costs.items() if cost is not None}
                if not possible:
                    continue
                best = min(possible, key=lambda site: possible[site])
                unplaced, ready = self.cost()
                if possible[best] < (unplaced, ready - 1e-9):
                    self.site_of[cluster] = best
                    moved = True


def place(
    sites: list[Site], specs: list[vclust.ClusterSpec], predictions: Predictions
) -> tuple[Placement, Placement]:
    """First fit, and the better of what moves make of it and of nothing."""
    first = Placement(sites, specs, predictions)
    first.first_fit()
    from_first = Placement(sites, specs, predictions)
    from_first.site_of = dict(first.site_of)
    from_nothing = Placement(sites, specs, predictions)
    for placement in (from_first, from_nothing):
        placement.improve()
    return first, min(from_first, from_nothing, key=lambda placement: placement.cost())


def main() -> None:
    """Prints the predictions and the placement."""
    files = sys.argv[1:]
    source = vclust.PackageSource(packages_files=files) if files else None
    sites, specs, history = scenario()
    predictions = predict(source, sites, specs, history)
    table = frame(predictions)
    print(*table, sep="\n") if isinstance(table, list) else print(table)
    first, best = place(sites, specs, predictions)
    for name, site in best.sites.items():
        hosts = pack(site, best.on(name)) or {}
        for cluster, ready in best.schedule(name).items():
            print(f"{cluster:12} on {name:8} hosts {hosts[cluster]}, ready after {ready:.1f} s")
    for what, placement in (("first fit", first), ("this placement", best)):
        unplaced, ready = placement.cost()
        placed = len(specs) - unplaced
        print(f"{what}: {placed} of {len(specs)} placed, ready after {ready / max(placed, 1):.1f} s")


if __name__ == "__main__":
    main()

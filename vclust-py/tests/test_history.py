"""Histories, estimators, accuracy."""

import pickle
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as draw

import vclust
from vclust import errors

MOMENT = datetime(2026, 11, 23, 2, 30, tzinfo=timezone.utc)


def install(nodes: int, seconds: float, *names: str, at: datetime = MOMENT) -> vclust.InstallEvent:
    packages = tuple(vclust.PackageVersion(name, "1") for name in names)
    return vclust.InstallEvent(at, "here", nodes, packages, seconds)


def transfer(nodes: int, seconds: float, minute: int) -> vclust.TransferEvent:
    at = MOMENT + timedelta(minutes=minute)
    return vclust.TransferEvent(at, "here", "minimal", 46_000_000, nodes, "nfs", seconds)


EVENTS = [
    vclust.RequestEvent(MOMENT, "here", 4, ("gcc", "make")),
    transfer(4, 6.5, 1),
    install(4, 12.5, "gcc", "make", at=MOMENT + timedelta(minutes=2)),
    vclust.PhaseEvent(
        MOMENT + timedelta(minutes=3), "there", "c", "clone", "boot", 4, 2.5, "qemu", 320 << 20
    ),
]


def test_events_go_in_and_come_out_as_they_were() -> None:
    history = vclust.History(EVENTS)
    assert history.events() == EVENTS and len(history) == 4
    assert history.events("install") == [EVENTS[2]]
    assert history.events(since=MOMENT + timedelta(minutes=2)) == EVENTS[2:]
    assert history.events(site="there") == [EVENTS[3]]
    assert vclust.History.parse(history.to_json_lines()) == history
    assert pickle.loads(pickle.dumps(history)) == history
    assert vclust.History([event.to_json() for event in EVENTS]) == history
    assert [vclust.Event.from_json(event.to_json()) for event in EVENTS] == EVENTS
    assert history.append(EVENTS) == 0
    with pytest.raises(ValueError, match="kind of event"):
        history.events("installs")


moments = draw.datetimes(
    datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=draw.just(timezone.utc)
)


@given(moments, draw.floats(0.001, 1e6), draw.integers(1, 100_000))
def test_every_moment_and_number_survives(at: datetime, seconds: float, nodes: int) -> None:
    event = install(nodes, seconds, "gcc", at=at)
    (there,) = vclust.History([event]).events()
    assert there == event


def test_a_moment_in_another_zone_is_the_same_moment() -> None:
    zone = timezone(timedelta(hours=2))
    event = install(1, 1.0, "gcc", at=MOMENT.astimezone(zone))
    (there,) = vclust.History([event]).events()
    assert there.at == MOMENT and there.at.utcoffset() == timedelta(0)
    naive = install(1, 1.0, "gcc", at=MOMENT.replace(tzinfo=None))
    assert vclust.History([naive]).events() == [there]


def test_an_event_that_cannot_be_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(errors.HistoryError, match="seconds is -1"):
        vclust.History([install(1, -1.0, "gcc")])
    path = tmp_path / "history.jsonl"
    path.write_text(EVENTS[0].to_json() + "\nnonsense\n")
    with pytest.raises(errors.HistoryError) as caught:
        vclust.History.read(path)
    assert (caught.value.path, caught.value.line) == (path, 2)
    assert len(vclust.History.read(path, skip_bad_lines=True)) == 1
    with pytest.raises(errors.FileError) as missing:
        vclust.History.read(tmp_path / "none")
    assert missing.value.path == tmp_path / "none"


def test_a_sites_history_is_kept_in_a_file(tmp_path: Path) -> None:
    database = vclust.HistoryDatabase(tmp_path)
    assert database.path.parent == tmp_path and len(database) == 0
    assert database.append(EVENTS[:2]) == 2
    lines = tmp_path / "more.jsonl"
    lines.write_text("".join(event.to_json() + "\n" for event in EVENTS))
    assert database.import_file(lines) == (2, 2)
    again = vclust.HistoryDatabase(tmp_path)
    assert again.events() == EVENTS and again.count("phase") == 1
    assert again.recent(1) == EVENTS[-1:]
    assert again.load() == vclust.History(EVENTS)
    lines.write_text("nonsense\n")
    with pytest.raises(errors.HistoryError) as caught:
        database.import_file(lines)
    assert caught.value.line == 1 and len(database) == 4


def test_estimators_learn_and_predict_with_an_interval(small: vclust.Index) -> None:
    estimator = vclust.InstallEstimator(small)
    packages = small.resolve(["tool"]).install
    before = estimator.estimate(packages)
    assert before is not None and 0 <= before.low <= before.seconds <= before.high
    moments = (MOMENT + timedelta(minutes=minute) for minute in range(20))
    events = [install(1, 40.0, "tool", "library", "agent", at=at) for at in moments]
    estimator.learn(events)
    after = estimator.estimate([("tool", "3.1-2"), ("library", "2.0"), ("agent", "1")])
    assert after is not None and abs(after.seconds - 40) < abs(before.seconds - 40)
    assert after.covers(timedelta(seconds=after.seconds)) and not after.covers(after.high + 1)
    assert after.duration == timedelta(seconds=after.seconds)
    line = vclust.InstallLine(small)
    line.learn(vclust.History(events))
    assert (estimator.name, line.name) == ("vclust: packages", "paper: line over .deb size")


def test_the_papers_estimate_of_a_transfer_is_the_mean_of_past_ones() -> None:
    mean = vclust.TransferEstimator("mean")
    task = {"image": "minimal", "bytes": 46_000_000, "nodes": 4}
    assert mean.estimate(**task) is None
    mean.learn([transfer(4, 6.0, 1), transfer(4, 7.0, 2)])
    estimate = mean.estimate(**task)
    assert estimate is not None and estimate.seconds == pytest.approx(6.5)
    for model in ("contention", "blended"):
        other = vclust.TransferEstimator(model)
        other.learn([transfer(4, 6.0, 1), transfer(8, 7.0, 2), transfer(16, 8.0, 3)])
        assert other.estimate(image="new", bytes=92_000_000, nodes=32) is not None
    with pytest.raises(ValueError, match="no model"):
        vclust.TransferEstimator("guess")


def test_phases_are_estimated_by_strategy() -> None:
    phases = vclust.PhaseEstimator()
    phases.learn(EVENTS)
    estimate = phases.estimate(
        "boot", strategy="clone", nodes=4, site="there", hypervisor="qemu", memory_bytes=320 << 20
    )
    assert estimate is not None and estimate.covers(2.5)
    with pytest.raises(ValueError, match="no strategy"):
        phases.estimate("boot", strategy="cloning", nodes=4)


def test_accuracy_sets_estimators_beside_each_other(small: vclust.Index) -> None:
    events = [transfer(nodes, 6 + nodes / 8, nodes) for nodes in (4, 8, 16)]
    train, test = vclust.History(events), vclust.History([transfer(4, 6.5, 60)])
    rows = vclust.compare_estimators(small, train, test)
    assert len(rows) == 3 and {row.n + row.unanswered for row in rows} == {1}
    assert all(0 <= row.median <= row.max for row in rows)

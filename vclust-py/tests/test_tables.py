"""Tables, as pyarrow takes them over."""

import gc
import resource
from datetime import datetime, timezone
from pathlib import Path

import pyarrow
import pytest

import vclust
from test_history import EVENTS, MOMENT, install

BATCH = dict[str, object]


def test_the_table_of_an_index_has_what_its_packages_have(machine: vclust.Index) -> None:
    table = machine.table()
    taken = pyarrow.table(table)
    taken.validate(full=True)
    assert taken.num_rows == len(table) == len(list(machine)) > 10_000
    assert taken.column_names == table.column_names
    columns = machine.columns()
    for name in ("package", "version", "architecture", "size", "installed_size"):
        assert taken[name].to_pylist() == columns[name], name
        assert not taken.schema.field(name).nullable
    sections = [section or "" for section in taken["section"].to_pylist()]
    assert sections == columns["section"]


def test_what_a_field_lacks_is_null(small: vclust.Index) -> None:
    rows = {row["package"]: row for row in pyarrow.table(small.table()).to_pylist()}
    assert rows["tool"] == {
        "package": "tool",
        "version": "3.1-2",
        "architecture": "amd64",
        "section": "math",
        "size": 3000,
        "installed_size": 30 * 1024,
    }
    assert rows["agent"]["section"] is None


def test_events_of_each_kind_become_rows(tmp_path: Path) -> None:
    history = vclust.History(EVENTS)
    database = vclust.HistoryDatabase(tmp_path)
    database.append(EVENTS)
    for source in (history, database):
        for event in EVENTS:
            taken = pyarrow.table(source.table(event._kind))
            taken.validate(full=True)
            (row,) = taken.to_pylist()
            fields = {name: getattr(event, name) for name in row}
            fields["packages"] = fields.get("packages")
            if isinstance(event, vclust.InstallEvent):
                packages = [(one.package, one.version) for one in event.packages]
                fields["packages"] = [{"package": one, "version": two} for one, two in packages]
                fields["request"] = list(event.request)
            elif isinstance(event, vclust.RequestEvent):
                fields["packages"] = list(event.packages)
            else:
                del fields["packages"]
            assert row == fields
            assert row["at"].tzinfo is not None and row["at"].utcoffset() == MOMENT.utcoffset()


def test_tables_are_of_a_site_and_since_a_moment() -> None:
    history = vclust.History(EVENTS)
    assert len(history.table("phase", site="there")) == 1
    assert len(history.table("phase", site="here")) == 0
    assert len(history.table("install", since=datetime(2030, 1, 1, tzinfo=timezone.utc))) == 0
    assert pyarrow.table(history.table("phase", site="here")).num_rows == 0
    with pytest.raises(ValueError, match="kind of event"):
        history.table("installs")


def test_an_install_keeps_its_hypervisor() -> None:
    line = install(1, 2.0, "gcc").to_json()
    with_hypervisor = line[:-1] + ', "hypervisor": "qemu"}'
    (event,) = vclust.History([with_hypervisor]).events("install")
    assert isinstance(event, vclust.InstallEvent) and event.hypervisor == "qemu"
    assert vclust.Event.from_json(event.to_json()) == event


def addresses(table: vclust.Table) -> "list[int]":
    column = pyarrow.table(table)["size"].chunk(0)
    return [buffer.address for buffer in column.buffers() if buffer is not None]


def test_a_table_is_taken_over_without_a_copy_and_outlives_its_index(
    packages_file: Path,
) -> None:
    index = vclust.Index.from_files([packages_file], architecture="amd64")
    table = index.table()
    assert addresses(table) == addresses(table) != []
    by_stream, by_array = pyarrow.table(table), pyarrow.record_batch(table)
    assert pyarrow.schema(table) == by_stream.schema == by_array.schema
    del index, table
    gc.collect()
    assert sum(by_stream["size"].to_pylist()) == sum(by_array["size"].to_pylist()) > 0


def test_capsules_that_nobody_takes_are_given_back(machine: vclust.Index) -> None:
    table = machine.table()

    def offer(times: int) -> int:
        for _ in range(times):
            table.__arrow_c_stream__()
            table.__arrow_c_array__()
            table.__arrow_c_schema__()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = offer(1000)
    assert offer(20_000) - before < 4096, "KiB more than before"

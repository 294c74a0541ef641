"""Building and collecting images, through the command."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

import vclust
from vclust import _images, errors


def test_a_collection_of_nothing_removes_nothing(tmp_path: Path) -> None:
    collected = vclust.collect_images(state=tmp_path)
    assert collected == vclust.Collected((), (), 0, 0, 0, None)
    limited = vclust.collect_images(
        budget="1GB", unused_for=timedelta(days=30), dry_run=True, state=tmp_path
    )
    assert limited.within_budget is True and limited.removed == ()


def test_what_cannot_be_built_or_collected_says_why(tmp_path: Path, packages_file: Path) -> None:
    source = vclust.PackageSource(packages_files=[packages_file], architecture="amd64")
    with pytest.raises(errors.BuildError, match="no package is called `tooll`"):
        vclust.build_image(["tooll"], variant="minbase", source=source, state=tmp_path)
    with pytest.raises(errors.BuildError):
        vclust.build_image(variant="maximal", state=tmp_path)
    with pytest.raises(errors.RepositoryError):
        vclust.collect_images(budget="much", state=tmp_path)


def test_answers_of_the_command_line_become_values() -> None:
    answer = {
        "dry_run": False,
        "removed": [
            {
                "id": "38d04c9d4297b01f",
                "bytes": 5,
                "last_used": "2026-11-23T02:30:00Z",
                "why": "budget",
            }
        ],
        "held": [{"id": "ea78c1f3c453e6dc", "why": "base", "by": ["8c759400b95bd548"]}],
        "dead_builds": 1,
        "adopted": [],
        "dropped": [],
        "bytes_before": 9,
        "bytes_after": 4,
        "within_budget": False,
    }
    collected = _images.Collected._of(answer)
    assert collected.removed[0].last_used.year == 2026 and collected.removed[0].why == "budget"
    assert collected.held[0].by == ("8c759400b95bd548",) and collected.within_budget is False


@pytest.mark.skipif(
    os.environ.get("VCLUST_TEST_CLUSTERS") != "1",
    reason="builds images: `make test-python CLUSTERS=1`, with rights of root",
)
def test_an_image_is_built_once_and_collected(tmp_path: Path) -> None:
    minimal = vclust.build_image(state=tmp_path)
    assert minimal.built and minimal.image.variant == "minimal" and minimal.seconds > 0
    again = vclust.build_image(state=tmp_path)
    assert not again.built and again.image.id == minimal.image.id
    layer = vclust.build_image(["hello"], base=minimal.image.id, state=tmp_path)
    assert layer.image.base == minimal.image.id
    assert [one.package for one in layer.image.packages] == ["hello"]
    assert {phase.phase for phase in layer.phases} >= {"install"}
    (listed,) = vclust.build_images([layer.image.listing()], state=tmp_path)
    assert listed.image.id == layer.image.id
    held = vclust.collect_images(budget=0, keep=[layer.image.id], state=tmp_path)
    assert {one.id for one in held.held} == {minimal.image.id, layer.image.id}
    gone = vclust.collect_images(budget=0, state=tmp_path)
    assert {one.id for one in gone.removed} == {minimal.image.id, layer.image.id}
    assert len(vclust.ImageRepository(tmp_path)) == 0

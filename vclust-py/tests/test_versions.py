"""Versions are ordered as dpkg orders them: against python-apt and python-debian."""

import pickle

import apt_pkg
import pytest
from debian.debian_support import NativeVersion
from hypothesis import given
from hypothesis import strategies as draw

import vclust

apt_pkg.init_system()

digits = draw.text("0123456789", min_size=1, max_size=4)
part = draw.text("0123456789abzAZ.+~", max_size=8)
upstream = draw.builds(lambda first, rest: first + rest, digits, part)
versions = draw.one_of(
    upstream,
    draw.builds(lambda epoch, rest: f"{epoch}:{rest}", digits, upstream),
    draw.builds(
        lambda rest, revision: f"{rest}-{revision}",
        upstream,
        draw.text("0123456789abz.+~", min_size=1, max_size=5),
    ),
)


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


@given(versions, versions)
def test_comparing_agrees_with_apt_and_python_debian(a: str, b: str) -> None:
    ours = vclust.compare_versions(a, b)
    assert ours == sign(apt_pkg.version_compare(a, b))
    left, right = NativeVersion(a), NativeVersion(b)
    assert ours == (left > right) - (left < right)


@given(versions, versions)
def test_objects_compare_as_texts_do_and_equal_ones_hash_alike(a: str, b: str) -> None:
    order = vclust.compare_versions(a, b)
    left, right = vclust.Version(a), vclust.Version(b)
    assert [left < right, left <= right, left == right, left != right, left >= right, left > right] == [
        order < 0,
        order <= 0,
        order == 0,
        order != 0,
        order >= 0,
        order > 0,
    ]
    if order == 0:
        assert hash(left) == hash(right)


def test_a_version_is_an_ordinary_value() -> None:
    version = vclust.Version("1:2.0-3")
    assert str(version) == "1:2.0-3"
    assert eval(repr(version), {"Version": vclust.Version}) == version
    assert pickle.loads(pickle.dumps(version)) == version
    assert {version: 1}[vclust.Version("1:2.00-3")] == 1
    assert (version == "1:2.0-3") is False
    with pytest.raises(TypeError):
        version < "2"  # type: ignore[operator]


def test_what_is_no_version_says_why() -> None:
    with pytest.raises(vclust.errors.VersionError, match="upstream version") as caught:
        vclust.Version("")
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, vclust.VclustError)

"""Exceptions as values, and every error of the library as the exception it is meant to be."""

import inspect
import pickle
from pathlib import Path

import pytest

import vclust
from vclust import errors


def test_all_exceptions_have_one_root() -> None:
    classes = [value for _, value in inspect.getmembers(errors, inspect.isclass)]
    exceptions = [one for one in classes if issubclass(one, Exception)]
    assert len(exceptions) > 20
    assert all(issubclass(one, vclust.VclustError) for one in exceptions)
    assert all(one.__doc__ for one in exceptions)


def test_an_exception_survives_pickling_with_its_fields(small: vclust.Index) -> None:
    with pytest.raises(errors.UnknownPackageError) as caught:
        small.resolve(["tooll"])
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is errors.UnknownPackageError
    assert (copy.message, copy.similar, copy.package) == (
        caught.value.message,
        ["tool"],
        "tooll",
    )


def test_the_text_of_an_exception_names_its_causes(tmp_path: Path) -> None:
    with pytest.raises(errors.IndexFileError) as caught:
        vclust.Index.from_files([tmp_path / "none"])
    assert str(caught.value) == f"cannot read {tmp_path / 'none'}: {caught.value.causes[0]}"


def test_every_exception_that_the_native_part_names_exists() -> None:
    source = Path(__file__).parents[1] / "src" / "error.rs"
    names = {
        word.strip('",')
        for word in source.read_text().split()
        if word.startswith('"') and word.strip('",').endswith("Error")
    }
    assert len(names) > 15
    assert names <= set(dir(errors))

"""The stubs are right, complete and in step with the module."""

import inspect
import os
import sys
from pathlib import Path

import vclust
from conftest import run
from vclust import _native

PACKAGE = Path(vclust.__file__).parent


def tool(*arguments: str, directory: Path) -> str:
    environment = {**os.environ, "MYPYPATH": str(PACKAGE.parent), "MYPY_CACHE_DIR": str(directory)}
    done = run(sys.executable, "-m", *arguments, env=environment, cwd=directory)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_mypy_finds_the_package_strictly_typed(tmp_path: Path) -> None:
    assert tool("mypy", "--strict", "-p", "vclust", directory=tmp_path) == ""


def test_a_user_of_the_package_is_checked(tmp_path: Path) -> None:
    good = tmp_path / "good.py"
    good.write_text(
        "import vclust\n"
        "index: vclust.Index = vclust.Index.of_machine(root='minimal')\n"
        "total: int = sum(package.size for package in index.resolve(['gcc']))\n"
    )
    assert tool("mypy", "--strict", str(good), directory=tmp_path) == ""
    bad = tmp_path / "bad.py"
    bad.write_text("import vclust\nvclust.Index.of_machine().resolve(1)\n")
    assert "arg-type" in tool("mypy", "--strict", str(bad), directory=tmp_path)


def test_the_stubs_have_what_the_module_has(tmp_path: Path) -> None:
    done = run(
        sys.executable,
        "-m",
        "mypy.stubtest",
        "vclust._native",
        "--ignore-missing-stub",
        env={**os.environ, "MYPYPATH": str(PACKAGE.parent)},
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def public(value: object) -> dict[str, object]:
    return {name: one for name, one in inspect.getmembers(value) if not name.startswith("_")}


def test_everything_is_stubbed_documented_and_exported() -> None:
    stub = (PACKAGE / "_native.pyi").read_text()
    for name, value in public(_native).items():
        if name == "run":
            continue
        assert name in vclust.__all__, name
        assert inspect.getdoc(value), name
        assert f"class {name}:" in stub or f"def {name}(" in stub, name
        if inspect.isclass(value):
            body = stub.split(f"class {name}:")[1].split("\n@final")[0]
            for method, member in public(value).items():
                assert f"def {method}(" in body, f"{name}.{method} is not in the stub"
                assert inspect.getdoc(member), f"{name}.{method} has no documentation"


def test_every_public_name_has_documentation() -> None:
    for name in vclust.__all__:
        value = getattr(vclust, name)
        if not isinstance(value, str):
            assert inspect.getdoc(value), name
    assert (PACKAGE / "py.typed").exists()

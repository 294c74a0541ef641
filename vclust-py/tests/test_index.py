"""Indexes: what is in them, searching, closures, graphs, meta-packages."""

from pathlib import Path

import pytest
from debian.deb822 import Packages

import vclust
from vclust import errors


def names(packages: list[vclust.Package]) -> list[str]:
    return [package.name for package in packages]


def test_an_index_holds_what_its_file_says(small: vclust.Index, packages_file: Path) -> None:
    with packages_file.open() as file:
        stanzas = list(Packages.iter_paragraphs(file, use_apt_pkg=False))
    assert small.version_count == len(stanzas)
    assert len(small) == len({stanza["Package"] for stanza in stanzas})
    for stanza in stanzas:
        (package,) = [
            found
            for found in small.versions(stanza["Package"])
            if found.version == stanza["Version"]
        ]
        assert package.fields() == dict(stanza)
        assert package.size == int(stanza["Size"])
        assert package.installed_size == 1024 * int(stanza["Installed-Size"])
        assert package.architecture == stanza["Architecture"]


def test_a_package_says_everything_about_itself(small: vclust.Index) -> None:
    tool = small["tool"]
    assert (tool.name, tool.version, str(tool)) == ("tool", "3.1-2", "tool=3.1-2")
    assert (tool.source, tool.source_version) == ("tools", "3.1")
    assert (tool.section, tool.summary) == ("math", "a tool for tests")
    assert tool.field("recommends") == "manual" and tool.field("None") is None
    assert tool.relations("Depends") == [["library (>= 2)"], ["mail-agent"]]
    assert not tool.installed and not tool.essential
    assert small["base"].installed and small["base"].essential
    assert repr(tool) == "<Package tool 3.1-2 amd64>"
    assert tool == small.versions("tool:amd64")[0] and hash(tool) == hash(small["tool"])
    assert tool != small["library"] and tool != "tool"
    with pytest.raises(ValueError, match="no field of relations"):
        tool.relations("Requires")


def test_names_are_found_as_in_a_dictionary(small: vclust.Index) -> None:
    assert "tool" in small and "tools" not in small
    assert small.get("tools") is None
    assert small["library"].version == "2.0"
    assert [package.version for package in small.versions("library")] == ["2.0", "1.0"]
    assert names(small.providers("mail-agent")) == ["agent"]
    assert sorted(names(small.installed())) == ["apt", "base"]
    assert len(list(small)) == len(small)
    with pytest.raises(KeyError, match="tools"):
        small["tools"]


def test_search_takes_patterns_in_names_and_descriptions(small: vclust.Index) -> None:
    assert names(small.search("TOOL")) == ["library", "tool"]
    assert names(small.search("tool", names_only=True)) == ["tool"]
    assert names(small.search("^a", "mail")) == ["agent"]
    assert small.search("nothing of that kind") == []
    with pytest.raises(errors.PatternError, match="not a regular expression") as caught:
        small.search("(")
    assert caught.value.pattern == "("


def test_a_closure_is_what_apt_would_install(small: vclust.Index) -> None:
    closure = small.resolve(["tool"])
    assert sorted(names(closure.install)) == ["agent", "library", "tool"]
    assert names(closure.install)[-1] == "tool"
    assert len(closure) == 3 and "library" in closure and "manual" not in closure
    assert closure.download_bytes == 7500 and closure.installed_bytes == 75 * 1024
    assert names(list(closure)) == names(closure.install)
    assert [package for batch in closure.batches for package in batch] == closure.install
    assert closure.remove == [] and closure.request == ["tool"]
    assert closure == small.resolve(["tool"]) and closure != small.resolve(["manual"])
    assert "manual" in small.resolve(["tool"], install_recommends=True)
    answer = closure.to_dict()
    assert answer["download_bytes"] == 7500 and len(answer["install"]) == 3
    assert names(small.resolve(["apt-"]).remove) == ["apt"]


def test_a_request_that_cannot_be_fulfilled_names_the_chain(small: vclust.Index) -> None:
    with pytest.raises(errors.UnsatisfiableError) as unsatisfiable:
        small.resolve(["impossible"])
    assert any("tool" in step for step in unsatisfiable.value.explanation)
    with pytest.raises(errors.UnknownPackageError) as unknown:
        small.resolve(["tooll"])
    assert (unknown.value.package, unknown.value.similar) == ("tooll", ["tool"])
    with pytest.raises(errors.NoSuchVersionError) as version:
        small.resolve(["library=7"])
    assert version.value.available == ["2.0", "1.0"]
    for error in (unsatisfiable, unknown, version):
        assert isinstance(error.value, errors.ResolveError)
    with pytest.raises(TypeError):
        small.resolve("tool")


def test_a_graph_answers_who_needs_whom(small: vclust.Index) -> None:
    graph = small.graph()
    chain = graph.why("tool", "base")
    assert [(kind, package.name) for kind, package in chain] == [
        ("Depends", "library"),
        ("Depends", "base"),
    ]
    assert graph.why("base", "tool") == []
    assert {package.name for _, package in graph.dependencies("tool")} == {
        "library",
        "agent",
        "manual",
    }
    hard = graph.dependencies(small["tool"], hard=True)
    assert {package.name for _, package in hard} == {"library", "agent"}
    assert [package.name for _, package in graph.dependants("agent", hard=True)] == ["tool"]
    # what a package is itself counts as reachable
    assert set(names(graph.reachable("tool"))) - {"tool"} == {"library", "agent", "base"}
    assert "tool" in names(graph.needed_by("base"))
    assert len(small.resolve(["tool"]).graph()) == 3
    with pytest.raises(errors.UnknownPackageError):
        graph.reachable("tooll")


def test_a_graph_takes_only_packages_of_its_own_index(
    small: vclust.Index, packages_file: Path
) -> None:
    other = vclust.Index.from_files([packages_file], architecture="amd64")
    with pytest.raises(ValueError, match="another index"):
        small.graph().reachable(other["tool"])


def test_meta_packages_expand_to_packages(small: vclust.Index) -> None:
    shipped = vclust.MetaPackages()
    assert len(shipped) == len(shipped.all()) > 5
    unit = shipped.get("openmpi")
    assert unit is not None and unit in shipped.all()
    members = shipped.expand("openmpi")
    assert any("openmpi-bin" in member.alternatives for member in members)
    mine = shipped.with_text(BOTH)
    assert "both" in mine and "both" not in shipped
    closure = small.resolve(["meta:both"], meta_packages=mine)
    assert sorted(names(closure.install)) == ["agent", "manual"]
    with pytest.raises(errors.MetaPackageError) as unknown:
        shipped.expand("openmpii")
    assert unknown.value.name == "openmpii" and "openmpi" in (unknown.value.suggestions or [])


BOTH = """
[[meta-package]]
id = "both"
title = "Both"
description = "For a test."
packages = ["agent", "manual"]
"""


def test_files_that_are_none_name_themselves(tmp_path: Path) -> None:
    missing = tmp_path / "Packages"
    with pytest.raises(errors.IndexFileError, match="cannot read") as caught:
        vclust.Index.from_files([missing])
    assert caught.value.path == missing and caught.value.causes
    missing.write_text("Package: a\nArchitecture: all\n\n")
    with pytest.raises(errors.IndexFileError) as broken:
        vclust.Index.from_files([missing], architecture="amd64")
    assert (broken.value.line, broken.value.package, broken.value.field) == (1, "a", "Version")
    with pytest.raises(ValueError, match="no root"):
        vclust.Index.from_files([missing], root="full")


def test_an_archive_that_cannot_be_verified_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    keywords = {"suite": "./", "state": tmp_path / "state", "architecture": "amd64"}
    source = vclust.PackageSource(mirror=archive.as_uri(), **keywords)
    with pytest.raises(errors.MirrorError) as caught:
        source.load()
    assert str(archive) in str(caught.value)
    with pytest.raises(errors.MirrorError):
        source.update()
    with pytest.raises(errors.MirrorError):
        vclust.Index.of_archive(archive.as_uri(), **keywords)
    assert source == vclust.PackageSource(mirror=archive.as_uri(), **keywords)
    with pytest.raises(ValueError, match="go together"):
        vclust.PackageSource(mirror=archive.as_uri())


def test_the_machines_index_gives_columns(machine: vclust.Index) -> None:
    columns = machine.columns()
    lengths = {len(values) for values in columns.values()}
    assert len(lengths) == 1 and lengths.pop() > 50_000
    place = columns["package"].index("octave")
    assert columns["version"][place] == machine["octave"].version
    assert columns["size"][place] == machine["octave"].size

"""Where Node comes from, what its absence says, and that the lock names no registry."""

import json
import re
from pathlib import Path

import pytest

from tests.clients import nodes
from tests.clients.nodes import HERE, Node, Unavailable


def programs(folder: Path, **scripts: str) -> None:
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)


def test_without_node_the_sentence_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(nodes, "RUNTIME", tmp_path)

    with pytest.raises(Unavailable) as refused:
        nodes.found()

    assert str(refused.value) == "no Node 20 or newer with npm is here: python -m tests.clients.nodes"


def test_an_old_node_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    programs(tmp_path, node="echo v18.20.4", npm="")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(nodes, "RUNTIME", tmp_path / "runtime")

    with pytest.raises(Unavailable):
        nodes.found()


def test_packages_that_cannot_be_had_are_no_half_installation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs(tmp_path, node="echo v22.1.0", npm="echo nobody answers >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(nodes, "CACHE", tmp_path / "cache")

    with pytest.raises(Unavailable) as refused:
        nodes.found()

    assert str(refused.value) == "npm could not get the packages: nobody answers"
    assert list((tmp_path / "cache").rglob("installed")) == []


def test_the_lock_holds_exact_versions_with_their_hashes_and_no_address() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    packages = {name: package for name, package in lock["packages"].items() if name}

    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert [name for name, package in packages.items() if "resolved" in package] == []


async def test_a_program_that_fails_or_hangs_is_told_with_its_words(node: Node, tmp_path: Path) -> None:
    (tmp_path / "fails.mjs").write_text("console.log('so far'); process.exitCode = 3;")
    (tmp_path / "hangs.mjs").write_text("console.log('waiting'); setInterval(() => undefined, 1000);")

    with pytest.raises(nodes.Failed, match=r"fails.mjs ended with 3:\nso far"):
        await node.run("fails.mjs", folder=tmp_path)
    with pytest.raises(nodes.Failed, match=r"hangs.mjs ran over 5 s:\nwaiting"):
        await node.run("hangs.mjs", folder=tmp_path, seconds=5)

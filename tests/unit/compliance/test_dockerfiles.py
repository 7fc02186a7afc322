"""Dockerfiles beside those of docs/rules.md: what is found in them and what is not."""

from pathlib import Path

import pytest

from tests.unit.compliance.examples import checked

BAD = {
    "the newest one": ("ST601", "FROM debian:latest"),
    "a registry with a port and no tag": ("ST601", "FROM registry.example:5000/base"),
    "an argument's default": ("ST601", "ARG BASE=debian\nFROM ${BASE}"),
    "of a platform": ("ST601", "FROM --platform=linux/amd64 debian AS one"),
    "over several lines": (
        "ST602",
        "FROM a:1\nRUN apt-get update \\\n # why\n && apt install -y a",
    ),
    "pip3 in a module": ("ST602", "FROM a:1\nRUN python3 -m pip install a==1"),
    "a variable": ("ST603", "FROM a:1\nENV DB_PASSWORD hunter2"),
    "among others": ("ST603", "FROM a:1\nENV A=1 GITHUB_TOKEN=x"),
    "a repository": ("ST604", "FROM a:1\nADD git@example.org:a/b.git /b"),
    "with an owner": ("ST604", "FROM a:1\nADD --chown=1:1 http://example.org/a /a"),
    "a range": ("ST605", "FROM a:1\nRUN pip install --no-cache-dir 'numpy>1'"),
    "the second command": ("ST605", "FROM a:1\nRUN true && pip install --no-cache-dir numpy"),
}
GOOD = {
    "a digest": "FROM debian@sha256:" + "0" * 64,
    "from nothing": "FROM scratch\nCOPY a /a",
    "an earlier stage": "FROM debian:12 AS one\nFROM one",
    "a parent of ours": "ARG PARENT=stagerun/parent-base:current\nFROM ${PARENT}",
    "an argument that the caller gives": "ARG PARENT\nFROM ${PARENT}",
    "caches that are mounts": (
        "FROM a:1\nRUN --mount=type=cache,target=/var/cache/apt apt-get install -y a"
    ),
    "no cache by the environment": "FROM a:1\nENV PIP_NO_CACHE_DIR=1\nRUN pip install a==1",
    "a local archive": "FROM a:1\nADD a.tar /a",
    "a checksum": f"FROM a:1\nADD --checksum=sha256:{'0' * 64} https://example.org/a /a",
    "a wheel": "FROM a:1\nRUN pip install --no-cache-dir ./a-1-py3-none-any.whl",
    "a comment": "FROM a:1\n# RUN pip install numpy",
    "switched off": "# stagerun: ignore[ST601] a mirror of ours\nFROM mirror",
}


@pytest.mark.parametrize("name", BAD)
def test_a_fault_is_found(name: str, tmp_path: Path) -> None:
    rule, text = BAD[name]
    found = checked(tmp_path, f"{text}\n", name="Dockerfile").findings
    assert rule in {finding.rule for finding in found}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_no_fault_is_not_found(name: str, tmp_path: Path) -> None:
    found = checked(tmp_path, f"{GOOD[name]}\n", name="Dockerfile").findings
    assert not found, "\n".join(map(str, found))

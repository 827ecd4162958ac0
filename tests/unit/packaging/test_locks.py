"""The locks: complete, plain, and in step with pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[3]
LOCKS = ["requirements.lock", "requirements-dev.lock"]
PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins(lock: str) -> list[Requirement]:
    lines = (CHECKOUT / lock).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("lock", LOCKS)
def test_each_line_pins_one_version_and_names_no_address(lock: str) -> None:
    for pin in pins(lock):
        assert pin.url is None
        assert re.fullmatch(r"==[^,*]+", str(pin.specifier)), pin


def test_the_dev_lock_holds_the_runtime_lock() -> None:
    """`make setup-dev` after `make setup` then changes nothing that is installed."""
    runtime, dev = (set(map(str, pins(lock))) for lock in LOCKS)
    assert runtime
    assert runtime <= dev


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        (LOCKS[0], PYPROJECT["dependencies"]),
        (LOCKS[1], PYPROJECT["optional-dependencies"]["dev"]),
    ],
)
def test_the_lock_meets_what_pyproject_asks_for(lock: str, wanted: list[str]) -> None:
    locked: dict[str, list[Requirement]] = {}
    for pin in pins(lock):
        locked.setdefault(canonicalize_name(pin.name), []).append(pin)
    for requirement in map(Requirement, wanted):
        versions = locked.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not in {lock}; run make lock"
        for pin in versions:
            version = str(pin.specifier).removeprefix("==")
            assert requirement.specifier.contains(version), f"{pin} against {requirement}"

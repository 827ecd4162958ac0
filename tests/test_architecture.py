"""The walls of ARCHITECTURE.md, executed."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
MAX_MODULE_LINES = 450
HEAVY = {"torch", "torchvision", "ultralytics", "faiss", "cv2", "sqlalchemy", "PySide6", "av"}


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def project_files() -> list[Path]:
    """What is tracked by git, or would be with `git add .`."""
    if not (CHECKOUT / ".git").exists() or not shutil.which("git"):
        pytest.skip("needs a git checkout, to know which files are the project's")
    # The home folder of a test holds no git settings; that one is for a checkout of another user.
    git = ["git", "-c", "safe.directory=*"]
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (CHECKOUT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def test_rooms_import_only_what_they_may() -> None:
    linted = run_python(
        "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_modules_stay_short() -> None:
    lengths = {
        path.relative_to(CHECKOUT): len(path.read_text(encoding="utf-8").splitlines())
        for path in project_files()
        if path.suffix == ".py"
    }
    assert lengths
    assert {path: lines for path, lines in lengths.items() if lines >= MAX_MODULE_LINES} == {}


def test_main_only_hands_over() -> None:
    """No contract can watch main.py, which belongs to no package: so it holds nothing."""
    text = (CHECKOUT / "main.py").read_text(encoding="utf-8")
    assert [ast.unparse(statement) for statement in ast.parse(text).body] == [
        "import sys",
        "from app.bootstrap import main",
        "raise SystemExit(main(sys.argv[1:]))",
    ]


MODULES_AFTER = """
import atexit, json, runpy, sys
sys.argv = ["main.py", *sys.argv[1:]]
loaded = lambda: print("\\n" + json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
atexit.register(loaded)
runpy.run_path("main.py", run_name="__main__")
"""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["ingest", "--help"], ["search", "--help"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    asked = run_python("-c", MODULES_AFTER, *arguments)
    assert asked.returncode == 0, asked.stderr
    loaded = set(json.loads(asked.stdout.splitlines()[-1]))
    assert "app" in loaded
    assert loaded & HEAVY == set()


@pytest.fixture
def empty_library(tmp_path: Path) -> Path:
    from app.storage.library import Library

    folder = tmp_path / "library"
    Library.open(folder, create=True).close()
    return folder


@pytest.mark.parametrize("command", ["list", "search", "export"])
def test_headless_commands_never_import_qt(command: str, empty_library: Path) -> None:
    more = {"search": ["--tracklet", "1"], "export": ["--mot", str(empty_library.parent / "out")]}
    arguments = [command, "--library", str(empty_library), *more.get(command, [])]
    asked = run_python("-c", MODULES_AFTER, *arguments)
    assert "Traceback" not in asked.stderr, asked.stderr
    loaded = json.loads(asked.stdout.splitlines()[-1])
    assert "sqlalchemy" in loaded, "the library was not even opened"
    assert "PySide6" not in loaded


# Put together from pieces, so that this file does not hold what it looks for.
REGISTRY_HOSTS = [
    "py" + "pi.org",
    "py" + "thonhosted",
    "registry.np" + "mjs",
    "download.py" + "torch",
]
MACHINE_PATHS = re.compile(r"(?:^|[^A-Za-z0-9_.])/(?:work|farm|tm" + r"p|root|mnt|Users)/[A-Za-z]")


def test_files_name_no_registry_and_no_machine() -> None:
    found = []
    for path in project_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        if path.suffix == ".svg":
            continue
        found += [
            f"{path.relative_to(CHECKOUT)}:{number}: {line.strip()}"
            for number, line in enumerate(text.splitlines(), start=1)
            if MACHINE_PATHS.search(line) or any(host in line for host in REGISTRY_HOSTS)
        ]
    assert found == []

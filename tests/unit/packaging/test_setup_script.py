"""`scripts/setup.sh` and the Makefile in a copy of the checkout whose locks name tiny local wheels.

Nothing is fetched, and nothing is installed into the system: `apt-get`, `sudo` and `id` are
stand-ins that write down how they were called.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
ABSENT = "libnothing-of-that-name.so.9"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("make"), reason="needs Linux and make"
)


def clean_environment(**variables: str) -> dict[str, str]:
    """The environment without what an outer `make` hands down."""
    handed_down = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "RETRACE_VIDEOS", "VIDEOS", "LIBRARIES"}
    kept = {name: value for name, value in os.environ.items() if name not in handed_down}
    return kept | {"PIP_NO_INDEX": "1", "SYSTEM_CHECK": "no", "PYTHON": sys.executable} | variables


def copy_checkout(folder: Path) -> Path:
    folder.mkdir()
    shutil.copy(CHECKOUT / "Makefile", folder)
    shutil.copytree(CHECKOUT / "scripts", folder / "scripts")
    (folder / "main.py").write_text("import sys\nprint('argv', sys.argv[1:])\n")
    return folder


def write_wheel(folder: Path, name: str) -> str:
    """Builds an empty package; returns the line of a lock that installs it."""
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return f"./{name}-1.0-py3-none-any.whl\n"


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=checkout,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def has_package(checkout: Path, name: str) -> bool:
    found = subprocess.run([checkout / ".venv/bin/python", "-c", f"import {name}"], check=False)
    return found.returncode == 0


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout below a folder with a space in its name, after its first `make setup`."""
    checkout = copy_checkout(tmp_path_factory.mktemp("set up") / "retrace")
    runtime = write_wheel(checkout, "runtime_part")
    (checkout / "requirements.lock").write_text(runtime)
    dev = write_wheel(checkout, "dev_part")
    (checkout / "requirements-dev.lock").write_text(runtime + dev)
    done = make(checkout, "setup")
    assert done.returncode == 0, done.stderr
    return checkout


@pytest.fixture
def runtime_lock(ready: Path) -> Iterator[Path]:
    """The lock; put back, and installed, after the test has changed it."""
    lock = ready / "requirements.lock"
    text = lock.read_text()
    yield lock
    lock.write_text(text)
    assert make(ready, "setup").returncode == 0


class TestMake:
    def test_sets_up_only_what_running_needs(self, ready: Path) -> None:
        assert has_package(ready, "runtime_part")
        assert (ready / ".venv/.installed-runtime").exists()

    def test_runs_without_installing_again(self, ready: Path) -> None:
        done = make(ready, "run")
        assert done.returncode == 0
        assert done.stdout == "argv ['run']\n"
        assert done.stderr == ""

    @pytest.mark.parametrize("folder", ["/videos/north gate", "/a 'b'/$HOME/#1", "relative"])
    def test_hands_the_folder_over_as_it_is(self, ready: Path, folder: str) -> None:
        done = make(ready, "run", f"VIDEOS={folder}")
        assert done.stdout == f"argv {['run', '--videos', folder]}\n"

    def test_dev_adds_only_its_part(self, ready: Path) -> None:
        stamp = ready / ".venv/.installed-runtime"
        before = stamp.stat().st_mtime_ns
        done = make(ready, "setup-dev")
        assert done.returncode == 0, done.stderr
        assert "requirements-dev.lock" in done.stderr
        assert "requirements.lock" not in done.stderr
        assert stamp.stat().st_mtime_ns == before
        assert has_package(ready, "dev_part")

    def test_a_changed_lock_is_installed(self, ready: Path, runtime_lock: Path) -> None:
        runtime_lock.write_text(runtime_lock.read_text() + write_wheel(ready, "added_part"))
        assert make(ready, "setup").returncode == 0
        assert has_package(ready, "added_part")

    def test_a_failed_installation_is_taken_up_again(self, ready: Path, runtime_lock: Path) -> None:
        runtime_lock.write_text(runtime_lock.read_text() + "./late_part-1.0-py3-none-any.whl\n")
        failed = make(ready, "run")
        assert failed.returncode != 0
        assert "argv" not in failed.stdout
        assert not (ready / ".venv/.installed-runtime").exists()
        write_wheel(ready, "late_part")
        assert make(ready, "run").returncode == 0
        assert has_package(ready, "late_part")

    def test_an_unusable_environment_is_built_anew(self, ready: Path) -> None:
        python = ready / ".venv/bin/python"
        python.unlink()
        python.symlink_to("/nowhere/python")
        done = make(ready, "run")
        assert done.stdout.endswith("argv ['run']\n"), done.stderr
        assert has_package(ready, "runtime_part")


class TestSystemCheck:
    @pytest.fixture
    def checkout(self, tmp_path: Path) -> Path:
        checkout = copy_checkout(tmp_path / "checkout")
        (checkout / "libraries.txt").write_text(f"# why\nlibc.so.6 libc6\n{ABSENT} libnothing9\n")
        commands = checkout / "commands"
        commands.mkdir()
        for name in ("sh", "env", "awk", "uname", "dirname"):
            (commands / name).symlink_to(str(shutil.which(name)))
        return checkout

    def add_command(self, checkout: Path, name: str, script: str) -> None:
        command = checkout / "commands" / name
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)

    def add_apt(self, checkout: Path, then: str = "") -> None:
        """A stand-in that writes its arguments down, then does `then`."""
        self.add_command(checkout, "apt-get", f'echo "$@" >>called.txt\n{then}')

    def check(self, checkout: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        settings = {
            "PATH": str(checkout / "commands"),
            "LIBRARIES": "libraries.txt",
            "SYSTEM_CHECK": "yes",
        }
        return subprocess.run(
            [checkout / "commands/sh", "scripts/setup.sh", "system"],
            cwd=checkout,
            env=clean_environment(**settings | variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def test_root_gets_it_installed(self, checkout: Path) -> None:
        self.add_command(checkout, "id", "echo 0")
        self.add_apt(checkout, then="echo 'libc.so.6 libc6' >libraries.txt")
        done = self.check(checkout)
        assert done.returncode == 0, done.stderr
        calls = (checkout / "called.txt").read_text().splitlines()
        assert calls == ["update -qq", "install -y -qq --no-install-recommends libnothing9"]

    def test_so_does_who_may_use_sudo_without_a_password(self, checkout: Path) -> None:
        self.add_command(checkout, "id", "echo 1000")
        self.add_command(
            checkout, "sudo", 'echo sudo >>called.txt; shift; case "$1" in true) ;; *) "$@";; esac'
        )
        self.add_apt(checkout, then="echo 'libc.so.6 libc6' >libraries.txt")
        assert self.check(checkout).returncode == 0
        assert (
            "install -y -qq --no-install-recommends libnothing9"
            in (checkout / "called.txt").read_text()
        )

    def test_others_are_told_the_line_to_type(self, checkout: Path) -> None:
        self.add_command(checkout, "id", "echo 1000")
        self.add_command(checkout, "sudo", "exit 1")
        self.add_apt(checkout)
        done = self.check(checkout)
        assert done.returncode == 1
        assert ABSENT in done.stderr
        assert "  sudo apt-get update && sudo apt-get install -y libnothing9\n" in done.stderr
        assert not (checkout / "called.txt").exists()

    def test_an_apt_that_fails_is_not_taken_for_success(self, checkout: Path) -> None:
        self.add_command(checkout, "id", "echo 0")
        self.add_apt(checkout, then="exit 100")
        done = self.check(checkout)
        assert done.returncode == 1
        assert "  apt-get update && apt-get install -y libnothing9\n" in done.stderr

    def test_other_distributions_learn_the_names(self, checkout: Path) -> None:
        done = self.check(checkout)
        assert done.returncode == 1
        assert ABSENT in done.stderr
        assert "apt-get" not in done.stderr

    def test_it_can_be_left_out(self, checkout: Path) -> None:
        assert self.check(checkout, SYSTEM_CHECK="no").returncode == 0

    def test_an_old_python_is_named(self, checkout: Path) -> None:
        self.add_command(
            checkout, "python3", f"exec {sys.executable} -c \"print('it is version 3.9')\""
        )
        done = self.check(checkout, PYTHON="")
        assert done.returncode == 1
        assert "needs Python 3.11 or newer" in done.stderr
        assert "commands/python3: it is version 3.9" in done.stderr

    def test_a_python_that_will_do_is_found_behind_one_that_will_not(self, checkout: Path) -> None:
        self.add_command(checkout, "python3", "exit 127")
        (checkout / "commands/python3.12").symlink_to(sys.executable)
        (checkout / "libraries.txt").write_text("libc.so.6 libc6\n")
        done = self.check(checkout, PYTHON="")
        assert done.returncode == 0, done.stderr

    def test_this_machine_has_what_the_real_list_names(self, checkout: Path) -> None:
        """The tests of the window need all of it; a typo in the list would show here."""
        done = self.check(checkout, LIBRARIES="scripts/system-libraries.txt")
        assert done.returncode == 0, done.stderr

"""Builds a wheel, installs it into an empty environment, and uses it there; by hand.

The big libraries are shared with the environment that runs this, so it takes a minute and no
downloads but setuptools. The window needs Xvfb; without it, that part is left out.

    .venv/bin/python -m tests.benchmarks.check_installed
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("app", "reid_models", "resources", "site_statistics", "trainer")
_WINDOW_S = 60.0


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="retrace-installed-") as name:
        folder = Path(name)
        scripts = install(folder)
        home = folder / "home"
        home.mkdir()
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("XDG_", "PYTHON", "RETRACE_"))
        }
        environment |= {"HOME": str(home), "OMP_NUM_THREADS": "1"}

        def run(*words: str, status: int = 0) -> str:
            done = subprocess.run(
                [str(scripts / words[0]), *words[1:]],
                cwd=home,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == status, (words, done.returncode, done.stderr)
            say(f"{' '.join(words)}: {(done.stdout + done.stderr).strip().splitlines()[0]}")
            return done.stdout + done.stderr

        where = "import app, pathlib; print(pathlib.Path(app.__file__).parent)"
        assert str(ROOT) not in run("python", "-c", where), "the checkout is not used"
        assert run("retrace", "--version").startswith("Retrace ")
        assert "retrace-rrid" in run("retrace", "models")
        assert "Usage: retrace " in run("retrace", "ingest", status=2)
        assert "transreid" in run("retrace-train", "list")
        for words in (["--help"], ["train", "--help"], ["datasets", "check", "--help"]):
            said = run("retrace-train", *words)
            assert "retrace-train" in said and "python -m trainer" not in said
        assert "right" in run("retrace", "demo")
        check_entry(run("retrace", "--install-desktop-entry"), home, scripts)
        check_window(scripts, home, environment)


def install(folder: Path) -> Path:
    """Returns the folder of the new environment's scripts."""
    source = folder / "source"
    for each in COPIED:
        shutil.copytree(ROOT / each, source / each, ignore=shutil.ignore_patterns("__pycache__"))
    for each in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / each, source / each)
    wheel = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(folder), str(source)]
    subprocess.run(wheel, check=True, stdout=subprocess.DEVNULL)
    [built] = folder.glob("retrace-*.whl")
    say(f"{built.name}: {built.stat().st_size / 1e6:.1f} MB")
    venv.create(folder / "environment", with_pip=True)
    scripts = folder / "environment" / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    subprocess.run([str(python), "-m", "pip", "install", "-q", "--no-deps", str(built)], check=True)
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    # A line of a .pth file comes after what is installed.
    (Path(packages) / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return scripts


def check_entry(said: str, home: Path, scripts: Path) -> None:
    entry = home / ".local" / "share" / "applications" / "retrace.desktop"
    assert str(entry) in said
    assert f'Exec="{scripts / "retrace"}"' in entry.read_text("utf-8").splitlines()
    assert (home / ".local/share/icons/hicolor/scalable/apps/retrace.svg").is_file()
    if shutil.which("desktop-file-validate"):
        subprocess.run(["desktop-file-validate", str(entry)], check=True)


def check_window(scripts: Path, home: Path, environment: dict[str, str]) -> None:
    """Starts the window on a display of its own, sees it, and ends it as a desktop does."""
    if shutil.which("Xvfb") is None or shutil.which("xwininfo") is None:
        say("The window is not started: Xvfb and xwininfo are needed.")
        return
    shown, number = os.pipe()
    display = subprocess.Popen(
        ["Xvfb", "-displayfd", str(number), "-screen", "0", "1280x800x24"],
        pass_fds=(number,),
        stderr=subprocess.DEVNULL,
    )
    try:
        os.close(number)
        name = ":" + os.read(shown, 16).decode().strip()
        there = {**environment, "DISPLAY": name, "QT_QPA_PLATFORM": "xcb"}
        window = subprocess.Popen([str(scripts / "retrace")], cwd=home, env=there)
        deadline = time.monotonic() + _WINDOW_S
        title = ""
        while "Retrace" not in title and time.monotonic() < deadline and window.poll() is None:
            time.sleep(0.5)
            tree = ["xwininfo", "-root", "-tree", "-display", name]
            title = subprocess.run(tree, capture_output=True, text=True, check=False).stdout
        assert '"Retrace' in title, title
        say(next(line.strip() for line in title.splitlines() if '"Retrace' in line))
        if shutil.which("import"):
            picture = Path(tempfile.gettempdir()) / "retrace-installed.png"
            time.sleep(2)
            shot = ["import", "-display", name, "-window", "root", str(picture)]
            subprocess.run(shot, check=True)
            say(f"Its picture: {picture}")
        window.send_signal(signal.SIGTERM)
        assert window.wait(30) == 0
    finally:
        display.terminate()
        display.wait()


if __name__ == "__main__":
    main()

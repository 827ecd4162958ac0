#!/bin/sh
# Makes .venv ready: checks the system's libraries, creates the environment, installs the lock.
# Called by the Makefile. Needs a POSIX shell and Python, nothing else; does nothing twice.
#
#   setup.sh system    only the check of Python and the system's libraries
#   setup.sh runtime   + .venv with requirements.lock
#   setup.sh dev       + requirements-dev.lock
#
# PYTHON=…          use this Python instead of looking for one
# SYSTEM_CHECK=no   skip the check of the system's libraries
set -eu
cd "$(dirname "$0")/.."

LIBRARIES=${LIBRARIES:-scripts/system-libraries.txt}
VENV_PYTHON=.venv/bin/python

say() { printf '%s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# --- Python ---------------------------------------------------------------------------------------

# Prints what keeps this Python from being used; nothing if it will do.
objection() {
    "$1" - "$2" 2>/dev/null <<'PYTHON' || echo "it does not start"
import importlib.util, sys
version = sys.version_info[:2]
modules = ("_bz2", "_ctypes", "_lzma", "_sqlite3", "_ssl", "venv")
lacks = [name.strip("_") for name in modules if not importlib.util.find_spec(name)]
if version < (3, 11):
    print("it is version %d.%d" % version)
elif version > (3, 14) and sys.argv[1] == "tested":
    print("it is version %d.%d, newer than what Retrace was tested with" % version)
elif lacks:
    print("it was built without " + ", ".join(lacks))
PYTHON
}

# Sets $python. Versions that the lock was tested with go first, a newer one is the last resort.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        problem=$(objection "$PYTHON" any)
        [ -z "$problem" ] || die "PYTHON=$PYTHON cannot be used: $problem."
        python=$PYTHON
        return
    fi
    refused=
    for wanted in tested any; do
        for python in python3 python3.14 python3.13 python3.12 python3.11 python; do
            command -v "$python" >/dev/null 2>&1 || continue
            problem=$(objection "$python" "$wanted")
            [ -n "$problem" ] || return 0
            [ "$wanted" = tested ] || refused="$refused
  $(command -v "$python"): $problem"
        done
    done
    die "Retrace needs Python 3.11 or newer, complete with venv and sqlite3; none was found.$refused
Install one (Debian, Ubuntu: sudo apt-get install -y python3 python3-venv), or name it: make PYTHON=/path/to/python …"
}

# --- The system's libraries -----------------------------------------------------------------------

# Prints "what package" for each thing that is missing. Loading a library is the one test that
# holds with pyenv, containers and other processors alike.
missing() {
    "$python" - "$LIBRARIES" "$1" <<'PYTHON'
import ctypes, importlib.util, sys
with open(sys.argv[1], encoding="utf-8") as file:
    wanted = [line.split() for line in file if line.strip() and not line.startswith("#")]
for library, package in wanted:
    try:
        ctypes.CDLL(library)
    except OSError:
        print(library, package)
if sys.argv[2] == "venv" and not importlib.util.find_spec("ensurepip"):
    print("ensurepip", "python%d.%d-venv" % sys.version_info[:2])
PYTHON
}

# column N of the lines in $2, without repetitions, in one line
column() { printf '%s\n' "$2" | awk -v n="$1" '!seen[$n]++ { printf "%s%s", sep, $n; sep = " " }'; }

check_system() {
    [ "${SYSTEM_CHECK:-yes}" != no ] && [ "$(uname -s)" = Linux ] || return 0
    lacking=$(missing "$1")
    [ -n "$lacking" ] || return 0
    names=$(column 1 "$lacking")
    packages=$(column 2 "$lacking")
    if ! command -v apt-get >/dev/null 2>&1; then
        die "Retrace needs these parts of the system, which are missing: $names
Install them with the package manager of your distribution, then run make again
(or leave the check out: make SYSTEM_CHECK=no …)."
    fi
    if [ "$(id -u)" = 0 ]; then
        apt_install '' "$packages" || say "apt-get could not install all of them."
    elif sudo -n true 2>/dev/null; then
        apt_install 'sudo -n' "$packages" || say "apt-get could not install all of them."
    fi
    lacking=$(missing "$1")
    [ -n "$lacking" ] || return 0
    die "Retrace needs these parts of the system, which are missing: $(column 1 "$lacking")
Type this line, then run make again (or leave the check out: make SYSTEM_CHECK=no …):

  $(apt_line "$(column 2 "$lacking")")
"
}

apt_install() {
    say "Installing what Qt and OpenCV need from the system: $2"
    # Lists that are partly out of reach are no reason to stop: the packages may still be there.
    $1 apt-get update -qq </dev/null >&2 || true
    # shellcheck disable=SC2086  # one word each
    $1 env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $2 </dev/null >&2
}

apt_line() {
    if [ "$(id -u)" = 0 ]; then
        echo "apt-get update && apt-get install -y $1"
    elif command -v sudo >/dev/null 2>&1; then
        echo "sudo apt-get update && sudo apt-get install -y $1"
    else
        echo "su -c 'apt-get update && apt-get install -y $1'"
    fi
}

# --- .venv ----------------------------------------------------------------------------------------

# A .venv whose Python has been removed, or whose creation was interrupted, does not count.
venv_is_usable() {
    [ -x $VENV_PYTHON ] && $VENV_PYTHON - 2>/dev/null <<'PYTHON'
import importlib.util, sys
sys.exit(sys.version_info < (3, 11) or not importlib.util.find_spec("pip"))
PYTHON
}

# install NAME LOCK [OPTION OF PIP]: the stamp holds the lock's checksum and is written last, so that an interrupted
# installation is taken up again and a changed lock is noticed.
install() {
    stamp=.venv/.installed-$1
    sum=$(cksum <"$2")
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ]; then
        return 0
    fi
    rm -f "$stamp"
    say "Installing $2 into .venv (the first time this takes some minutes) …"
    # The lock is complete: --no-deps takes it at its word, and pip changes only what differs.
    $VENV_PYTHON -m pip install --disable-pip-version-check ${3:-} --no-deps -r "$2" </dev/null ||
        die "pip could not install $2 (see above). Run make again to go on where it stopped."
    printf '%s\n' "$sum" >"$stamp.new"
    mv "$stamp.new" "$stamp"
}

case "${1:-}" in
    system | runtime | dev) ;;
    *) die "usage: setup.sh system|runtime|dev" ;;
esac
if venv_is_usable; then
    python=$VENV_PYTHON
    check_system no-venv
else
    find_python
    check_system venv
fi
[ "$1" != system ] || exit 0
if [ "$python" != $VENV_PYTHON ]; then
    say "Creating .venv with $("$python" --version)"
    "$python" -m venv --clear .venv || die "$python could not create .venv (see above)."
fi
install runtime requirements.lock
# Most of the second lock is there by now; pip would print a line for each.
[ "$1" = runtime ] || install dev requirements-dev.lock --quiet

#!/bin/sh
# OpenVINO 2026.4.1, Linux x86-64, CPU: a signal after a Core was deleted ends the process.
#
# Expected: networks can be compiled and deleted in any order, and a signal with a handler (Ctrl-C,
# an alarm) is still handled afterwards.
# Seen: each Core gives the thread that first compiles with it another alternate signal stack. If two
# Cores are deleted in the order of their creation, the thread keeps a stack that has been freed.
# Python's handlers run on it, so the next signal ends the process with SIGSEGV (139).
# A single Core for the whole process, or deletion in reverse order, is not affected.
#
# Exit status: 0 if this is still so, 1 if it has changed, 2 if it could not be tested.
set -u
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv" &&
    "$folder/venv/bin/python" -m pip install --quiet openvino==2026.4.1 || exit 2

cat > "$folder/signal_stack.py" <<'PYTHON'
import ctypes
import gc
import signal
import sys

sys.modules["openvino_telemetry"] = None  # reports nothing
import numpy as np
import openvino
from openvino import opset13 as ops


class Stack(ctypes.Structure):
    _fields_ = [("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]


def show(when):
    stack = Stack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack))
    print(f"{when}: signal stack at {stack.start or 0:#x}, {stack.size} bytes", flush=True)


def compiled(core):
    crop = ops.parameter([1, 3, 8, 8], np.float32)
    return core.compile_model(openvino.Model([ops.relu(crop)], [crop]), "CPU")


one = openvino.Core() if sys.argv[1] == "one" else None
signal.signal(signal.SIGUSR1, lambda *_: print("handled", flush=True))
show("at first")
first = compiled(one or openvino.Core())
show("first network")
second = compiled(one or openvino.Core())
show("second network")
del first
gc.collect()
del second
gc.collect()
show("both deleted")
signal.raise_signal(signal.SIGUSR1)
PYTHON

for cores in one two; do
    echo "--- $cores"
    "$folder/venv/bin/python" "$folder/signal_stack.py" "$cores"
    echo "exit status $?" | tee "$folder/$cores"
done
grep -q ' 0$' "$folder/one" && grep -q ' 139$' "$folder/two"

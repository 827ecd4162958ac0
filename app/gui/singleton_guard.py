"""Keeps `None`, `True` and `False` alive where Qt's binding gives their references away.

PySide6 6.12.0 returns these constants without taking a reference: right on Python 3.12 and later,
where they are immortal; on 3.11 each signal that is emitted and each setter that is called takes
one away, until the interpreter stops with "deallocating None".
"""

from __future__ import annotations

import ctypes
import sys

_SPARE = 1 << 40


def keep_singletons_alive() -> None:
    """Gives the constants more references than a program can lose. Call before QApplication."""
    if sys.version_info >= (3, 12):
        return
    for constant in (None, True, False, NotImplemented, Ellipsis):
        # CPython's object header begins with the reference count.
        ctypes.c_ssize_t.from_address(id(constant)).value += _SPARE

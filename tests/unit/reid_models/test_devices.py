"""Devices by name, and whose turn it is on one."""

import threading
from itertools import pairwise

import pytest
import torch

from reid_models.devices import TurnLock, find_device, find_precision, is_out_of_memory, lock_of
from reid_models.errors import NetworkError


class Queue:
    """Threads that ask for a lock one after the other, and the order in which they got it."""

    def __init__(self, lock):
        self.lock = lock
        self.order = []
        self._threads = []

    def ask(self, name, urgent=False):
        """Returns once the thread waits in the queue."""

        def work():
            with self.lock.turn(urgent):
                self.order.append(name)

        before = self.lock.waiting()
        thread = threading.Thread(target=work)
        thread.start()
        self._threads.append(thread)
        while self.lock.waiting() == before:
            threading.Event().wait(0.001)

    def finish(self):
        for thread in self._threads:
            thread.join(10)


def test_turns_are_given_in_the_order_of_asking():
    queue = Queue(TurnLock())
    with queue.lock.turn():
        for name in "abcdef":
            queue.ask(name)
    queue.finish()
    assert queue.order == list("abcdef")


def test_the_urgent_come_first_and_in_order_among_themselves():
    queue = Queue(TurnLock())
    with queue.lock.turn():
        queue.ask("work 1")
        queue.ask("work 2")
        queue.ask("click 1", urgent=True)
        queue.ask("click 2", urgent=True)
    queue.finish()
    assert queue.order == ["click 1", "click 2", "work 1", "work 2"]


def test_who_takes_turn_after_turn_does_not_keep_others_out():
    """With a plain lock the one that gives it back takes it again before a waiting one wakes."""
    lock = TurnLock()
    turns, stop = [], threading.Event()

    def take(name):
        with lock.turn():
            while not lock.waiting() and not stop.is_set():
                threading.Event().wait(0.0005)
            turns.append(name)  # and the next turn is that of the one who waits

    def other():
        while not stop.is_set():
            take("other")

    thread = threading.Thread(target=other)
    thread.start()
    for _ in range(50):
        take("own")
    stop.set()
    thread.join(10)
    assert turns.count("own") == 50
    assert all(before != after for before, after in pairwise(turns))


def test_an_error_in_a_turn_ends_the_turn():
    lock = TurnLock()
    with pytest.raises(ZeroDivisionError), lock.turn():
        _ = 1 / 0
    with lock.turn():
        assert lock.waiting() == 0


def test_a_device_has_one_lock():
    assert lock_of(torch.device("cpu")) is lock_of(torch.device("cpu"))
    assert lock_of(torch.device("cpu")) is not lock_of(torch.device("cuda:0"))


@pytest.mark.parametrize("name", ["cuda:99", "tpu", "cpu:3", ""])
def test_a_device_that_is_not_there_is_named(name):
    with pytest.raises(NetworkError, match=f'no device "{name}"') as caught:
        find_device(name)
    assert "cpu" in caught.value.remedy


def test_auto_is_bf16_only_where_it_is_native(monkeypatch):
    cpu = find_device("cpu")
    for able, wanted in (({"avx512_bf16": True}, torch.bfloat16), ({}, torch.float32)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able, raising=False)
        assert find_precision("auto", cpu) == wanted
    assert find_precision("bf16", cpu) == torch.bfloat16
    assert find_precision("float32", cpu) == torch.float32
    with pytest.raises(NetworkError, match='no precision "fp8"'):
        find_precision("fp8", cpu)


def test_out_of_memory_is_told_from_other_errors():
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA"))
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))

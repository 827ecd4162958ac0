"""Whatever is decided, undone, redone, closed or killed: the library is the journal replayed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from stored_people import add_people, add_video, unit

from app.core.errors import LibraryError
from app.services.people.people import People
from app.services.people.sightings import Sightings
from app.storage import people_rows
from app.storage.library import Library

PEOPLE = 6
PAIRS = st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, PEOPLE - 1)).filter(
    lambda pair: pair[0] != pair[1]
)
DECISIONS = st.tuples(
    st.sampled_from(["confirm", "confirm", "reject", "doubt", "reopen", "fail", "torn"]), PAIRS
)
EDITS = st.tuples(
    st.sampled_from(["merge", "split", "remove", "delete", "name", "mark", "thing", "back"]), PAIRS
)
STEPS = (
    DECISIONS
    | EDITS
    | st.sampled_from([(name, None) for name in ("undo", "undo", "redo", "reopen", "kill")])
)


class Desk:
    """A library that is decided in, and a copy of its beginning to replay the journal in."""

    def __init__(self, empty: Path, folder: Path) -> None:
        self._empty, self._folder, self._copies = empty, folder, 0
        self._opened: list[Library] = []
        self.library = self._copy_of(empty)
        self.ids = [each.id for each in self.library.tracklets_of(1)]
        self.made: list[tuple[str, int, int]] = []
        self.undone: list[tuple[str, int, int]] = []

    def close(self) -> None:
        for library in self._opened:
            library.close()

    def step(self, name: str, pair: tuple[int, int] | None) -> None:
        people = People(self.library)
        if pair is not None:
            one, other = (self.ids[each] for each in pair)
            if name == "fail":
                fail_half_way(people, one, other)
            elif name == "torn":
                self.library = self._killed_half_way(people, one, other)
            elif made(people, name, one, other):
                self.made.append((name, one, other))
                self.undone.clear()
        elif name == "undo":
            assert bool(people.undo()) == bool(self.made)
            if self.made:
                self.undone.append(self.made.pop())
        elif name == "redo":
            assert bool(people.redo()) == bool(self.undone)
            if self.undone:
                self.made.append(self.undone.pop())
        elif name == "reopen":
            self.library.close()
            self.library = self._keep(Library.open(self.library.folder))
        else:
            # What a killed process leaves: its files as they are, nothing closed.
            self.library = self._copy_of(self.library.folder)

    def check(self) -> None:
        people = People(self.library)
        state = people.undo_state()
        assert bool(state.undoable) == bool(self.made)
        assert bool(state.redoable) == bool(self.undone)
        replayed = self._copy_of(self._empty)
        for name, one, other in self.made:
            assert made(People(replayed), name, one, other)
        assert content(self.library, self.ids) == content(replayed, self.ids)
        assert self.library.misplaced_tracklets() == {}

    def _killed_half_way(self, people: People, one: int, other: int) -> Library:
        """What a process leaves that is killed before the last write of a decision."""
        copies: list[Library] = []

        def die(*_: object) -> None:
            copies.append(self._copy_of(self.library.folder))
            raise LibraryError("Killed.", "")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(people_rows, "_move", die)
            with pytest.raises(LibraryError):
                people.confirm(one, other)
        return copies[0]

    def _copy_of(self, folder: Path) -> Library:
        self._copies += 1
        target = self._folder / str(self._copies)
        shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.lock"))
        return self._keep(Library.open(target))

    def _keep(self, library: Library) -> Library:
        self._opened.append(library)
        return library


def made(people: People, name: str, one: int, other: int) -> bool:
    """Makes a step, if it is one that can be made and changes something; says whether it did."""
    if name in ("confirm", "reject", "doubt", "reopen"):
        getattr(people, name)(one, other)
        return True
    if name in ("thing", "back"):
        return bool(Sightings(people.library).say_thing([one], is_thing=name == "thing"))
    person, second = (people.library.tracklet(each).identity_id for each in (one, other))
    if person is None:
        return False
    if name in ("merge", "split"):
        argument = second if name == "merge" else [one]
        if argument is None or argument == person or len(people.sightings(person)) == 1:
            return False
        getattr(people, name)(person, argument)
    elif name == "remove":
        people.remove(person, one)
    elif name == "delete":
        people.delete(person)
    else:
        before = people.undo_state()
        people.name(person, f"Named {other}") if name == "name" else people.mark(
            person, f"#00000{other}"
        )
        return people.undo_state() != before
    return True


def fail_half_way(people: People, one: int, other: int) -> None:
    """A decision whose last write finds the disk full."""

    def full(*_: object) -> None:
        raise LibraryError("The disk is full.", "Free some space.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people_rows, "_move", full)
        with pytest.raises(LibraryError):
            people.confirm(one, other)


def content(library: Library, ids: list[int]) -> object:
    known = {each.id: (each.name, each.colour) for each in library.identities()}
    who = [each.identity_id for each in library.tracklets(ids)]
    things = [each.id for each in library.things()]
    decisions = [(d.tracklet_id, d.other_id, d.verdict) for d in library.decisions()]
    return [each and known[each] for each in who], decisions, things


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with people about whom nothing was decided."""
    folder = tmp_path_factory.mktemp("empty") / "library"
    with Library.open(folder, create=True) as library:
        video = add_video(library, folder.parent / "cam1.mp4")
        add_people(library, video, [unit(1, place) for place in range(PEOPLE)])
    return folder


@pytest.fixture
def new_desk(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Desk]:
    return lambda: Desk(empty, tmp_path_factory.mktemp("desk"))


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # making a failure shorter would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEPS, min_size=5, max_size=16))
def test_the_library_is_the_journal_replayed(new_desk, steps) -> None:
    desk = new_desk()
    try:
        for step in steps:
            desk.step(*step)
        desk.check()
    finally:
        desk.close()

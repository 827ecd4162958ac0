"""Confirming, rejecting and taking back, on a real library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stored_people import add_people, add_video, unit

from app.core.errors import NotFoundError, SeenTogetherError, UsageError
from app.core.queries import PersonQuery, TrackletQuery
from app.services.people.people import People
from app.storage.library import Library
from tests.decisions import verdicts


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as opened:
        yield opened


@pytest.fixture
def ids(library: Library) -> list[int]:
    """Five tracklets."""
    video = add_video(library, library.folder.parent / "cam1.mp4")
    return [each.id for each in add_people(library, video, [unit(1, place) for place in range(5)])]


def persons(library: Library, ids: list[int]) -> list[str | None]:
    """The name of each tracklet's identity."""
    names = {identity.id: identity.name for identity in library.identities()}
    return [
        None if each.identity_id is None else names[each.identity_id]
        for each in library.tracklets(ids)
    ]


def test_confirming_makes_one_person_who_grows(library: Library, ids: list[int]) -> None:
    people = People(library)
    identity = people.confirm(ids[0], ids[1])
    assert identity.name == "Person 1"
    assert people.confirm(ids[1], ids[2]) == identity
    assert people.confirm(ids[3], ids[4]).name == "Person 2"
    assert persons(library, ids) == ["Person 1"] * 3 + ["Person 2"] * 2
    assert verdicts(people.library, ids[0]) == {ids[1]: "same", ids[2]: "same"}
    assert verdicts(people.library, ids[2]) == {ids[0]: "same", ids[1]: "same"}


def test_confirming_across_two_people_makes_them_one(library: Library, ids: list[int]) -> None:
    people = People(library)
    people.confirm(ids[0], ids[1])
    people.confirm(ids[2], ids[3])
    people.confirm(ids[1], ids[3])
    assert persons(library, ids) == ["Person 1"] * 4 + [None]


def test_a_name_given_by_the_user_survives_a_merge(library: Library, ids: list[int]) -> None:
    people = People(library)
    people.confirm(ids[0], ids[1])
    guard = people.confirm(ids[2], ids[3])
    assert people.name(guard.id, "  Night guard ").name == "Night guard"
    assert people.confirm(ids[0], ids[2]).name == "Night guard"
    assert persons(library, ids) == ["Night guard"] * 4 + [None]
    with pytest.raises(UsageError, match="empty"):
        people.name(guard.id, " ")


def test_rejection_is_remembered_from_both_sides(library: Library, ids: list[int]) -> None:
    People(library).reject(ids[0], ids[1])
    assert persons(library, ids) == [None] * 5
    reopened = People(library)
    assert verdicts(reopened.library, ids[0]) == {ids[1]: "different"}
    assert verdicts(reopened.library, ids[1]) == {ids[0]: "different"}
    assert verdicts(reopened.library, ids[2]) == {}


def test_rejection_holds_for_everyone_of_the_same_person(library: Library, ids: list[int]) -> None:
    people = People(library)
    people.confirm(ids[0], ids[1])
    people.confirm(ids[2], ids[3])
    people.reject(ids[0], ids[2])
    assert verdicts(people.library, ids[1]) == {
        ids[0]: "same",
        ids[2]: "different",
        ids[3]: "different",
    }


def test_the_last_word_counts(library: Library, ids: list[int]) -> None:
    people = People(library)
    people.confirm(ids[0], ids[1])
    people.reject(ids[0], ids[1])
    assert persons(library, ids[:2]) == ["Person 1", None]
    assert verdicts(people.library, ids[0]) == {ids[1]: "different"}
    people.confirm(ids[1], ids[0])
    assert persons(library, ids[:2]) == ["Person 1"] * 2
    assert verdicts(people.library, ids[0]) == {ids[1]: "same"}
    people.reject(ids[1], ids[0])
    assert verdicts(people.library, ids[0]) == {ids[1]: "different"}


def test_rejected_hit_takes_along_whoever_came_through_it(library: Library, ids: list[int]) -> None:
    people = People(library)
    people.confirm(ids[0], ids[1])  # 1 also stays, confirmed without 2
    people.confirm(ids[0], ids[2])
    people.confirm(ids[2], ids[3])  # 3 came through 2
    people.confirm(ids[2], ids[4])
    people.confirm(ids[1], ids[4])  # 4 did not only
    people.reject(ids[0], ids[2])
    assert persons(library, ids) == ["Person 1", "Person 1", "Person 2", "Person 2", "Person 1"]
    assert verdicts(people.library, ids[0]) == {
        ids[1]: "same",
        ids[2]: "different",
        ids[3]: "different",
        ids[4]: "same",
    }


def test_rejected_hit_leaves_even_if_others_had_confirmed_it(
    library: Library, ids: list[int]
) -> None:
    people = People(library)
    people.confirm(ids[0], ids[1])
    people.confirm(ids[1], ids[2])
    people.confirm(ids[0], ids[2])
    people.reject(ids[0], ids[2])
    assert persons(library, ids[:3]) == ["Person 1", "Person 1", None]
    assert verdicts(people.library, ids[1]) == {ids[0]: "same", ids[2]: "different"}


def test_undo_takes_back_one_decision_after_the_other(library: Library, ids: list[int]) -> None:
    people = People(library)
    states = []

    def state() -> tuple[list[str | None], list[dict[int, str]]]:
        return persons(library, ids), [dict(verdicts(people.library, each)) for each in ids]

    for decide, one, other in [
        (people.confirm, 0, 1),
        (people.confirm, 2, 3),
        (people.reject, 0, 2),
        (people.confirm, 0, 2),
        (people.reject, 1, 0),
        (people.reject, 4, 0),
        (people.confirm, 4, 0),
    ]:
        states.append(state())
        decide(ids[one], ids[other])
    last = state()
    for before in reversed(states):
        people = People(library)  # undo needs nothing that is only in memory
        undone = people.undo()
        assert undone is not None
        assert state() == before
    assert undone.verdict == "same"
    assert (undone.tracklet_id, undone.other_id) == (ids[0], ids[1])
    assert people.undo() is None
    assert library.decisions() == []
    for after in [*states[1:], last]:
        people = People(library)
        assert people.redo() is not None
        assert state() == after
    assert people.redo() is None


def test_a_person_that_undoing_left_empty_is_used_again(library: Library, ids: list[int]) -> None:
    people = People(library)
    people.confirm(ids[0], ids[1])
    people.undo()
    assert people.confirm(ids[2], ids[3]).name == "Person 1"
    assert len(library.identities()) == 1


def test_undo_after_the_video_was_ingested_again(library: Library, ids: list[int]) -> None:
    people = People(library)
    people.reject(ids[0], ids[1])
    people.confirm(ids[0], ids[1])
    library.rewind_video(library.videos()[0].id, to_start=True)
    assert people.undo() is not None
    assert verdicts(people.library, ids[0]) == {}


def test_decisions_need_two_tracklets_that_exist(library: Library, ids: list[int]) -> None:
    people = People(library)
    with pytest.raises(NotFoundError):
        people.confirm(ids[0], 99)
    with pytest.raises(NotFoundError):
        people.reject(99, ids[0])
    with pytest.raises(ValueError, match="itself"):
        people.confirm(ids[0], ids[0])
    assert library.identities() == []
    assert people.undo() is None


# Left for later, and open again ------------------------------------------------------------------


def test_one_may_be_left_for_later_or_open_again(library: Library, ids: list[int]) -> None:
    people = People(library)
    people.doubt(ids[0], ids[1])
    assert verdicts(library, ids[0]) == {ids[1]: "maybe"}
    people.confirm(ids[0], ids[1])
    people.confirm(ids[0], ids[2])
    people.doubt(ids[0], ids[1])  # no longer sure
    assert persons(library, ids[:3]) == ["Person 1", None, "Person 1"]
    assert verdicts(library, ids[2]) == {ids[0]: "same", ids[1]: "maybe"}
    people.reopen(ids[0], ids[1])
    assert verdicts(library, ids[2]) == {ids[0]: "same"}
    people.undo()
    assert verdicts(library, ids[2]) == {ids[0]: "same", ids[1]: "maybe"}


def test_two_boxes_of_a_frame_are_one_person_only_if_the_user_insists(library: Library) -> None:
    video = add_video(library, library.folder.parent / "cam1.mp4")
    times = [(0.0, 0.2, 0.4), (0.4, 0.6), (0.3, 0.5)]  # the last one between their frames
    one, two, three = (
        each.id for each in add_people(library, video, [unit(1, 0)] * 3, times=times)
    )
    other = add_video(library, library.folder.parent / "cam2.mp4", "cam2")
    (elsewhere,) = (each.id for each in add_people(library, other, [unit(1, 0)]))
    people = People(library)
    people.confirm(one, three)
    people.confirm(one, elsewhere)
    with pytest.raises(SeenTogetherError, match="cam1.mp4 shows both at once, at 0:00:00.4"):
        people.confirm(three, two)  # through the first one, who is three's person
    assert persons(library, [one, two, three]) == ["Person 1", None, "Person 1"]
    people.confirm(three, two, anyway=True)
    people.confirm(two, one)  # they are one by now
    assert persons(library, [one, two, three]) == ["Person 1"] * 3


# Whole people ------------------------------------------------------------------------------------


def test_people_are_merged_split_and_deleted_and_all_of_it_is_undone(
    library: Library, ids: list[int]
) -> None:
    people = People(library)
    one = people.confirm(ids[0], ids[1])
    two = people.confirm(ids[2], ids[3])
    states = [persons(library, ids)]
    assert people.merge(one.id, two.id) == one
    states.append(persons(library, ids))
    assert states[-1] == ["Person 1"] * 4 + [None]
    guard = people.split(one.id, [ids[1], ids[2]], "Guard")
    assert persons(library, ids) == ["Person 1", "Guard", "Guard", "Person 1", None]
    assert verdicts(library, ids[0]) == {
        ids[1]: "different", ids[2]: "different", ids[3]: "same",
    }  # fmt: skip
    people.remove(guard.id, ids[2])
    assert persons(library, ids) == ["Person 1", "Guard", None, "Person 1", None]
    people.delete(one.id)
    assert persons(library, ids) == [None, "Guard", None, None, None]
    assert [(each.name, count) for each, count in people.all()] == [("Guard", 1)]
    people.remove(guard.id, ids[1])  # the last one
    assert people.all() == []
    while persons(library, ids) != states[-1]:
        assert people.undo() is not None
    people.undo()
    assert persons(library, ids) == states[0]
    while people.redo() is not None:
        pass
    assert people.all() == []


def test_what_cannot_be_done_with_people_is_said(library: Library, ids: list[int]) -> None:
    people = People(library)
    one = people.confirm(ids[0], ids[1])
    for wrong, said in (
        (lambda: people.merge(one.id, one.id), "the same person"),
        (lambda: people.split(one.id, ids[:2]), "must keep at least one"),
        (lambda: people.split(one.id, []), "no sighting"),
        (lambda: people.split(one.id, [ids[4]]), f"no sighting {ids[4]}"),
        (lambda: people.remove(one.id, ids[3]), f"no sighting {ids[3]}"),
        (lambda: people.mark(one.id, "red"), "not a colour"),
    ):
        with pytest.raises(UsageError, match=said):
            wrong()
    with pytest.raises(NotFoundError):
        people.merge(one.id, 99)
    assert persons(library, ids) == ["Person 1"] * 2 + [None] * 3


def test_name_colour_and_notes_are_kept_and_undone(library: Library, ids: list[int]) -> None:
    people = People(library)
    person = people.confirm(ids[0], ids[1])
    people.name(person.id, "Ann")
    people.mark(person.id, "#C03060")
    people.note(person.id, "  red hat\n")
    people.note(person.id, "red hat")  # the same: nothing to undo
    kept = library.identity(person.id)
    assert (kept.name, kept.colour, kept.notes) == ("Ann", "#c03060", "red hat")
    for _ in range(3):
        people.undo()
    assert library.identity(person.id) == person


def test_a_person_is_searched_by_all_sightings_without_the_rejected(
    library: Library, ids: list[int]
) -> None:
    people = People(library)
    person = people.confirm(ids[0], ids[1])
    people.reject(ids[0], ids[2])
    people.reject(ids[1], ids[3])
    people.doubt(ids[0], ids[4])
    shown = tuple(TrackletQuery(each) for each in ids[:2])
    assert people.query(person.id).shown == shown
    assert people.query(person.id).rejected == (ids[2], ids[3])
    people.reopen(ids[0], ids[2])
    assert people.query(person.id).rejected == (ids[3],)
    assert isinstance(people.query(person.id), PersonQuery)


def test_somebody_known_by_pictures_begins_with_one_sighting(
    library: Library, ids: list[int]
) -> None:
    people = People(library)
    person = people.begin(ids[0])
    assert persons(library, ids[:2]) == ["Person 1", None]
    assert people.begin(ids[0]) == person
    assert people.confirm(ids[0], ids[1]) == person
    people.undo()
    assert people.undo() is not None
    assert persons(library, ids[:2]) == [None, None]
    assert people.undo() is None


def test_the_search_for_a_sighting_knows_what_was_said_about_it(
    library: Library, ids: list[int]
) -> None:
    people = People(library)
    assert people.query_of(ids[1]) == TrackletQuery(ids[1])
    people.reject(ids[1], ids[2])
    people.confirm(ids[0], ids[1])
    query = people.query_of(ids[1])
    assert isinstance(query, PersonQuery)
    assert query.shown == (TrackletQuery(ids[1]), TrackletQuery(ids[0]))
    assert query.rejected == (ids[2],)
    assert people.query_of(ids[3]) == TrackletQuery(ids[3])

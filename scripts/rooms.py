"""Prints the rooms of a package, what they import of each other, and circles between them.

A room is a module or package directly inside, an arrow says that one imports another, even if only
for type checking or inside a function. A floor is how many arrows lie below a room at most.

Run from the checkout: ``.venv/bin/python -m scripts.rooms`` for the window and the services, or
``.venv/bin/python -m scripts.rooms --checkout ../old app.gui`` for other packages of another one.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

PACKAGES = ("app.gui", "app.services")
Arrows = Counter[tuple[str, str]]


def arrows_of(graph: grimp.ImportGraph, package: str) -> tuple[set[str], Arrows]:
    """The rooms of a package, and how many imports lead from one to another."""
    rooms = graph.find_children(package)
    inside = {name: room for room in rooms for name in {room} | graph.find_descendants(room)}
    arrows: Arrows = Counter()
    for name, room in inside.items():
        for imported in graph.find_modules_directly_imported_by(name):
            other = inside.get(imported)
            if other is not None and other != room:
                arrows[room, other] += 1
    return rooms, arrows


def floors_of(rooms: set[str], arrows: Arrows) -> dict[str, int] | None:
    """On which floor each room is, from 0; None if there are circles."""
    below = {room: {other for one, other in arrows if one == room} for room in rooms}
    floors: dict[str, int] = {}
    try:
        for room in TopologicalSorter(below).static_order():
            floors[room] = 1 + max((floors[other] for other in below[room]), default=-1)
    except CycleError:
        return None
    return floors


def report(graph: grimp.ImportGraph, package: str, *, is_top: bool) -> None:
    """Prints a package; of those inside it, only circles."""
    rooms, arrows = arrows_of(graph, package)
    back = sorted(graph.nominate_cycle_breakers(package)) if len(rooms) > 1 else []
    if is_top:
        floors = floors_of(rooms, arrows)
        height = "has circles" if floors is None else f"{max(floors.values()) + 1} floors"
        _print(f"{package}: {len(rooms)} rooms, {len(arrows)} arrows, {height}")
        order = floors or dict.fromkeys(rooms, 0)
        for room in sorted(rooms, key=lambda each: (-order[each], each)):
            modules = 1 + len(graph.find_descendants(room))
            imports = [f"{_last(to)} {count}" for (one, to), count in arrows.items() if one == room]
            _print(
                f"  {order[room]} {_last(room)} ({modules}) → {', '.join(sorted(imports)) or '–'}"
            )
    for importer, imported in back:
        _print(f"  back arrow in {package}: {importer} → {imported}")
    for room in sorted(rooms):
        if graph.find_children(room):
            report(graph, room, is_top=False)


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="*", default=PACKAGES)
    parser.add_argument("--checkout", type=Path, default=Path(), help="folder of the code")
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.checkout.resolve()))
    tops = sorted({package.partition(".")[0] for package in arguments.packages})
    graph = grimp.build_graph(*tops, cache_dir=None)
    for package in arguments.packages:
        report(graph, package, is_top=True)


if __name__ == "__main__":
    main()

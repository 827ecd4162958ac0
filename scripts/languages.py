"""Brings the files of resources/languages up to the texts of the program.

    .venv/bin/python scripts/languages.py            add what is new, drop what is gone
    .venv/bin/python scripts/languages.py --new de   begin a language

A text that changed counts as new: its translation is empty until somebody writes it.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = ROOT / "resources" / "languages"
PUBLIC = ROOT / "resources" / "models" / "public.toml"
# The rows of core/layouts.py name themselves.
KEYWORDS = {"tr": None, "trn": (1, 2), "Layout": (1,)}


def texts() -> Catalog:
    """All texts of the program, without translations."""
    catalog = Catalog(project="Retrace", charset="utf-8")
    found = extract_from_dir(ROOT / "app", [("**.py", "python")], keywords=KEYWORDS)
    for place, _line, message, _comments, _context in sorted(found, key=lambda each: each[:2]):
        catalog.add(message, locations=[(f"app/{place}", None)])
    for network in tomllib.loads(PUBLIC.read_text(encoding="utf-8"))["network"]:
        catalog.add(network["purpose"], locations=[(str(PUBLIC.relative_to(ROOT)), None)])
    return catalog


def main() -> int:
    """Updates every file; returns 1 if some text has no translation."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--new", metavar="CODE", help="a language to begin, such as de or zh_TW")
    new = parser.parse_args().new
    LANGUAGES.mkdir(exist_ok=True)
    files = sorted({*LANGUAGES.glob("*.po"), *([LANGUAGES / f"{new}.po"] if new else [])})
    missing = 0
    for path in files:
        catalog = Catalog(
            locale=Locale.parse(path.stem),
            header_comment=f"# {path.stem}",
            project="Retrace",
            version="",
            msgid_bugs_address="",
            last_translator="",
            language_team="",
            charset="utf-8",
            fuzzy=False,
        )
        if path.exists():
            with path.open("rb") as file:
                catalog = read_po(file, locale=path.stem)
        catalog.update(texts(), no_fuzzy_matching=True, update_creation_date=False)
        catalog.obsolete.clear()
        with path.open("wb") as file:
            write_po(file, catalog, width=96, sort_output=True, omit_header=False)
        empty = sum(not all(_strings(each.string)) for each in catalog if each.id)
        missing += empty
        sys.stdout.write(f"{path.name}: {len(catalog)} texts, {empty} without a translation\n")
    return 1 if missing else 0


def _strings(given: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (given or "",) if given is None or isinstance(given, str) else tuple(given)


if __name__ == "__main__":
    raise SystemExit(main())

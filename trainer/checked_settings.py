"""Tables of settings become frozen dataclasses; what is wrong is told with what may stand there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from trainer.errors import TrainerError

_LONGEST = 60
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    NoneType: "nothing",
}


def build(kind: type[Any], values: Mapping[str, Any], where: str) -> Any:
    """A checked frozen dataclass out of a table.

    Args:
        kind: of dataclass.
        values: as TOML or JSON holds them.
        where: name of the table, for messages; "" for the whole file.

    Raises:
        TrainerError: unknown key (the known ones are named), wrong type, impossible value.
    """
    _check_keys(kind, values, where)
    try:
        # By way of JSON: then lists are tuples and 1 is 1.0, but "1" is still no number.
        return TypeAdapter(kind).validate_json(json.dumps(values), strict=True)
    except TypeError as error:  # a date, which TOML knows and JSON does not
        raise TrainerError(
            f'A value in "{where or "the file"}" is neither number, text nor list: {error}.',
            "Write numbers, texts in quotes, lists, true or false.",
        ) from error
    except ValidationError as error:
        place = error.errors(include_url=False)[0]["loc"]
        raise _wrong(_setting(kind, values, where, place)) from error


def require(holds: bool, key: str, value: object, allowed: str) -> None:
    """Raises TrainerError, unless a setting has a value that is possible.

    Args:
        holds: whether it is.
        key: of the setting, with its table.
        value: as it is set.
        allowed: what it may be, for the message.
    """
    if not holds:
        raise TrainerError(f'The setting "{key}" cannot be {_shown(value)}.', _remedy(allowed))


@dataclass(frozen=True)
class _Setting:
    """A setting that is wrong; without a value if it is missing."""

    key: str
    kind: Any
    value: Any
    missing: bool


def _setting(
    kind: Any, values: Mapping[str, Any], where: str, place: Sequence[int | str]
) -> _Setting:
    """The innermost setting with a name of its own on the way to a wrong value."""
    names, value, missing = [where] if where else [], values, False
    for part in place:
        inner = get_args(kind)[:1]
        if isinstance(part, str) and is_dataclass(kind) and isinstance(value, Mapping):
            kind, missing = get_type_hints(kind)[part], part not in value
            value = value.get(part, {})
        elif isinstance(part, int) and get_origin(kind) is tuple and is_dataclass(inner[0]):
            kind, value = inner[0], value[part]  # type: ignore[index]
        else:
            break
        names.append(str(part))
    return _Setting(".".join(names), kind, value, missing)


def _wrong(setting: _Setting) -> TrainerError:
    remedy = _remedy(_described(setting.kind))
    if setting.missing:
        return TrainerError(f'The setting "{setting.key}" is missing.', remedy)
    return TrainerError(
        f'The setting "{setting.key}" cannot be {_shown(setting.value)}.',
        remedy,
    )


def _remedy(allowed: str) -> str:
    return f"Set it to {allowed}."


def _described(kind: Any) -> str:
    """What a value of a type looks like in a TOML."""
    inner = get_args(kind)
    if get_origin(kind) is Literal:
        return _or([_shown(each) for each in inner])
    if get_origin(kind) in (Union, UnionType):
        # A TOML knows no None: such a setting is left out.
        return _or([_described(each) for each in inner if each is not NoneType])
    if get_origin(kind) is tuple:
        if inner[-1] is Ellipsis:
            return f"a list in brackets, each entry {_described(inner[0])}"
        return f"[{', '.join(map(_described, inner))}]"
    if is_dataclass(kind):
        return f"a table with {_known(kind)}"
    return _KINDS.get(kind, "a table")


def _or(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _shown(value: object) -> str:
    """As a TOML has it, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _check_keys(kind: type[Any], values: Any, where: str) -> None:
    """Looks for unknown keys in all tables; wrong types are left to pydantic."""
    if not isinstance(values, Mapping):
        return
    types = get_type_hints(kind)
    for key, value in values.items():
        name = f"{where}.{key}" if where else key
        if key not in types:
            raise TrainerError(f'There is no setting "{name}".', f"Use {_instead(kind, key)}.")
        inner = types[key]
        if is_dataclass(inner) and isinstance(inner, type):
            _check_keys(inner, value, name)
        elif get_origin(inner) is tuple and isinstance(value, list):
            for number, each in enumerate(value):
                if is_dataclass(get_args(inner)[0]):
                    _check_keys(get_args(inner)[0], each, f"{name}.{number}")


def _instead(kind: type[Any], key: str) -> str:
    """The keys of a table; of one that stands a table deeper, the whole name."""
    deeper = [
        f"{name}.{key}"
        for name, inner in get_type_hints(kind).items()
        if is_dataclass(inner) and key in {each.name for each in fields(inner)}
    ]
    return _or(deeper) if deeper else _known(kind)


def _known(kind: Any) -> str:
    return ", ".join(entry.name for entry in fields(kind))

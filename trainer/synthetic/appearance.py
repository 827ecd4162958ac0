"""What makes a person that person: build, face, hair, clothes, and what is carried.

Colours are drawn as often as streets show them: black, grey, blue and white prevail, so that many
people look much alike and colour alone tells few apart.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trainer.synthetic.draws import between, chance, draws, pick
from trainer.synthetic.surfaces import Colour, Decal, Surface

_COLOURS: dict[str, Colour] = {
    "black": (0.09, 0.09, 0.10), "charcoal": (0.22, 0.22, 0.24), "grey": (0.48, 0.48, 0.49),
    "silver": (0.68, 0.68, 0.69), "white": (0.90, 0.90, 0.89), "cream": (0.86, 0.81, 0.70),
    "navy": (0.11, 0.14, 0.27), "blue": (0.17, 0.30, 0.58), "denim": (0.29, 0.38, 0.52),
    "light blue": (0.55, 0.68, 0.82), "red": (0.70, 0.12, 0.14), "wine": (0.38, 0.09, 0.14),
    "pink": (0.86, 0.56, 0.62), "orange": (0.85, 0.43, 0.13), "yellow": (0.86, 0.74, 0.23),
    "green": (0.16, 0.40, 0.24), "lime": (0.55, 0.78, 0.22), "olive": (0.33, 0.34, 0.20),
    "teal": (0.13, 0.42, 0.45), "purple": (0.36, 0.20, 0.45), "beige": (0.72, 0.63, 0.49),
    "khaki": (0.58, 0.51, 0.37), "brown": (0.34, 0.23, 0.16),
}  # fmt: skip
_TOPS = {
    "black": 20, "charcoal": 9, "grey": 9, "silver": 4, "white": 16, "cream": 2, "navy": 9,
    "blue": 5, "denim": 3, "light blue": 4, "red": 5, "wine": 3, "pink": 3, "orange": 1.5,
    "yellow": 1.5, "green": 2.5, "lime": 1, "olive": 2.5, "teal": 1.5, "purple": 1.5, "beige": 3,
    "khaki": 1.5, "brown": 2.5,
}  # fmt: skip
_BOTTOMS = {
    "black": 28, "charcoal": 9, "grey": 7, "silver": 1, "white": 3, "navy": 12, "blue": 3,
    "denim": 19, "light blue": 3, "beige": 4, "khaki": 5, "brown": 3, "olive": 3, "red": 1,
    "wine": 1, "pink": 1, "green": 0.7,
}  # fmt: skip
_SHOES = {
    "black": 40,
    "white": 26,
    "charcoal": 8,
    "grey": 6,
    "brown": 9,
    "red": 3,
    "navy": 4,
    "pink": 1,
}
_BAGS = {"black": 42, "charcoal": 10, "navy": 10, "grey": 7, "brown": 9, "red": 5, "olive": 3,
         "pink": 3, "beige": 4, "blue": 4, "yellow": 1.5, "purple": 1.5}  # fmt: skip
_HAIR: dict[Colour, float] = {
    (0.07, 0.06, 0.06): 45, (0.16, 0.11, 0.08): 22, (0.30, 0.20, 0.12): 12,
    (0.55, 0.42, 0.24): 8, (0.42, 0.42, 0.43): 8, (0.75, 0.74, 0.72): 4, (0.42, 0.17, 0.09): 2,
}  # fmt: skip
_SKIN: dict[Colour, float] = {
    (0.90, 0.72, 0.61): 28, (0.82, 0.62, 0.49): 28, (0.70, 0.50, 0.37): 18,
    (0.52, 0.35, 0.25): 12, (0.34, 0.22, 0.16): 9,
}  # fmt: skip
_PATTERNS = {"plain": 66, "stripes": 9, "bars": 3, "checks": 8, "block": 6, "dots": 2,
             "camouflage": 2, "gradient": 2}  # fmt: skip


@dataclass(frozen=True)
class Build:
    """A body's measures.

    Attributes:
        stature_m: height without shoes and hair.
        feminine: 0 to 1, hips against shoulders.
        girth: 1 is lean; 1.35 is stout.
    """

    stature_m: float
    feminine: float
    girth: float


@dataclass(frozen=True)
class Appearance:
    """A person, whatever the pose.

    Attributes:
        build: the body's measures.
        skin, head, hair, top, sleeves, bottom, legs, shoes: materials; the sleeves' and the legs'
            decals hold what skin they leave bare.
        hair_style: "bald", "short", "bob", "long", "tail", "bun", "curls".
        hat: "", "cap", "beanie", "brim", "helmet", "hood".
        hat_surface: its material.
        hem: where the top ends, as a share of the stature; below 0.4 it is a coat or a dress.
        flare: how much wider than the body a coat, dress or skirt hangs.
        skirt_hem: where a skirt ends, as a share of the stature; 0: trousers or shorts.
        width: looseness of the trousers in metres.
        bag: "", "backpack", "shoulder", "tote", "suitcase", "plastic".
        bag_surface: its material.
        umbrella: whether one is carried open.
        vigour, pace_m_s: how the person walks.
    """

    build: Build
    skin: Surface
    head: Surface
    hair: Surface
    top: Surface
    sleeves: Surface
    bottom: Surface
    legs: Surface
    shoes: Surface
    hair_style: str
    hat: str
    hat_surface: Surface
    hem: float
    flare: float
    skirt_hem: float
    width: float
    bag: str
    bag_surface: Surface
    umbrella: bool
    vigour: float
    pace_m_s: float


def draw_appearance(seed: int, identity: int) -> Appearance:
    """The person with this number, in the world with this seed."""
    rng = draws(seed, "appearance", identity)
    build = _draw_build(rng)
    feminine, child = build.feminine > 0.5, build.stature_m < 1.45
    skin = Surface(_varied(rng, pick(rng, _SKIN), 0.02), grain=0.02)
    hair = Surface(_varied(rng, pick(rng, _HAIR), 0.02), grain=0.15, gloss=0.15)
    styles = (
        {"long": 30, "tail": 24, "bob": 20, "bun": 10, "short": 10, "curls": 6}
        if feminine
        else {"short": 78, "bald": 9, "curls": 6, "bob": 4, "tail": 2}
    )
    hair_style = pick(rng, styles)
    outfit = pick(
        rng,
        {"trousers": 62, "shorts": 12, "skirt": 9, "dress": 9, "coat": 8}
        if feminine
        else {"trousers": 74, "shorts": 18, "coat": 8},
    )
    length = pick(rng, {"short": 46, "long": 46, "none": 5, "rolled": 6})
    if outfit == "coat":
        length = "long"
    top, sleeves = _draw_top(rng, outfit, length, build, skin.colour)
    bottom, legs, skirt_hem, width = _draw_bottom(rng, outfit, build, skin.colour)
    hem = between(rng, 0.47, 0.515)
    if outfit == "coat":
        hem = between(rng, 0.27, 0.42)
    elif outfit == "dress":
        hem = between(rng, 0.20, 0.34)
    hat = pick(rng, {"": 82, "cap": 8, "beanie": 4, "brim": 2, "helmet": 1.5, "hood": 2.5})
    hat_surface = top if hat == "hood" else Surface(_colour(rng, _TOPS), folds=0.2, grain=0.05)
    bag = pick(
        rng, {"": 48, "backpack": 22, "shoulder": 13, "tote": 8, "plastic": 5, "suitcase": 4}
    )
    bag_colour = (0.9, 0.9, 0.9) if bag == "plastic" else _colour(rng, _BAGS)
    bag_surface = Surface(
        bag_colour, pick(rng, {"plain": 8, "block": 2}), _colour(rng, _BAGS), 0.22, folds=0.3
    )
    return Appearance(
        build, skin, _draw_head(rng, skin.colour, hair.colour, hair_style, feminine or child), hair,
        _strapped(top, bag, bag_colour), sleeves, bottom, legs,
        Surface(_colour(rng, _SHOES), grain=0.05, gloss=0.2),
        hair_style, hat, hat_surface, hem, between(rng, 1.0, 1.35), skirt_hem, width, bag,
        bag_surface, chance(rng, 0.03), between(rng, 0.8, 1.15),
        float(np.clip(rng.normal(1.32, 0.17), 0.9, 1.8)),
    )  # fmt: skip


def _draw_build(rng: np.random.Generator) -> Build:
    feminine = chance(rng, 0.5)
    stature = float(np.clip(rng.normal(1.64 if feminine else 1.76, 0.065), 1.46, 2.05))
    if chance(rng, 0.05):  # a child
        stature = between(rng, 1.15, 1.44)
    girth = float(np.clip(rng.normal(1.08, 0.12), 0.88, 1.5))
    return Build(stature, between(rng, 0.7, 1) if feminine else between(rng, 0, 0.25), girth)


def _colour(rng: np.random.Generator, weights: Mapping[str, float]) -> Colour:
    return _varied(rng, _COLOURS[pick(rng, weights)], 0.035)


def _varied(rng: np.random.Generator, colour: Colour, much: float) -> Colour:
    """A colour beside this one."""
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    hue = (hue + float(rng.normal(0, much * 0.5))) % 1
    saturation = float(np.clip(saturation * (1 + rng.normal(0, 4 * much)), 0, 1))
    value = float(np.clip(value * (1 + rng.normal(0, 3 * much)), 0.05, 0.95))
    return colorsys.hsv_to_rgb(hue, saturation, value)


def _draw_head(
    rng: np.random.Generator, skin: Colour, hair: Colour, style: str, beardless: bool
) -> Surface:
    """Face and hair line: metres up from the chin, metres sideways from the nose."""
    dark = (skin[0] * 0.35, skin[1] * 0.3, skin[2] * 0.3)
    lip = (skin[0] * 0.85, skin[1] * 0.55, skin[2] * 0.55)
    shaded = (skin[0] * 0.8, skin[1] * 0.75, skin[2] * 0.72)
    decals = [
        Decal(shaded, (0, 0.085), (0.014, 0.024), 1, "disc"),
        Decal(dark, (0.032, 0.125), (0.015, 0.007), 1),
        Decal(dark, (-0.032, 0.125), (0.015, 0.007), 1),
        Decal(lip, (0, 0.05), (0.023, 0.007), 1),
    ]
    if not beardless and chance(rng, 0.2):
        decals.insert(0, Decal(hair, (0, 0.02), (0.06, 0.045), 1))
    if chance(rng, 0.22):
        frame = (0.08, 0.08, 0.09)
        decals += [
            Decal(frame, (0.034, 0.124), (0.025, 0.016), 1, "disc"),
            Decal(frame, (-0.034, 0.124), (0.025, 0.016), 1, "disc"),
        ]
        if chance(rng, 0.6):  # clear glasses
            decals += [
                Decal(skin, (0.034, 0.124), (0.018, 0.010), 1, "disc"),
                Decal(skin, (-0.034, 0.124), (0.018, 0.010), 1, "disc"),
            ]
    if style != "bald":
        line = between(rng, 0.150, 0.172)
        decals += [
            Decal(hair, (0, 0.5 + line), (0.5, 0.5), 0),
            Decal(hair, (0, 0.5 + 0.055), (0.5, 0.5), -1),
        ]
    return Surface(skin, grain=0.02, decals=tuple(decals))


def _draw_top(
    rng: np.random.Generator, outfit: str, length: str, build: Build, skin: Colour
) -> tuple[Surface, Surface]:
    """Top and sleeves; what is along the top is metres up from its hem, along a sleeve down."""
    colour, second = _colour(rng, _TOPS), _colour(rng, _TOPS)
    pattern = pick(rng, _PATTERNS)
    scale = {
        "stripes": between(rng, 0.03, 0.12), "bars": between(rng, 0.02, 0.07),
        "checks": between(rng, 0.04, 0.12), "block": between(rng, 0.2, 0.45),
        "dots": between(rng, 0.04, 0.09), "camouflage": 0.06, "gradient": 0.6, "plain": 0.1,
    }[pattern]  # fmt: skip
    decals: list[Decal] = []
    middle = 0.36 * build.stature_m * (1 if outfit in ("coat", "dress") else 0.7)
    mark = second if max(np.abs(np.subtract(second, colour))) > 0.2 else (0.92, 0.92, 0.9)
    if length == "long" and chance(rng, 0.38):  # a jacket, open over a shirt, or its zip
        half = between(rng, 0.03, 0.07) if chance(rng, 0.5) else 0.006
        inner = _colour(rng, _TOPS) if half > 0.01 else mark
        decals.append(Decal(inner, (0, 1), (half, 2), 1))
    elif chance(rng, 0.3):
        kind = pick(rng, {"text": 5, "blot": 4, "box": 2, "disc": 2})
        size = (between(rng, 0.05, 0.13), between(rng, 0.04, 0.13))
        decals.append(Decal(mark, (between(rng, -0.02, 0.02), middle), size, 1, kind))
    if chance(rng, 0.16):
        kind = pick(rng, {"text": 6, "blot": 3, "box": 2})
        size = (between(rng, 0.08, 0.15), between(rng, 0.04, 0.14))
        decals.append(Decal(mark, (0, middle), size, -1, kind))
    top = Surface(
        colour, pattern, second, scale, folds=between(rng, 0.5, 1), decals=tuple(decals),
        gloss=0.15 if chance(rng, 0.08) else 0.0,
    )  # fmt: skip
    arm = build.stature_m
    ends = {"short": 0.125, "long": 1.0, "none": 0.03, "rolled": 0.24}
    bare = ends[length] * arm
    plain = pattern in ("block", "gradient") or chance(rng, 0.08)
    other = plain and chance(rng, 0.5)  # sleeves of another colour
    sleeves = Surface(
        second if other else colour,
        "plain" if plain else pattern,
        second,
        scale,
        folds=top.folds,
        gloss=top.gloss,
        decals=() if length == "long" else (Decal(skin, (0, bare + 1), (1, 1)),),
    )
    return top, sleeves


def _draw_bottom(
    rng: np.random.Generator, outfit: str, build: Build, skin: Colour
) -> tuple[Surface, Surface, float, float]:
    """Hips, legs (metres down from the hip joint), a skirt's hem, looseness in metres."""
    colour = _colour(rng, _BOTTOMS)
    pattern = pick(rng, {"plain": 90, "checks": 3, "camouflage": 3, "bars": 2, "dots": 1})
    bottom = Surface(colour, pattern, _colour(rng, _BOTTOMS), 0.06, folds=between(rng, 0.4, 1))
    tall = build.stature_m
    decals: list[Decal] = []
    if outfit == "shorts":
        end = between(rng, 0.10, 0.24) * tall
        decals.append(Decal(skin, (0, end + 1), (1, 1)))
    elif outfit in ("skirt", "dress"):
        tights = chance(rng, 0.3)
        bare = (0.1, 0.09, 0.1) if tights else skin
        decals.append(Decal(bare, (0, 1), (1, 1)))
    if outfit in ("shorts", "skirt", "dress") and chance(rng, 0.35):
        sock = _COLOURS[pick(rng, {"white": 5, "black": 4, "grey": 2})]
        decals.append(Decal(sock, (0, between(rng, 0.39, 0.45) * tall + 1), (1, 1)))
    legs = Surface(colour, pattern, bottom.second, 0.06, folds=bottom.folds, decals=tuple(decals))
    skirt_hem = between(rng, 0.20, 0.40) if outfit == "skirt" else 0.0
    loose = 0.0 if outfit in ("skirt", "dress") else between(rng, 0.003, 0.028)
    return bottom, legs, skirt_hem, loose


def _strapped(top: Surface, bag: str, colour: Colour) -> Surface:
    """The top with the bag's straps over it."""
    straps: tuple[Decal, ...] = ()
    if bag == "backpack":
        straps = (
            Decal(colour, (0.095, 1), (0.02, 1.8), 1),
            Decal(colour, (-0.095, 1), (0.02, 1.8), 1),
        )
    elif bag == "shoulder":
        straps = (Decal(colour, (0, 0.24), (0.018, 1.5), 0, "sash"),)
    return Surface(
        top.colour, top.pattern, top.second, top.scale_m, top.folds, top.grain, top.gloss,
        top.decals + straps,
    )  # fmt: skip

"""What became of each key of a published checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ConversionReport:
    """Every key of a published state dict is in exactly one of the three.

    Attributes:
        mapped: published key → key of our network.
        ignored: keys that never matter, such as stale copies.
        dropped: keys left out because of what was asked, such as classifiers.
    """

    mapped: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The report for people, a line for each kind."""
        kinds = {"ignored": self.ignored, "dropped": self.dropped}
        return [f"{len(self.mapped)} weights taken"] + [
            f"{len(keys)} {kind}: {', '.join(keys[:4])}{', …' if len(keys) > 4 else ''}"
            for kind, keys in kinds.items()
            if keys
        ]

"""The bars of a small chart, as numbers that a template can draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from automations.figures import Figures

#: The size of a chart; the page scales it.
WIDTH, HEIGHT = 240, 48


@dataclass(frozen=True)
class Bar:
    """One bar: where it stands and how large it is."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """
    How many runs began (upwards) and ended (downwards) on each day.

    ``begun`` and ``ended`` are how many in all, ``first`` and ``last`` the days; ``up`` and
    ``down`` are the bars, in a picture of ``width`` and ``height``, with the line between them at
    ``middle``.
    """

    first: date
    last: date
    begun: int
    ended: int
    up: list[Bar]
    down: list[Bar]
    width: int = WIDTH
    height: int = HEIGHT
    middle: float = HEIGHT / 2

    @classmethod
    def of(cls, figures: Figures, days: Sequence[date]) -> Chart:
        """Return the chart of these days: the highest bar takes half of the height."""
        begun = [figures.begun[day] for day in days]
        ended = [figures.ended[day] for day in days]
        highest = max([*begun, *ended, 1])
        wide = WIDTH / len(days)

        def bars(numbers: list[int], *, upwards: bool) -> list[Bar]:
            found = []
            for at, number in enumerate(numbers):
                height = round(number * (HEIGHT / 2 - 1) / highest, 2)
                top = HEIGHT / 2 - height if upwards else HEIGHT / 2
                if number:
                    found.append(
                        Bar(round(at * wide, 2), round(top, 2), round(wide * 0.8, 2), height)
                    )
            return found

        return cls(
            first=days[0],
            last=days[-1],
            begun=sum(begun),
            ended=sum(ended),
            up=bars(begun, upwards=True),
            down=bars(ended, upwards=False),
        )

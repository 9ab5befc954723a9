"""
The room between two columns: which line goes up or down at which place from left to right.

Lines that change their level do so on tracks. Tracks are put into an order with few crossings in
which no line lies on another: where one line arrives on the level on which another leaves, the
other turns first. Of lines that would all have to turn first, one makes a detour.
"""

from __future__ import annotations

from dataclasses import dataclass, field

#: How far apart tracks are, in pixels, and how far the outer ones are from the columns; which
#: levels are too near to each other.
TRACK, STUB, ARROW, NEAR = 12, 12, 20, 9


@dataclass(eq=False)
class Turn:
    """
    Where lines change their level together.

    They come on the levels ``left`` and go on on the levels ``right``, or the other way round.
    """

    left: set[int] = field(default_factory=set)
    right: set[int] = field(default_factory=set)
    track: int = -1
    after: Turn | None = None

    @property
    def reach(self) -> tuple[int, int]:
        """From which level to which it goes."""
        levels = self.left | self.right
        return min(levels), max(levels)

    def precedes(self, other: Turn) -> bool:
        """Return whether this has to be left of ``other``, or lines would lie on each other."""
        if other.after is self:
            return True
        if self.after is other:
            return False
        return any(abs(one - two) < NEAR for one in self.left for two in other.right)

    def meets(self, other: Turn) -> bool:
        """Return whether the two would touch on one track."""
        (low, high), (lower, higher) = self.reach, other.reach
        return low - NEAR < higher and lower - NEAR < high

    def crossings(self, other: Turn) -> int:
        """Return how many lines cross if this is left of ``other``."""
        (low, high), (lower, higher) = self.reach, other.reach
        return sum(low < level < high for level in other.left) + sum(
            lower < level < higher for level in self.right
        )


@dataclass(eq=False)
class Unit:
    """Lines that leave from one place, or arrive at one: ``turns`` are one, or two of a detour."""

    turns: list[Turn] = field(default_factory=lambda: [Turn()])

    @property
    def left(self) -> set[int]:
        """The levels on which it touches the column on the left."""
        return self.turns[0].left

    @property
    def right(self) -> set[int]:
        """The levels on which it touches the column on the right."""
        return self.turns[-1].right

    @property
    def is_straight(self) -> bool:
        """Whether it keeps its level."""
        return len(self.left | self.right) < 2


@dataclass
class Channel:
    """Everything that passes between two columns."""

    units: list[Unit] = field(default_factory=list)
    #: Further levels on which lines go straight through.
    levels: set[int] = field(default_factory=set)
    #: How wide the labels are that stand in it, in pixels.
    labels: int = 0
    tracks: int = 0
    x: int = 0

    @property
    def width(self) -> int:
        """How wide it has to be."""
        tracks = STUB + self.tracks * TRACK if self.tracks else STUB // 2
        return tracks + (self.labels + 10 if self.labels else 0) + ARROW

    @property
    def label_x(self) -> int:
        """Where labels begin: behind all tracks."""
        return self.x + (STUB + self.tracks * TRACK if self.tracks else STUB // 2)

    def track_x(self, turn: Turn) -> int:
        """Where a turn is from left to right."""
        return self.x + STUB + turn.track * TRACK

    def unit(self) -> Unit:
        """Return a new unit of this channel."""
        self.units.append(Unit())
        return self.units[-1]

    def arrange(self) -> None:
        """Give every turn its track."""
        rest = [unit.turns[0] for unit in self.units if not unit.is_straight]
        placed: list[Turn] = []
        while rest:
            free = [one for one in rest if not any(o.precedes(one) for o in rest if o is not one)]
            # Without a free one there is a circle. Who makes a detour holds up nobody afterwards.
            circle = [one for one in rest if any(one.precedes(o) for o in rest if o is not one)]
            chosen = min(free or circle, key=lambda one: cost(one, rest))
            if not free:
                rest.append(self.detour(chosen))
            rest.remove(chosen)
            chosen.track = 1 + max(
                (o.track for o in placed if o.meets(chosen) or o.precedes(chosen)), default=-1
            )
            placed.append(chosen)
        self.tracks = 1 + max((turn.track for turn in placed), default=-1)

    def detour(self, turn: Turn) -> Turn:
        """Let ``turn`` lead to a level that nobody uses; return the turn that leads on."""
        taken = set(self.levels)
        for unit in self.units:
            taken |= {level for each in unit.turns for level in each.left | each.right}
        low, high = turn.reach
        middle = (low + high) // 2
        free = next(
            level
            for distance in range(10_000)
            for level in (middle + distance, middle - distance)
            if all(abs(level - other) >= NEAR for other in taken)
        )
        onward = Turn({free}, turn.right, after=turn)
        turn.right = {free}
        for unit in self.units:
            if unit.turns[0] is turn or unit.turns[-1] is turn:
                unit.turns.insert(unit.turns.index(turn) + 1, onward)
        return onward


def cost(turn: Turn, rest: list[Turn]) -> int:
    """Return how many more lines cross if ``turn`` is left of the others than right of them."""
    return sum(turn.crossings(o) - o.crossings(turn) for o in rest if o is not turn)

"""
How high everything stands.

Neighbours along a line are joined into blocks that stand on one level, the most important lines
first: the longest way through the process, then long lines, then the others as long as no two
blocks would have to stand both above and below each other. The blocks are then placed as close
together as their reach allows, and moved towards what they are connected with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median_low

from automations.diagrams.layers import Item, Layers, Link
from automations.diagrams.ordering import is_beside, spine

#: The least distance between what stands above each other, in pixels.
GAP = 16
#: And between what is in different lanes.
BETWEEN_LANES = 40
#: How often blocks are moved.
ROUNDS = 3


@dataclass(eq=False)
class Block:
    """Items on one level; ``offset`` is how far below it one of them stands."""

    items: list[Item]
    offset: dict[Item, int]
    level: int = 0
    after: set[Block] = field(default_factory=set)


def place(layers: Layers) -> None:
    """Give every item its ``y``."""
    straight = spine(layers)
    of = blocks(layers, straight)
    every = list(dict.fromkeys(of.values()))
    above, below = neighbours(layers, of)
    for block in sorted_from_top(every, below):
        block.level = max(
            (other.level + distance for other, distance in above[block]),
            default=max(item.up - block.offset[item] for item in block.items),
        )
    fixed = of[straight[0].a] if straight else None
    wishes = wanted(layers, of)
    for _ in range(ROUNDS):
        for downward in (True, False):
            for block in sorted(every, key=lambda each: each.level, reverse=downward):
                if block is not fixed and wishes[block]:
                    move(block, wishes[block], above[block], below[block], downward=downward)
    for block in every:
        for item in block.items:
            item.y = block.level + block.offset[item]
    top = 0
    for lane in sorted({item.lane for item in of}):
        members = [item for item in of if item.lane == lane]
        least = min(item.y - item.up for item in members)
        for item in members:
            item.y += top - least
        top = max(item.y + item.down for item in members) + BETWEEN_LANES


def move(
    block: Block,
    wishes: list[tuple[Block, int]],
    above: list[tuple[Block, int]],
    below: list[tuple[Block, int]],
    *,
    downward: bool,
) -> None:
    """Move a block towards the middle of where its lines would be straight, as far as it can."""
    wish = median_low(sorted(other.level + shift for other, shift in wishes))
    if downward and wish > block.level:
        room = [other.level - distance for other, distance in below]
        block.level = max(block.level, min([wish, *room]))
    elif not downward and wish < block.level:
        room = [other.level + distance for other, distance in above]
        block.level = min(block.level, max([wish, *room]))


def blocks(layers: Layers, straight: list[Link]) -> dict[Item, Block]:
    """Return the block of each item."""
    of = {item: Block([item], {item: 0}) for column in layers.columns for item in column}
    for column in layers.columns:
        for upper, lower in neighbouring(column):
            of[upper].after.add(of[lower])
    rest = sorted(layers.links, key=lambda link: importance(layers, link))
    for link in [*straight, *rest]:
        one, other = of[link.a], of[link.b]
        shift = one.offset[link.a] + link.port - other.offset[link.b]
        if link.a.lane != link.b.lane or one is other:
            continue
        if not leads(one, other, of) and not leads(other, one, of):
            for item in other.items:
                one.offset[item] = other.offset[item] + shift
                of[item] = one
            one.items += other.items
            one.after |= other.after
    return of


def neighbouring(column: list[Item]) -> Iterator[tuple[Item, Item]]:
    """Yield what stands above each other in one lane of a column."""
    return ((one, other) for one, other in pairwise(column) if one.lane == other.lane)


def importance(layers: Layers, link: Link) -> int:
    """Return how late a link is made straight: long lines first, exits of borders last."""
    if link.a.element is None and link.b.element is None:
        return 0
    if link.back or is_beside(layers, link.flow):
        return 3
    return 1 if link.a.element is not None and link.b.element is not None else 2


def leads(one: Block, other: Block, of: dict[Item, Block]) -> bool:
    """Return whether ``other`` has to stand below ``one``."""
    seen, ahead = {one}, [one]
    while ahead:
        for found in ahead.pop().after:
            now = of[found.items[0]]
            if now is other:
                return True
            if now not in seen:
                seen.add(now)
                ahead.append(now)
    return False


Near = dict[Block, list[tuple[Block, int]]]


def neighbours(layers: Layers, of: dict[Item, Block]) -> tuple[Near, Near]:
    """Return the blocks above and below each, with the least distance of the levels."""
    least: dict[tuple[Block, Block], int] = {}
    for column in layers.columns:
        for upper, lower in neighbouring(column):
            one, other = of[upper], of[lower]
            distance = upper.down + GAP + lower.up + one.offset[upper] - other.offset[lower]
            least[one, other] = max(distance, least.get((one, other), distance))
    above: Near = {block: [] for block in of.values()}
    below: Near = {block: [] for block in of.values()}
    for (one, other), distance in least.items():
        above[other].append((one, distance))
        below[one].append((other, distance))
    return above, below


def sorted_from_top(every: list[Block], below: Near) -> list[Block]:
    """Return the blocks so that each comes after all that are above it."""
    waiting = dict.fromkeys(every, 0)
    for block in every:
        for other, _ in below[block]:
            waiting[other] += 1
    ready = [block for block in every if not waiting[block]]
    found = []
    while ready:
        block = ready.pop(0)
        found.append(block)
        for other, _ in below[block]:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    return found


def wanted(layers: Layers, of: dict[Item, Block]) -> Near:
    """Return for each block where others would have it, as their level and a shift."""
    found: Near = {block: [] for block in of.values()}
    for link in layers.links:
        one, other = of[link.a], of[link.b]
        if one is not other and link.a.lane == link.b.lane:
            shift = one.offset[link.a] + link.port - other.offset[link.b]
            # What leaves a border is to go on at its height; what comes later has less to say.
            found[other] += [(one, shift)] * (3 if link.port else 1)
            found[one].append((other, -shift))
    for flow in layers.back:  # loops close to where they turn
        path = layers.paths[flow]
        for turn, end in ((path[1], path[0]), (path[-2], path[-1])):
            one, other = of[end], of[turn]
            if one is not other and end.lane == turn.lane:
                found[other].append((one, one.offset[end] - other.offset[turn]))
    return found

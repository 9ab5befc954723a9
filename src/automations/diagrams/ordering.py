"""
The order within each column.

It follows the nesting of the process: what only one symbol leads to belongs to that symbol
(dominators, as found by Cooper, Harvey and Kennedy, "A simple, fast dominance algorithm", 2001).
Of what belongs to it, the way that goes on farthest stays on its line, other ways are above and
below, exits by errors and timeouts below them, and loops below all that they go round. Then
neighbours change places as long as that takes crossings away.
"""

from __future__ import annotations

from typing import NamedTuple

from automations.diagrams.elements import Flow
from automations.diagrams.layers import Item, Layers, Link

Key = int


def put_in_order(layers: Layers) -> None:
    """Sort the columns."""
    for place, item in enumerate(nested(layers)):
        item.place = place
    for column in layers.columns:
        column.sort(key=lambda item: (item.lane, item.place))
        number(column)
    uncross(layers)


def number(column: list[Item]) -> None:
    """Say of each item of the column the how manieth it is."""
    for place, item in enumerate(column):
        item.place = place


def spine(layers: Layers) -> list[Link]:
    """Return the links of the longest way from a start to an end that no error leads along."""
    out = ways_out(layers, beside=False)
    length = lengths(layers, out)
    items = sorted(layers.items.values(), key=lambda item: item.rank)
    starts = [item for item in items if item.element and item.element.kind == "startEvent"]
    here = max(starts or items, key=lambda item: length[item], default=None)
    found = []
    while here is not None and out.get(here):
        link = max(out[here], key=lambda link: length[link.b])
        found.append(link)
        here = link.b
    return found


def ways_out(layers: Layers, *, beside: bool) -> dict[Item, list[Link]]:
    """Return the links to the right of each item; those of events on a border if ``beside``."""
    out: dict[Item, list[Link]] = {}
    for link in layers.links:
        if not link.back and (beside or not is_beside(layers, link.flow)):
            out.setdefault(link.a, []).append(link)
    return out


def is_beside(layers: Layers, flow: Flow) -> bool:
    """Return whether the flow begins at an event on a border."""
    return bool(layers.graph.elements[flow.source].host)


def lengths(layers: Layers, out: dict[Item, list[Link]]) -> dict[Item, int]:
    """Return how many columns the longest way from each item goes on."""
    found: dict[Item, int] = {}
    for column in reversed(layers.columns):
        for item in column:
            found[item] = max((1 + found[link.b] for link in out.get(item, ())), default=0)
    return found


def nested(layers: Layers) -> list[Item]:
    """Return all items from the top to the bottom, wherever they stand from left to right."""
    out = ways_out(layers, beside=True)
    length = lengths(layers, ways_out(layers, beside=False))
    straight = {link.a: link.b for link in spine(layers)}
    belongs = children(layers, out)
    loops: dict[Item, list[Flow]] = {}
    for flow in layers.graph.flows:
        if flow.id in layers.back:
            loops.setdefault(layers.items[flow.target], []).append(flow)

    def lanes(item: Item) -> list[Item]:
        flows = sorted(loops.get(item, ()), key=lambda flow: span(layers, flow))
        return [lane for flow in flows for lane in layers.paths[flow.id][1:-1]]

    done: list[Item] = []
    # A stack instead of recursion: a process may have hundreds of steps one after the other.
    stack = [(item, False) for item in reversed(belongs.get(None, []))]
    while stack:
        item, alone = stack.pop()
        if alone:
            done.append(item)
            continue
        line: list[tuple[Item, Parts]] = []
        ahead = [item]
        while ahead:
            here = ahead.pop()
            found = parts(layers, here, belongs.get(here, []), out, length, straight)
            line.append((here, found))
            ahead += reversed(found.onward)
        order: list[tuple[Item, bool]] = []
        for here, found in line:
            order += [(each, False) for each in found.above]
            order.append((here, True))
        # What leaves the line first encloses what leaves it later.
        for here, found in reversed(line):
            order += [(each, False) for each in found.below]
            order += [(lane, True) for lane in lanes(here)]
        stack += reversed(order)
    return done


def span(layers: Layers, flow: Flow) -> int:
    """Return over how many columns a flow goes."""
    return len(layers.paths[flow.id])


class Parts(NamedTuple):
    """What belongs to an item: what is above it, what goes on on its line, what is below it."""

    above: list[Item]
    onward: list[Item]
    below: list[Item]


def parts(
    layers: Layers,
    item: Item,
    children: list[Item],
    out: dict[Item, list[Link]],
    length: dict[Item, int],
    straight: dict[Item, Item],
) -> Parts:
    """Return where to put what belongs to an item."""
    heads = {link.b: link for link in reversed(out.get(item, []))}
    later = [child for child in children if child not in heads]
    direct = list(dict.fromkeys(link.b for link in out.get(item, []) if link.b in children))
    ways = [child for child in direct if not is_beside(layers, heads[child].flow)]
    # The event that is farthest to the right has its exit on top.
    exits = [child for child in direct if child not in ways]
    exits.sort(key=lambda child: heads[child].port)
    onward: list[Item] = []
    if straight.get(item) in ways:
        onward = [straight[item]]
    elif len(ways) == 2 and later:
        onward = ways[:1]
    elif ways:
        onward = [max(ways, key=lambda child: length[child])]
    others = [child for child in ways if child not in onward]
    middle = len(others) // 2
    return Parts(others[:middle], onward + later, others[middle:] + exits)


def children(layers: Layers, out: dict[Item, list[Link]]) -> dict[Item | None, list[Item]]:
    """Return what each item dominates immediately; what nothing dominates belongs to None."""
    before: dict[Item, list[Item]] = {}
    for links in out.values():
        for link in links:
            before.setdefault(link.b, []).append(link.a)
    depth: dict[Item | None, int] = {None: 0}
    owner: dict[Item | None, Item | None] = {}
    found: dict[Item | None, list[Item]] = {}
    for column in layers.columns:
        for item in column:
            if item.turn or (item.flow and item.flow.id in layers.back):
                continue
            common: Item | None = None
            for place, each in enumerate(before.get(item, ())):
                common = each if not place else meeting(common, each, depth, owner)
            owner[item] = common
            depth[item] = depth[common] + 1
            found.setdefault(common, []).append(item)
    return found


def meeting(
    one: Item | None,
    other: Item | None,
    depth: dict[Item | None, int],
    owner: dict[Item | None, Item | None],
) -> Item | None:
    """Return what dominates both."""
    while one is not other:
        if depth[one] >= depth[other]:
            one = owner[one] if one is not None else None
        else:
            other = owner[other] if other is not None else None
    return one


# Crossings


def uncross(layers: Layers) -> None:
    """Let neighbours change places where that takes crossings away, until nothing gets better."""
    left: dict[Item, list[Key]] = {}
    right: dict[Item, list[Key]] = {}
    touching: dict[Item, list[Link]] = {}
    for link in layers.links:
        touching.setdefault(link.a, []).append(link)
        touching.setdefault(link.b, []).append(link)

    def note(item: Item) -> None:
        links = touching.get(item, [])
        left[item] = sorted(link.a.place * 1000 + link.port for link in links if link.b is item)
        right[item] = sorted(link.b.place * 1000 for link in links if link.a is item)

    for column in layers.columns:
        for item in column:
            note(item)
    for _ in range(4):
        changed = False
        for column in layers.columns:
            for place in range(len(column) - 1):
                upper, lower = column[place], column[place + 1]
                before = crossings(left[upper], left[lower]) + crossings(right[upper], right[lower])
                after = crossings(left[lower], left[upper]) + crossings(right[lower], right[upper])
                if after < before and not bound(layers, upper, lower):
                    column[place], column[place + 1] = lower, upper
                    lower.place, upper.place = place, place + 1
                    changed = True
                    for moved in (upper, lower):
                        for link in touching.get(moved, ()):
                            note(link.b if link.a is moved else link.a)
        if not changed:
            return


def bound(layers: Layers, upper: Item, lower: Item) -> bool:
    """Return whether one would leave its lane, or a loop the place below where it turns."""
    if upper.lane != lower.lane:
        return True
    if not lower.turn or lower.flow is None or upper.element is None:
        return False
    path = layers.paths[lower.flow.id]
    return upper in (path[0], path[-1])


def crossings(upper: list[Key], lower: list[Key]) -> int:
    """Return how often lines to these places cross if the one item is above the other."""
    return sum(1 for one in upper for other in lower if one > other)

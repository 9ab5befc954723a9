"""What waits for a thread is handed out by class in turn."""

from __future__ import annotations

import threading

from automations.dispatch.rota import Rota


def test_the_classes_take_turns_and_within_one_the_first_comes_first() -> None:
    rota: Rota[str] = Rota()
    for work in ("a1", "a2", "a3", "b1", "b2", "c1"):
        rota.put(work[0], work)
    assert [rota.get() for _ in range(6)] == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_who_comes_later_is_next_behind_those_whose_turn_it_is() -> None:
    rota: Rota[str] = Rota()
    for work in ("a1", "a2", "b1"):
        rota.put(work[0], work)
    assert rota.get() == "a1"
    rota.put("c", "c1")
    rota.put("b", "b2")
    assert [rota.get() for _ in range(4)] == ["b1", "a2", "c1", "b2"]
    # A class whose line was empty has no turn left over.
    rota.put("b", "b3")
    rota.put("a", "a3")
    assert [rota.get() for _ in range(2)] == ["b3", "a3"]


def test_what_is_left_when_it_is_closed_is_handed_to_nobody() -> None:
    rota: Rota[str] = Rota()
    got: list[str | None] = []
    waiting = [threading.Thread(target=lambda: got.append(rota.get())) for _ in range(2)]
    for thread in waiting:
        thread.start()
    assert rota.close() == []
    for thread in waiting:
        thread.join(10)
    assert got == [None, None]
    rota = Rota()
    rota.put("a", "a1")
    assert rota.close() == ["a1"]
    assert rota.get() is None

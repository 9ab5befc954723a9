"""The glossary: its words are in order, and it has those of the house."""

from __future__ import annotations

import re

from tests.docs.pages import lacking, page

TERMS = re.findall(r"^(\w[^\n]*)\n  \S", page("glossary"), re.MULTILINE)


def test_the_words_are_in_order_and_each_stands_there_once() -> None:
    assert len(TERMS) > 50
    assert [term.casefold() for term in TERMS] == sorted({term.casefold() for term in TERMS})


def test_the_words_of_the_house_are_explained() -> None:
    house = re.search(r"explains them: ([^.]+)\.", page("explanation/architecture"))
    assert house
    wanted = re.split(r",\s+", house[1])
    assert len(wanted) > 10
    assert lacking(wanted, TERMS) == []
    assert lacking([*wanted, "made up"], TERMS) == ["made up"]


def test_what_one_word_refers_to_is_explained_too() -> None:
    assert lacking(re.findall(r"{term}`([^`]+)`", page("glossary")), TERMS) == []

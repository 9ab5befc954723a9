"""The README in two languages: the same parts and the same code, and ways to the same places."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Group, User

from automations.definition.validation import find_problems
from automations.testing import assert_path, complete
from tests.docs.pages import FENCE, ROOT
from tests.docs.running import module_of, run

ENGLISH, GERMAN = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.de.md")
)


def code(text: str) -> list[str]:
    """Return the code of a README, without what is said beside it."""
    fenced = [found["text"] for found in FENCE.finditer(text)]
    indented = re.findall(r"^    (\S.*)$", FENCE.sub("", text), re.MULTILINE)
    return [re.sub(r" *#.*", "", block) for block in [*fenced, *indented]]


def shape(text: str) -> list[str]:
    """Return the kinds of the parts of a README, in their order."""
    plain = FENCE.sub("(code)", text)
    kinds = {"#": "heading", "!": "picture", "-": "point", "(": "code", " ": "command"}
    parts = [part for part in re.split(r"\n\n|\n(?=- )", plain) if part.strip()]
    return [kinds.get(part[0], "text") for part in parts]


def links(text: str) -> list[str]:
    """Return where a README leads to."""
    return re.findall(r"\]\(([^)]+)\)", text)


def test_both_have_the_same_parts_in_the_same_order() -> None:
    assert shape(GERMAN) == shape(ENGLISH)


def test_both_show_the_same_code() -> None:
    assert code(GERMAN) == code(ENGLISH)


def test_both_lead_to_the_same_places_and_to_each_other() -> None:
    assert links(ENGLISH)[0] == "README.de.md"
    assert links(GERMAN)[0] == "README.md"
    assert links(GERMAN)[1:] == links(ENGLISH)[1:]


@pytest.mark.parametrize("text", [ENGLISH, GERMAN], ids=["english", "german"])
def test_every_place_is_there(text: str) -> None:
    assert [link for link in links(text) if not (ROOT / link).is_file()] == []
    assert len(links(text)) > 5


FIRST = """
from datetime import timedelta

from django import forms

from automations import flow
from automations.flow import this


class ApprovalForm(forms.Form):
    pass
"""
METHODS = "".join(
    f"    def {name}(self, task): ...\n"
    for name in ("send_welcome", "send_reminder", "is_approved", "send_invitation")
)


@pytest.mark.django_db
def test_its_processes_can_be_run() -> None:
    first, *others = [found["text"] for found in FENCE.finditer(ENGLISH)]
    (leave,) = [block for block in others if "class Leave" in block]
    ada = User.objects.create(username="ada")
    ada.groups.add(Group.objects.create(name="managers"))
    with module_of("readme", FIRST) as module:
        run(module, first + METHODS)
        assert not find_problems(module.Signup._meta)
        run(module, leave)
        asked = module.Leave(day="2026-12-24")
        complete(asked, "ask", {"approved": True}, user=ada)
        assert_path(asked, ["ask", "check", "note", "end"])
        assert module.Leave(automation_id=asked.id).data["noted"] is True

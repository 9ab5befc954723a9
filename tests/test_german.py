"""Everything that people read is there in German."""

from __future__ import annotations

import ast
import gettext
import re
from pathlib import Path

import automations

SOURCE = Path(automations.__file__).parent
LOCALE = SOURCE / "locale" / "de" / "LC_MESSAGES"


def written() -> dict[str, str]:
    """Return the translations as they stand in the text file."""
    text = (LOCALE / "django.po").read_text()
    text = re.sub(r"^msgctxt .+\nmsgid .+\nmsgstr .+$", "", text, flags=re.MULTILINE)
    pairs = re.findall(r'^msgid "(.+)"\nmsgstr "(.*)"$', text, re.MULTILINE)
    return {ast.literal_eval(f'"{key}"'): ast.literal_eval(f'"{value}"') for key, value in pairs}


def used() -> set[str]:
    """Return every text of the package that is marked for translation."""
    found: set[str] = set()
    for path in [*SOURCE.rglob("*.html"), *SOURCE.rglob("*.txt")]:
        text = path.read_text()
        found |= set(re.findall(r'{% translate "(.+?)" %}', text))
        for block in re.findall(r"{% blocktranslate.*?%}(.+?){% endblocktranslate %}", text):
            found.add(re.sub(r"{{ (\w+) }}", r"%(\1)s", block))
    for path in SOURCE.rglob("*.py"):
        if "migrations" in path.parts:
            continue
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "_":
                (text,) = call.args
                assert isinstance(text, ast.Constant)
                found.add(text.value)
    return found


def counted() -> set[tuple[str, str]]:
    """Return every text for one and for several that is marked for translation."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "ngettext":
                one, several = call.args[:2]
                assert isinstance(one, ast.Constant)
                assert isinstance(several, ast.Constant)
                found.add((one.value, several.value))
    return found


def test_what_is_counted_has_a_translation_for_one_and_for_several() -> None:
    with (LOCALE / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert counted()
    for one, several in counted():
        assert compiled.ngettext(one, several, 1) not in (one, several)
        assert compiled.ngettext(one, several, 2) not in (one, several)
        assert compiled.ngettext(one, several, 1) != compiled.ngettext(one, several, 2)


def test_what_means_another_thing_elsewhere_has_a_translation_of_its_own() -> None:
    """The start of a process is no button to start one."""
    with (LOCALE / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert (compiled.pgettext("event", "Start"), compiled.gettext("Start")) == ("Start", "Starten")


def test_every_text_has_a_translation() -> None:
    assert used() - {key for key, value in written().items() if value} == set()


def test_no_translation_is_left_over() -> None:
    assert set(written()) - used() == set()


def test_the_compiled_translations_are_those_that_are_written() -> None:
    with (LOCALE / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert {key: compiled.gettext(key) for key in written()} == written()

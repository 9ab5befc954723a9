"""
A directive for Sphinx that draws a process in documentation.

::

    # conf.py: after django.setup()
    extensions = ["automations.contrib.sphinx"]

    .. automation:: shop.Order
       :outline:

In HTML the process is an SVG of its own that suits light and dark pages. What takes no SVG, as
LaTeX, gets a PNG, for which the package has to be installed with the extra ``png``. With
``:format: mermaid`` it is text that the extension ``sphinxcontrib.mermaid`` draws, where a project
has that, and else a block of code.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any, ClassVar

from django.utils.module_loading import import_string
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from automations import __version__
from automations.definition.process import ProcessDefinition
from automations.diagrams.mermaid import mermaid
from automations.diagrams.outline import outline
from automations.diagrams.painting import NOTHING
from automations.diagrams.png import png
from automations.diagrams.svg import name_of, svg
from automations.exceptions import ConverterMissing
from automations.management.commands.automation_diagram import by_name

#: Where pictures are kept, in the folder of what Sphinx has read.
FOLDER = "_automations"


class AutomationDirective(SphinxDirective):
    """
    ``.. automation:: app_label.Class``, or the dotted path of the class: the picture of a process.

    ``:format:`` is ``svg`` unless it says ``mermaid``. ``:outline:`` adds the process in words,
    ``:alt:`` says something else to those who do not see the picture than the name of the process.
    """

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "outline": directives.flag,
        "alt": directives.unchanged,
        "format": lambda given: directives.choice(given, ("svg", "mermaid")),
    }

    def run(self) -> list[nodes.Node]:
        definition = self.definition(self.arguments[0])
        alt = self.options.get("alt") or name_of(definition)
        if self.options.get("format") == "mermaid":
            found = self.as_mermaid(mermaid(definition), alt)
        else:
            found = [nodes.image("", uri=self.kept(svg(definition)), alt=alt)]
        if "outline" in self.options:
            found.append(in_words(definition))
        return found

    def definition(self, path: str) -> ProcessDefinition:
        """Return the process that is called so; an error at this place if there is none."""
        known = by_name()
        if path in known:
            definition: ProcessDefinition = known[path]._meta
            return definition
        try:
            given = getattr(import_string(path), "_meta", None)
        except ImportError as error:
            raise self.error(f"There is no automation {path!r}: {error}.") from error
        if not isinstance(given, ProcessDefinition):
            raise self.error(f"{path!r} is no automation.")
        return given

    def as_mermaid(self, text: str, alt: str) -> list[nodes.Node]:
        """Return the text for whoever draws it; a block of code if nobody does."""
        directive, _ = directives.directive(
            "mermaid", self.state.memo.language, self.state.document
        )
        if directive is None:
            return [nodes.literal_block(text, text, language="text")]
        block = [
            ".. mermaid::",
            f"   :alt: {alt}",
            "",
            *(f"   {line}" for line in text.split("\n")),
        ]
        return self.parse_text_to_nodes("\n".join(block))

    def kept(self, picture: str) -> str:
        """Keep the picture beside the sources, as a builder can use it; return where."""
        folder = Path(self.env.doctreedir) / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / hashlib.sha256(picture.encode()).hexdigest()[:16]
        file.with_suffix(".svg").write_text(picture, encoding="utf-8")
        with contextlib.suppress(ConverterMissing):
            file.with_suffix(".png").write_bytes(png(picture))
        here = (Path(self.env.srcdir) / self.env.docname).parent
        return os.path.relpath(file, here).replace(os.sep, "/") + ".*"


def in_words(definition: ProcessDefinition) -> nodes.Node:
    """Return the process as a list."""
    found = nodes.enumerated_list()
    for line in outline(definition, NOTHING):
        item = nodes.list_item()
        head = nodes.paragraph()
        head += nodes.strong(text=line.name)
        if said := "; ".join(filter(None, [line.description, *line.facts])):
            head += nodes.Text(f": {said}")
        item += head
        if line.ways:
            ways = nodes.bullet_list()
            for way in line.ways:
                entry = nodes.list_item()
                label = f"{way.label}: " if way.label else ""
                work = f"{way.work} " if way.work else ""
                entry += nodes.paragraph(text=f"{label}{work}→ {way.target}")
                ways += entry
            item += ways
        found += item
    return found


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known to Sphinx."""
    app.add_directive("automation", AutomationDirective)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}

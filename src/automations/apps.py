"""The Django app."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, register
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from automations.chores import chores

#: The system checks by their names in `automations.checks`, with their further tags.
CHECKS: dict[str, tuple[str, ...]] = {
    "check_definitions": (),
    "check_dispatchers": (),
    "check_settings": (),
    "check_databases": (Tags.database,),
    "check_upgrade": (Tags.database,),
}


class AutomationsConfig(AppConfig):
    """Finds every ``automations.py`` of the project when Django starts."""

    name = "automations"
    verbose_name = _("Automations")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from automations import triggers

        for name, tags in CHECKS.items():
            register(check(name), "automations", *tags)
        triggers.follow_saved_objects()
        chores[:] = [tell_people]
        autodiscover_modules("automations")


@cache
def check(name: str) -> Callable[..., list[CheckMessage]]:
    """Return the system check of that name; what it looks with is imported when it is run."""

    def looked(**kwargs: Any) -> list[CheckMessage]:
        from automations import checks

        found: list[CheckMessage] = getattr(checks, name)(**kwargs)
        return found

    looked.__name__ = looked.__qualname__ = name
    return looked


def tell_people() -> None:
    """Tell people of their tasks; what that takes is imported when it is done."""
    from automations import notices

    notices.send_due()

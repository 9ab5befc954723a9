"""The Django app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class AutomationsConfig(AppConfig):
    """Finds every ``automations.py`` of the project when Django starts."""

    name = "automations"
    verbose_name = _("Automations")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from automations import checks, notices, triggers  # noqa: F401 - checks registers itself
        from automations.dispatch import regular

        triggers.follow_saved_objects()
        regular.chores[:] = [notices.send_due]
        autodiscover_modules("automations")

"""
Do one thing in a database that was filled by release 0.9.4.1, with today's code.

``load FILE`` puts the rows of the SQLite file into the empty database, whose tables become those
of the old release. ``tell`` prints runs and tasks as JSON. ``finish`` moves the clock and
completes forms until nothing more happens, and then tells.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command
from django.db import connection, connections, models

SQUASHED = ("automations", "0001_squashed_0006_release_0_9_4_1")


def load(file: str) -> None:
    """Put the rows of the SQLite ``file`` into the empty database."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group, Permission
    from django.contrib.contenttypes.models import ContentType
    from django.db.migrations.executor import MigrationExecutor
    from django.db.migrations.recorder import MigrationRecorder
    from workshop.models import Note, Session

    for app in ("auth", "sessions"):
        call_command("migrate", app, verbosity=0)
    call_command("migrate", *SQUASHED, verbosity=0)
    with connection.schema_editor() as editor:
        for model in (Note, Session):
            editor.create_model(model)
    # The old release had not heard of what stands for its migrations.
    MigrationRecorder(connection).record_unapplied(*SQUASHED)
    connections.settings["old"] = {
        **connections.settings["default"],
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": file,
        "OPTIONS": {},
    }
    old = MigrationExecutor(connection).loader.project_state([SQUASHED]).apps
    user = get_user_model()
    Permission.objects.all().delete()
    ContentType.objects.all().delete()
    for model in (
        ContentType,
        Permission,
        Group,
        user,
        user.groups.through,
        user.user_permissions.through,
        Note,
        Session,
        old.get_model("automations", "AutomationModel"),
        old.get_model("automations", "AutomationTaskModel"),
    ):
        copy(model)


def copy(model: type[models.Model]) -> None:
    """Copy all rows of the model from the old database as they are."""
    for field in model._meta.local_fields:
        if isinstance(field, models.DateTimeField):
            field.auto_now = field.auto_now_add = False
    rows = list(model._base_manager.using("old").order_by("pk"))
    model._base_manager.using("default").bulk_create(rows)
    from django.core.management.color import no_style

    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(statement)


def finish() -> None:
    """Let days go by, complete every form, and retry what has failed, until all is done."""
    from django.contrib.auth import get_user_model
    from django.test import Client
    from workshop import clock

    from automations.models import AutomationModel, AutomationTaskModel

    ada, bob = (get_user_model().objects.get(username=name) for name in ("ada", "bob"))
    AutomationModel.run()
    for run in AutomationModel.objects.filter(automation_class="workshop.automations.Condition"):
        run.data["go"] = True
        run.save(update_fields=["data"])
    for _ in range(8):
        for task in AutomationTaskModel.objects.offered():
            assert not task.may_be_done_by(bob), task
            assert task.may_be_done_by(ada), task
            client = Client()
            client.force_login(ada)
            answered = client.post(f"/{task.pk}", {"remark": "fine"})
            assert answered.status_code == 302, answered.status_code
        failed = AutomationTaskModel.objects.filter(state="failed")
        for task in failed.exclude(automation__automation_class__endswith=".Retired"):
            task.retry(user=ada)
        clock.move_on()
        AutomationModel.run()


def tell() -> None:
    """Print runs, tasks, bound objects and notes as JSON."""
    from workshop.models import Note

    from automations.models import AutomationModel, AutomationObjectModel, AutomationTaskModel

    rows = {
        "runs": AutomationModel,
        "tasks": AutomationTaskModel,
        "objects": AutomationObjectModel,
        "notes": Note,
    }
    told: dict[str, Any] = {
        name: list(model.objects.order_by("pk").values()) for name, model in rows.items()
    }
    print(json.dumps(told, default=str))  # noqa: T201 - for the test that has started this


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    django.setup()
    what, *arguments = sys.argv[1:]
    {"load": load, "tell": tell, "finish": finish}[what](*arguments)
    if what == "finish":
        tell()

"""
Fill a database with runs of release 0.9.4.1 that stand everywhere.

    python build.py all

Needs an environment with that release, and ``WORKSHOP_DATABASE``, the file to make. Each run is
started in a process of its own, for the old release mixes up the runs of one process.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

os.environ["DJANGO_SETTINGS_MODULE"] = "workshop.settings"
sys.path.insert(0, str(HERE))

#: The automation and what it is started with.
STARTS = [
    ("Finished", {}),
    ("Waiting", {}),
    ("Choice", {"big": True}),
    ("Choice", {"big": False}),
    ("Nested", {}),
    ("InnerJoined", {}),
    ("AskUser", {}),
    ("AskGroup", {}),
    ("AskHolders", {}),
    ("AskAnybody", {}),
    ("AskLater", {}),
    ("Answered", {}),
    ("Failed", {}),
    ("FailedBranch", {}),
    ("Rescued", {}),
    ("Skipping", {}),
    ("SkippingBranch", {}),
    ("JoinedEarly", {}),
    ("Condition", {}),
    ("Weekly", {}),
    ("Bound", {"session": 1}),
    ("Single", {}),
    ("OnePerSlot", {"slot": 1}),
    ("OnePerSlot", {"slot": 2}),
    ("Crashed", {}),
    ("Retired", {}),
    # Begun by one sweep, which runs both in one process.
    ("Aborted", {"autorun": False}),
    ("Aborted", {"autorun": False}),
]


def prepare() -> None:
    """Make the tables, two people, their group and two sessions."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group, Permission
    from django.core.management import call_command
    from workshop import models

    call_command("migrate", run_syncdb=True, verbosity=0)
    ada = get_user_model().objects.create_user("ada", password="ada")
    ada.groups.add(Group.objects.create(name="staff"))
    ada.user_permissions.add(Permission.objects.get(codename="add_note"))
    get_user_model().objects.create_user("bob", password="bob")
    for title in ("Monday", "Tuesday"):
        models.Session.objects.create(title=title)


def start(name: str, arguments: dict[str, Any]) -> None:
    """Start one run."""
    from workshop import automations

    getattr(automations, name)(**arguments)


def sweep() -> None:
    """Do what the scheduler did."""
    from automations.models import AutomationModel

    AutomationModel.run()


def answer() -> None:
    """Complete a form in the old release."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    from automations.models import AutomationTaskModel

    task = AutomationTaskModel.objects.get(
        automation__automation_class="workshop.automations.Answered", finished=None
    )
    client = Client()
    client.force_login(get_user_model().objects.get(username="ada"))
    answered = client.post(f"/{task.pk}", {"remark": "fine"})
    assert answered.status_code == 302, answered.status_code


def tidy() -> None:
    """Take out of the reports of errors where they were made, and make the file small."""
    database = sqlite3.connect(os.environ["WORKSHOP_DATABASE"])
    places = {
        os.environ["WORKSHOP_DATABASE"]: "/srv/workshop.sqlite3",
        str(HERE): "/srv",
        sys.prefix: "/usr",
        sys.base_prefix: "/usr",
    }
    rows = database.execute(
        "SELECT id, result FROM automations_automationtaskmodel WHERE result LIKE '%html%'"
    )
    for pk, text in rows.fetchall():
        result = json.loads(text)
        for place, instead in places.items():
            result = {key: value.replace(place, instead) for key, value in result.items()}
        result["error"] = re.sub(
            r"(Python Path:).*?(Server time:)", r"\1 []\n\2", result["error"], flags=re.DOTALL
        )
        # Of the page, the place that shows a local variable is enough.
        place = result["html"].index("mark-of-a-variable")
        result["html"] = result["html"][place - 200 : place + 200]
        database.execute(
            "UPDATE automations_automationtaskmodel SET result = ? WHERE id = ?",
            (json.dumps(result), pk),
        )
    database.commit()
    for place in places:
        assert place not in "\n".join(database.iterdump()), place
    database.execute("PRAGMA page_size = 1024")
    database.execute("VACUUM")
    database.close()


def again(*arguments: str, code: int = 0) -> None:
    """Run this script with other arguments in a process of its own."""
    command = [sys.executable, __file__, *arguments]
    assert subprocess.run(command, check=False).returncode == code, arguments


def main(what: str, *arguments: str) -> None:
    """Do one thing; ``all`` does everything in its order."""
    if what == "all":
        again("prepare")
        for name, given in STARTS:
            again("start", name, json.dumps(given), code=7 if name == "Crashed" else 0)
        again("sweep")
        again("answer")
        again("start", "Unbegun", '{"autorun": false}')
        tidy()
        return
    import django

    django.setup()
    if what == "start":
        start(arguments[0], json.loads(arguments[1]))
    else:
        {"prepare": prepare, "sweep": sweep, "answer": answer}[what]()


if __name__ == "__main__":
    main(*sys.argv[1:])

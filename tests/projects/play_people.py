"""Play the project with people of its own; every assertion counts."""

from __future__ import annotations

import django
from django.core.management import call_command


def main() -> None:
    """Ask a team; a stranger cannot answer, a member can."""
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("check", databases=["default"])

    from django.test import Client

    from automations.models import AutomationTaskModel
    from tests.projects.own_people.automations import AsksTheTeam
    from tests.projects.own_people.models import Person, Team

    blue, red = (Team.objects.create(title=title) for title in ("blue", "red"))
    ada = Person.objects.create(code="ada", team=blue)
    eve = Person.objects.create(code="eve", team=red)
    run = AsksTheTeam()
    (task,) = AutomationTaskModel.objects.filter(automation=run.id)
    assert task.interaction_group == blue
    assert task.interaction_group_name == "blue"
    assert list(AsksTheTeam.ask.get_users_with_permission()) == [ada]
    for person, seen, status in ((eve, 0, 404), (ada, 1, 302)):
        client = Client()
        client.force_login(person)
        assert AutomationTaskModel.objects.doable_by(person).count() == seen
        page = client.get("/automations/")
        assert page.status_code == 200
        assert client.post(f"/automations/{task.pk}", {"yes": "on"}).status_code == status
    assert run.finished()
    ada.delete()
    blue.delete()
    task.refresh_from_db()
    assert (task.interaction_group, task.interaction_group_name) == (None, "blue")


if __name__ == "__main__":
    main()

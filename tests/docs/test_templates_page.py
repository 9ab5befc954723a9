"""The page on templates: what it shows can be done so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from automations.testing import assert_waiting_at
from tests.docs.pages import blocks
from tests.testapp.page_processes import Asks


@pytest.mark.django_db
def test_a_block_of_a_page_is_replaced_as_the_page_shows(
    client: Any, settings: Any, tmp_path: Path
) -> None:
    (shown,) = blocks("reference/templates", "html+django")
    own = tmp_path / "automations" / "form_view.html"
    own.parent.mkdir()
    own.write_text(shown)
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    Group.objects.create(name="members")
    asked = User.objects.create(username="asked")
    User.objects.create(username="all")
    client.force_login(asked)
    task = assert_waiting_at(Asks(), "by_user", for_user=asked)
    page = client.get(reverse("automations:task", args=[task.pk])).content.decode()
    assert '<a href="/help/by_user/">How to do this</a>' in page
    assert 'class="atm-over"' in page

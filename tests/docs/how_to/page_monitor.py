"""The page on monitoring."""

from __future__ import annotations

import json
import os
import re
from io import StringIO
from unittest import mock

import pytest
from blocks import PAGES, Page, checked
from django.core.management import call_command
from django.test import Client, override_settings
from prometheus_client import CollectorRegistry

from automations.contrib import prometheus
from automations.models import AutomationModel, AutomationSweepModel

page = Page("monitor", globals())
REPORT = page.text("$ python manage.py automation_health")
pulse_and_run = page.later("import Pulse")
with mock.patch.dict(os.environ, {"HEALTH_TOKEN": "long and random"}):
    SETTINGS = page.settings("ATM_HEALTH_TOKEN", os=os)
CURL = page.text("$ curl")
metrics = page.later("REGISTRY.register")
ALERTS = page.text("NobodySweeps")


def shape(text: str) -> str:
    """Return the text without its numbers."""
    return re.sub(r"[0-9]+", "0", text).strip()


@pytest.fixture
def swept(db: None) -> None:
    """Let a sweep be noted, by what the page says."""
    pulse_and_run()["every_few_seconds"]()
    assert AutomationSweepModel.objects.exists()


@pytest.mark.usefixtures("swept")
def test_the_command_says_what_is_shown() -> None:
    out = StringIO()
    call_command("automation_health", stdout=out)
    shown = REPORT.partition("\n")[2].replace("Oldest due: 3 seconds ago", "Oldest due: nothing")
    assert shape(out.getvalue()) == shape(shown)


@pytest.mark.usefixtures("swept")
def test_the_page_says_what_is_shown_to_who_knows_the_token() -> None:
    checked(**SETTINGS)
    header, address, shown = re.fullmatch(
        r'\$ curl -H "Authorization: (.*?)" https://example.com(\S+)\n(.*)', CURL, re.DOTALL
    ).groups()
    with override_settings(**SETTINGS):
        token = header.replace("$HEALTH_TOKEN", SETTINGS["ATM_HEALTH_TOKEN"])
        response = Client().get(address, headers={"Authorization": token})
        assert response.status_code == 200
        assert list(response.json()) == list(json.loads(shown))
        assert Client().get(address, headers={"Authorization": "Bearer no"}).status_code == 401
    assert Client().get(address).status_code == 404


@pytest.mark.usefixtures("swept")
def test_the_metrics_of_the_table_and_of_the_alerts_are_there() -> None:
    registry = CollectorRegistry()
    with mock.patch("prometheus_client.REGISTRY", registry):
        metrics()
    told = {metric.name for metric in registry.collect()}
    text = (PAGES / "monitor.md").read_text()
    table = set(re.findall(r"^\| `(automations_\w+)`", text, re.MULTILINE))
    assert table == {prometheus.UP[0], *(name for name, _, _ in prometheus.METRICS)}
    assert told <= table
    assert set(re.findall(r"automations_\w+", ALERTS)) <= table

"""
Metrics for Prometheus: ``pip install django-automations[prometheus]``.

The report is read when somebody scrapes, so the metrics are the same in every process::

    from prometheus_client import REGISTRY
    from automations.contrib.prometheus import HealthCollector

    REGISTRY.register(HealthCollector())
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError

from automations.engine.locking import connection, in_transaction
from automations.health import read

try:
    from prometheus_client.core import GaugeMetricFamily
except ImportError as error:
    raise ImproperlyConfigured(
        "automations.contrib.prometheus needs the package prometheus-client: install "
        "django-automations[prometheus]."
    ) from error

UP = ("automations_up", "Whether the report could be read from the database.")

#: The names of the metrics, what they are called in the report, and what they mean.
METRICS = (
    ("automations_sweep_age_seconds", "sweep_age", "Seconds since a sweep was last noted."),
    ("automations_due_runs", "due", "Runs that are due and that nobody works on."),
    ("automations_late_seconds", "late", "Seconds for which the oldest task is due."),
    ("automations_expired_claims", "expired_claims", "Claims whose worker did not come back."),
    ("automations_incidents", "incidents", "Runs that were stopped by an error."),
    ("automations_tasks_of_nobody", "nobody", "Tasks that nobody of those asked can do."),
)


class HealthCollector:
    """What Prometheus asks: gauges, read from the database at every scrape."""

    def describe(self) -> Iterator[Any]:
        """Yield the metrics without values, so that to register asks no database."""
        yield GaugeMetricFamily(*UP)
        for name, _, meaning in METRICS:
            yield GaugeMetricFamily(name, meaning)

    def collect(self) -> Iterator[Any]:
        """Yield the metrics; in trouble with the database only that it is in trouble."""
        give_back()
        try:
            health = read()
        except (DatabaseError, InterfaceError):
            yield GaugeMetricFamily(*UP, value=0)
            return
        finally:
            give_back()
        yield GaugeMetricFamily(*UP, value=1)
        for name, part, meaning in METRICS:
            value = getattr(health, part)
            if value is not None:
                yield GaugeMetricFamily(name, meaning, value=value)


def give_back() -> None:
    """Close the connection if it is too old: who scrapes in a thread has no request to end."""
    if not in_transaction():
        connection().close_if_unusable_or_obsolete()

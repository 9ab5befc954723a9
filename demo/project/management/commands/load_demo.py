"""``manage.py load_demo``: the people, what the processes are about, and the beginning."""

from __future__ import annotations

from typing import Any

import expenses.loading
import issues.loading
import webinars.loading
from django.core.management.base import BaseCommand
from django.db import transaction

from project import people, week


class Command(BaseCommand):
    """Fill an empty demo, and leave one that is filled as it is."""

    help = "Load the people and the files, and let the week begin, if that has not been done."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if week.has_begun():
            return
        week.begin()
        people.make("admin", is_staff=True, is_superuser=True)
        people.make("eve")
        issues.loading.load()
        webinars.loading.load()
        expenses.loading.load()

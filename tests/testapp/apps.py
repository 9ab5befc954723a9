"""What this app does when a process begins."""

from __future__ import annotations

import os

from django.apps import AppConfig


class TestAppConfig(AppConfig):
    """Lets SQLite's disk be small, where a test says so."""

    name = "tests.testapp"

    def ready(self) -> None:
        """Watch the file that says how many pages there may be."""
        if file := os.environ.get("ATM_TEST_PAGES"):
            from tests.testapp.small_disk import limit_pages

            limit_pages(file)

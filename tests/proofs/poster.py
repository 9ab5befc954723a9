"""
Somebody who sends forms, in a process of its own, when the test says so.

``poster.py [MEASURE ...]`` logs in as ada and says "ready". Then it reads lines: ``post URL`` sends
the form of that page; ``gated URL`` as well, and stops at gates on the way, where it says "gate"
and goes on with the next line. What came of it is one line of JSON: the status, when it began, how
long it took (in seconds of the clock that all processes share), for how long of that it waited for
a processor that others were using, and what the page said. The measures are what is switched off
or gated, see tests/testapp/post_gates.py.
"""

from __future__ import annotations

import json
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

#: How long one form may take, in seconds: a process that hangs must not hold up the test.
PATIENCE = 120


def say(line: str) -> None:
    """Say something to the test."""
    print(line, flush=True)  # noqa: T201 - to the test


def waited() -> float:
    """Return for how many seconds this process has waited for a processor; 0 if nobody tells."""
    try:
        return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


class Person:
    """Somebody with a browser."""

    def __init__(self) -> None:
        from django.test import Client
        from django.urls import reverse

        # As in the real thing: the token is asked for, and an error is a page.
        self.client = Client(
            enforce_csrf_checks=True, raise_request_exception=False, SERVER_NAME="localhost"
        )
        assert self.client.login(username="ada", password="ada")
        self.client.get(reverse("automations:task_list"))
        self.gated = False

    def gate(self) -> None:
        """Wait until the test lets go, if this form is gated."""
        if self.gated:
            say("gate")
            sys.stdin.readline()

    def post(self, url: str) -> dict[str, Any]:
        """Send the form of the page; return what came of it."""
        if "csrftoken" not in self.client.cookies:
            self.client.get(url)
        token = self.client.cookies["csrftoken"].value
        entered = {"approved": "on", "reason": "good", "csrfmiddlewaretoken": token}
        waiting, begun = waited(), time.monotonic()
        response = self.client.post(url, entered)
        answer = {
            "status": response.status_code,
            "begun": begun,
            "took": time.monotonic() - begun,
            "waited": waited() - waiting,
        }
        text = "" if response.status_code == 302 else response.content.decode()
        if response.status_code == 500:
            text = "".join(traceback.format_exception(*response.exc_info))
        return answer | {"text": text}


def main() -> None:
    """Get ready, and send what the test says."""
    import django

    django.setup()
    from django.urls import get_resolver

    # What is worked on is imported before, so that nobody begins with a head start.
    import tests.testapp.post_processes  # noqa: F401 - imported to be there
    from tests.testapp import faults, post_gates

    get_resolver().url_patterns  # noqa: B018 - imports all views, before the first form
    person = Person()
    for measure in sys.argv[1:]:
        if measure == "without_transactions":
            faults.without_transactions()
        else:
            getattr(post_gates, measure)(person.gate)
    say("ready")
    for line in iter(sys.stdin.readline, ""):
        how, url = line.split()
        person.gated = how == "gated"
        signal.alarm(PATIENCE)
        say(json.dumps(person.post(url)))
        signal.alarm(0)


if __name__ == "__main__":
    main()

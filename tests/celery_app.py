"""The Celery of the test project: the broker is the one that the environment names."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

app = Celery(
    "tests",
    broker=os.environ.get("ATM_TEST_BROKER", "memory://"),
    set_as_current=True,
)
app.conf.broker_connection_retry_on_startup = True
app.conf.worker_hijack_root_logger = False
app.autodiscover_tasks()

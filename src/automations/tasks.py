"""
The tasks for Celery, which ``app.autodiscover_tasks()`` finds here. Needs Celery.

``automations.work`` works on one run. ``automations.sweep`` is for Celery beat::

    app.conf.beat_schedule = {
        "automations": {"task": "automations.sweep", "schedule": 5.0, "options": {"expires": 5.0}},
    }
"""

from automations.dispatch.celery import sweep, work

__all__ = ["sweep", "work"]

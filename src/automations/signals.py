"""
What happens to runs, as signals of Django: sent once it is committed.

Each is sent with the class of the automation as sender (None if the code lacks it) and ``run``,
its row; `task_finished`, `run_failed`, `task_assigned` and
`task_overdue` also with ``task``. What a receiver raises is logged and
goes no further. Inside a transaction of the caller's they are sent when that is committed::

    @receiver(run_failed, sender=Signup)
    def tell(sender, run, task, **kwargs): ...
"""

from django.dispatch import Signal

#: A run has been made; nothing of it has been executed yet.
run_started = Signal()
#: A task has been completed, skipped, merged or cancelled.
task_finished = Signal()
#: A task waits for people, or was handed to one; sent by the scheduler, and by ``task.taken_by`` or
#: ``task.get_users_with_permission()`` one knows for whom it waits.
task_assigned = Signal()
#: A task waits for people, and should have been done by now; sent by the scheduler, once.
task_overdue = Signal()
#: A run has been stopped by an error of ``task``.
run_failed = Signal()
#: A run has ended: its state is finished or cancelled.
run_finished = Signal()

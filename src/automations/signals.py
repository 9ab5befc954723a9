"""
What happens to runs, as signals of Django: sent once it is committed.

Each is sent with the class of the automation as sender (None if the code lacks it) and ``run``,
its row; `task_finished` and `run_failed` also with ``task``. What a receiver raises is logged and
goes no further. Inside a transaction of the caller's they are sent when that is committed::

    @receiver(run_failed, sender=Signup)
    def tell(sender, run, task, **kwargs): ...
"""

from django.dispatch import Signal

#: A run has been made; nothing of it has been executed yet.
run_started = Signal()
#: A task has been completed, skipped, merged or cancelled.
task_finished = Signal()
#: A run has been stopped by an error of ``task``.
run_failed = Signal()
#: A run has ended: its state is finished or cancelled.
run_finished = Signal()

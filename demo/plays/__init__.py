"""
The plays: one per process, each with what its people do and what must come of it.

``moments()`` are the times at which something arrives, ``Cast`` the people and what they do when
they look at their lists, ``counted()`` what came of the week, and ``expected()`` what must have
come of it. That is worked out from the files alone, by other code than that of the process.
"""

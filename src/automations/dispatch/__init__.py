"""Where a task runs: here and now, or wherever a sweep finds it."""

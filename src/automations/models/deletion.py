"""What happens to the rows that point to a deleted row."""

from __future__ import annotations

from typing import Any

from django.db import models

__all__ = ["RESTRICT_AND_CLEAR"]


def RESTRICT_AND_CLEAR(collector: Any, field: Any, sub_objs: Any, using: str) -> None:
    """
    Refuse as `RESTRICT` does, for a model that points to itself; clear what is deleted as well.

    `RESTRICT` makes a model that points to itself wait for itself, so that Django finds no order
    in which to delete anything: runs came before their tasks. And the rows themselves are deleted
    by one statement, in which InnoDB looks at each row alone: one that another points to stays.
    So the pointers of rows that are deleted in the same act are emptied first.

    It is the ``on_delete`` of a field that can be null. `RestrictedError` is raised when rows
    would stay behind that point to a deleted one.
    """
    collector.add_restricted_objects(field, sub_objs)
    models.SET_NULL(collector, field, sub_objs, using)

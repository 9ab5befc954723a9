"""The people of the demo: each one's password is the name."""

from __future__ import annotations

from django.contrib.auth.models import Group, User


def make(name: str, *, group: str = "", **rights: bool) -> User:
    """Make somebody who can log in, a member of ``group`` if one is given."""
    user = User.objects.create_user(name, f"{name}@example.org", name, **rights)
    if group:
        user.groups.add(Group.objects.get_or_create(name=group)[0])
    return user

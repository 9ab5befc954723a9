"""People who are no users of Django's, in teams that are no groups of Django's."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models


class Team(models.Model):
    """A number of people."""

    title = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.title


class Person(AbstractBaseUser):
    """Somebody in at most one team, with a key that is no number."""

    code = models.CharField(max_length=20, primary_key=True)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True)

    USERNAME_FIELD = "code"
    is_superuser = False

    def __str__(self) -> str:
        return self.code

    def has_perm(self, permission: str, obj: object = None) -> bool:
        """Nobody has a permission here."""
        return False

    def has_module_perms(self, label: str) -> bool:
        """Nobody has a permission here."""
        return False

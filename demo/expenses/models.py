"""Who works here, what they have paid for, and what they got back."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse

from automations import flow


class Employee(models.Model):
    """Somebody who works here, and whom they report to."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    superior = models.ForeignKey("self", on_delete=models.PROTECT, null=True)

    def __str__(self) -> str:
        return str(self.user)


class Expense(models.Model):
    """What an employee has paid for. Filing it starts the process, see ``automations.py``."""

    class Outcome(models.TextChoices):
        OPEN = "", "Open"
        PAID = "paid", "Paid"
        BY_HAND = "by hand", "Paid by hand"
        REJECTED = "rejected", "Rejected"

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT)
    purpose = models.CharField(max_length=100)
    amount = models.DecimalField("amount in euros", max_digits=8, decimal_places=2)
    has_receipt = models.BooleanField("there is a receipt", default=False)
    filed = models.DateTimeField(default=flow.now, editable=False)
    outcome = models.CharField(
        max_length=10, choices=Outcome.choices, default=Outcome.OPEN, blank=True, editable=False
    )

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.purpose} ({self.amount} €)"

    def get_absolute_url(self) -> str:
        """Return the page on which its employee sees where it stands."""
        return reverse("expense", args=[self.pk])


class BankAccount(models.Model):
    """Where the money goes."""

    holder = models.CharField("name of the account holder", max_length=70)
    iban = models.CharField("IBAN", max_length=42)

    def __str__(self) -> str:
        return self.iban


class Transfer(models.Model):
    """A payment that the bank has accepted."""

    expense = models.OneToOneField(Expense, on_delete=models.PROTECT)
    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT)

    def __str__(self) -> str:
        return f"{self.expense} to {self.account}"

"""What the processes of the how-to pages are about."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models


class Order(models.Model):
    """What somebody buys."""

    title = models.CharField(max_length=100, default="A book")
    total = models.IntegerField(default=0)
    paid = models.BooleanField(default=False)
    packed = models.BooleanField(default=False)
    customer = models.ForeignKey(User, on_delete=models.CASCADE, null=True)

    class Meta:
        permissions = [("approve_order", "Can approve orders")]


class Webinar(models.Model):
    """What begins at a time that may be moved."""

    begins = models.DateTimeField()


class BankAccount(models.Model):
    """Where money goes."""

    iban = models.CharField(max_length=34)


class Expense(models.Model):
    """What somebody has paid."""

    title = models.CharField(max_length=100)
    amount = models.IntegerField()

    class Meta:
        permissions = [("approve_expense", "Can approve expenses")]


class Payment(models.Model):
    """What somebody has paid for an order."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="payments")
    amount = models.IntegerField()


class Deputy(models.Model):
    """Who stands in for whom."""

    absent = models.ForeignKey(User, on_delete=models.CASCADE, related_name="deputies")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="stands_in")


class Parcel(models.Model):
    """What is sent."""

    email = models.EmailField()
    tracking_code = models.CharField(max_length=100, blank=True)

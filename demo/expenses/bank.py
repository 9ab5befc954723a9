"""The bank. It takes any order, and refuses one to an account that cannot exist."""

from __future__ import annotations

from expenses.models import BankAccount, Expense, Transfer


class PaymentFailed(Exception):
    """The bank has refused an order."""


def pay(expense: Expense, account: BankAccount) -> None:
    """Order a transfer. Raise `PaymentFailed` if the account's IBAN is wrong."""
    Transfer.objects.create(expense=expense, account=account)
    if not is_iban(account.iban):
        raise PaymentFailed(f"There is no account {account.iban}.")


def is_iban(text: str) -> bool:
    """Return whether the check digits of an IBAN are right (ISO 7064, modulo 97)."""
    iban = text.replace(" ", "").upper()
    if not (iban.isascii() and iban.isalnum() and 15 <= len(iban) <= 34):
        return False
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1

"""What employees, approvers and accountants are asked."""

from __future__ import annotations

from django import forms

from expenses.models import BankAccount, Expense


class ApprovalForm(forms.Form):
    """Whether an expense may be paid back."""

    decision = forms.ChoiceField(
        choices=[("approve", "Approve"), ("reject", "Reject")], widget=forms.RadioSelect
    )
    comment = forms.CharField(required=False, max_length=200)


class BankAccountForm(forms.ModelForm):
    """Where the money is to go."""

    class Meta:
        model = BankAccount
        fields = ("holder", "iban")


class TransferForm(forms.Form):
    """The number of the transfer that was made by hand."""

    number = forms.CharField(label="Number of the transfer", max_length=30)


class ExpenseForm(forms.ModelForm):
    """What has been paid for."""

    class Meta:
        model = Expense
        fields = ("purpose", "amount", "has_receipt")

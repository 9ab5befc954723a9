"""The app of the third process."""

from django.apps import AppConfig


class ExpensesConfig(AppConfig):
    """Expenses that employees get back."""

    name = "expenses"

"""Where employees file what they have paid for, and see what becomes of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin, UserPassesTestMixin
from django.contrib.auth.views import redirect_to_login
from django.db.models import QuerySet
from django.http import HttpResponse
from django.views.generic import CreateView, DetailView

from automations.models import AutomationModel
from expenses.forms import ExpenseForm
from expenses.models import Employee, Expense


class FileExpenseView(LoginRequiredMixin, UserPassesTestMixin, CreateView):
    """The form, for everybody who has a superior; what is saved starts its process."""

    model = Expense
    form_class = ExpenseForm
    template_name = "expenses/file.html"

    def test_func(self) -> bool:
        return self.employee() is not None

    def handle_no_permission(self) -> HttpResponse:
        """Let somebody else log in."""
        return redirect_to_login(self.request.get_full_path())

    def form_valid(self, form: Any) -> HttpResponse:
        form.instance.employee = self.employee()
        messages.success(self.request, "Your expense has been filed.")
        return super().form_valid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        filed = Expense.objects.filter(employee=self.employee()).order_by("-pk")
        return super().get_context_data(filed=filed, **kwargs)

    def employee(self) -> Employee | None:
        """Return who is logged in, if that is somebody whose expenses are decided by others."""
        found = Employee.objects.filter(user=self.request.user)
        return found.filter(superior__superior__isnull=False).first()


class ExpenseView(LoginRequiredMixin, DetailView):
    """One expense and where it stands, for the one who has filed it."""

    template_name = "expenses/expense.html"

    def get_queryset(self) -> QuerySet[Expense]:
        return Expense.objects.filter(employee__user=self.request.user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = AutomationModel.objects.for_object(self.object).first()
        return super().get_context_data(run=run, **kwargs)

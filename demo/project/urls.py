"""The pages of the demo."""

from django.contrib import admin
from django.urls import include, path
from expenses.views import ExpenseView, FileExpenseView
from webinars.views import SignUpView

from project.views import HomeView, MailsView

urlpatterns = [
    path("", HomeView.as_view(), name="home"),
    path("mails/", MailsView.as_view(), name="mails"),
    path("webinars/", SignUpView.as_view(), name="sign_up"),
    path("expenses/", FileExpenseView.as_view(), name="file_expense"),
    path("expenses/<int:pk>/", ExpenseView.as_view(), name="expense"),
    path("automations/", include("automations.urls")),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
]

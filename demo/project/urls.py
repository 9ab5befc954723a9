"""The pages of the demo."""

from django.contrib import admin
from django.urls import include, path
from expenses.views import FileExpenseView
from webinars.views import SignUpView

from project.views import HomeView

urlpatterns = [
    path("", HomeView.as_view(), name="home"),
    path("webinars/", SignUpView.as_view(), name="sign_up"),
    path("expenses/", FileExpenseView.as_view(), name="file_expense"),
    path("automations/", include("automations.urls")),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
]

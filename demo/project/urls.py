"""The pages of the demo."""

from django.contrib import admin
from django.urls import include, path
from issues.views import HomeView

urlpatterns = [
    path("", HomeView.as_view(), name="home"),
    path("automations/", include("automations.urls")),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
]

"""The URLs of the project that the blocks of the how-to pages are part of."""

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("django.contrib.auth.urls")),
    path("automations/", include("automations.urls")),
]

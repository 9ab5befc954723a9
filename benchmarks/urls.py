"""The pages that are measured."""

from django.urls import include, path

urlpatterns = [path("automations/", include("automations.urls"))]

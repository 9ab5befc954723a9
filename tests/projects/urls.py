"""The pages of the package alone."""

from django.urls import include, path

urlpatterns = [path("automations/", include("automations.urls"))]

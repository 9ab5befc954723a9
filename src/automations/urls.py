"""The pages of the package: ``path("automations/", include("automations.urls"))``."""

from django.urls.resolvers import URLPattern

app_name = "automations"

urlpatterns: list[URLPattern] = []

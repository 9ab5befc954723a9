"""Where an organiser moves a webinar."""

from __future__ import annotations

from django.contrib import admin

from webinars.models import Webinar


@admin.register(Webinar)
class WebinarAdmin(admin.ModelAdmin):
    """The webinars and their dates."""

    list_display = ("title", "begins")

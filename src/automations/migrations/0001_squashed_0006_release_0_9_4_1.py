"""The tables as release 0.9.4.1 of django-automations left them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from automations.upgrade.operations import CreateModel
from automations.upgrade.record import REPLACED


class Migration(migrations.Migration):

    initial = True

    replaces = [("automations", name) for name in REPLACED]

    dependencies = [
        ("auth", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        CreateModel(
            name="AutomationModel",
            fields=[
                ("id", models.AutoField(primary_key=True)),
                ("automation_class", models.CharField(max_length=256)),
                ("finished", models.BooleanField(default=False)),
                ("data", models.JSONField(default=dict)),
                ("key", models.CharField(max_length=64, default="")),
                ("paused_until", models.DateTimeField(null=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("updated", models.DateTimeField(auto_now=True)),
            ],
        ),
        CreateModel(
            name="AutomationTaskModel",
            fields=[
                ("id", models.AutoField(primary_key=True)),
                ("status", models.CharField(max_length=256, blank=True)),
                ("locked", models.IntegerField(default=0)),
                ("requires_interaction", models.BooleanField(default=False)),
                ("interaction_permissions", models.JSONField(default=list)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("finished", models.DateTimeField(null=True)),
                ("message", models.CharField(max_length=128, blank=True)),
                ("result", models.JSONField(null=True, blank=True, default=dict)),
                (
                    "automation",
                    models.ForeignKey(
                        to="automations.automationmodel",
                        on_delete=django.db.models.deletion.CASCADE,
                    ),
                ),
                (
                    "previous",
                    models.ForeignKey(
                        to="automations.automationtaskmodel",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                    ),
                ),
                (
                    "interaction_user",
                    models.ForeignKey(
                        to=settings.AUTH_USER_MODEL,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                    ),
                ),
                (
                    # Whatever ATM_GROUP_MODEL says: it always was this one.
                    "interaction_group",
                    models.ForeignKey(
                        to="auth.group",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                    ),
                ),
            ],
        ),
    ]

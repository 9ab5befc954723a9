"""The columns and tables that release 0.9.4.1 did not have."""

import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import automations.settings
from automations.upgrade.operations import (
    AddField,
    AlterField,
    CreateModel,
    DescribeField,
    ForeignKeys,
)
from automations.upgrade.record import RefuseHalf


class Migration(migrations.Migration):

    dependencies = [
        ("automations", "0001_squashed_0006_release_0_9_4_1"),
        migrations.swappable_dependency(automations.settings.get("ATM_GROUP_MODEL")),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # First of all: see there.
        RefuseHalf(),
        # Room for more rows; before anything else points to them.
        AlterField("automationmodel", "id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
        AlterField("automationtaskmodel", "id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
        # Runs. As long as one has no state it is still to be converted.
        AddField("automationmodel", "state", models.CharField(choices=[("running", "Running"), ("finished", "Finished"), ("failed", "Failed"), ("cancelled", "Cancelled"), ("suspended", "Suspended")], max_length=16, null=True, verbose_name="state")),
        AddField("automationmodel", "version", models.PositiveIntegerField(default=0, help_text="How often the data has been changed.", verbose_name="version")),
        AddField("automationmodel", "unique_key", models.CharField(help_text="What only one running run may have; empty once the run has ended.", max_length=64, null=True, verbose_name="unique key")),
        AddField("automationmodel", "due", models.DateTimeField(help_text="When the engine looks at this run next; empty if never.", null=True, verbose_name="due")),
        AddField("automationmodel", "claimed_by", models.CharField(blank=True, default="", max_length=128, verbose_name="claimed by")),
        AddField("automationmodel", "claimed_until", models.DateTimeField(null=True, verbose_name="claimed until")),
        AddField("automationmodel", "ended", models.DateTimeField(null=True, verbose_name="ended")),
        DescribeField("automationmodel", "automation_class", models.CharField(max_length=256, verbose_name="process class")),
        DescribeField("automationmodel", "finished", models.BooleanField(default=False, verbose_name="finished")),
        DescribeField("automationmodel", "data", models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder, verbose_name="data")),
        DescribeField("automationmodel", "created", models.DateTimeField(default=automations.settings.now, verbose_name="created")),
        DescribeField("automationmodel", "updated", models.DateTimeField(default=automations.settings.now, verbose_name="updated")),
        # Tasks.
        AddField("automationtaskmodel", "fork", models.ForeignKey(help_text="The Split whose branch this task belongs to.", null=True, on_delete=django.db.models.deletion.RESTRICT, related_name="branches", to="automations.automationtaskmodel", verbose_name="fork")),
        AddField("automationtaskmodel", "state", models.CharField(choices=[("ready", "Ready"), ("waiting", "Waiting"), ("completed", "Completed"), ("skipped", "Skipped"), ("merged", "Merged"), ("failed", "Failed"), ("cancelled", "Cancelled")], default="ready", max_length=16, verbose_name="state")),
        AddField("automationtaskmodel", "due", models.DateTimeField(help_text="When the engine looks at this task next; empty if never.", null=True, verbose_name="due")),
        AddField("automationtaskmodel", "attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
        AddField("automationtaskmodel", "tries", models.PositiveIntegerField(default=0, help_text="How often the work was tried in vain.", verbose_name="failed tries")),
        AddField("automationtaskmodel", "retry_at", models.DateTimeField(help_text="Before this the work is not tried again.", null=True, verbose_name="tried again")),
        AddField("automationtaskmodel", "error", models.CharField(blank=True, default="", help_text="The class of the error.", max_length=255, verbose_name="error")),
        AlterField("automationtaskmodel", "message", models.CharField(blank=True, default="", max_length=255, verbose_name="message")),
        AddField("automationtaskmodel", "traceback", models.TextField(blank=True, default="", verbose_name="traceback")),
        AddField("automationtaskmodel", "reminders", models.JSONField(blank=True, default=list, help_text="How often each .Remind() of the node has come due for this task.", verbose_name="reminders")),
        AddField("automationtaskmodel", "outbox", models.JSONField(blank=True, encoder=django.core.serializers.json.DjangoJSONEncoder, help_text="The message that this task is sending.", null=True, verbose_name="outbox")),
        AddField("automationtaskmodel", "interaction_user_name", models.CharField(blank=True, default="", max_length=255, verbose_name="name of the assigned user")),
        AddField("automationtaskmodel", "interaction_group_name", models.CharField(blank=True, default="", max_length=255, verbose_name="name of the assigned group")),
        DescribeField("automationtaskmodel", "status", models.CharField(max_length=256, verbose_name="status")),
        DescribeField("automationtaskmodel", "result", models.JSONField(blank=True, encoder=django.core.serializers.json.DjangoJSONEncoder, null=True, verbose_name="result")),
        DescribeField("automationtaskmodel", "created", models.DateTimeField(default=automations.settings.now, verbose_name="created")),
        DescribeField("automationtaskmodel", "finished", models.DateTimeField(null=True, verbose_name="finished")),
        DescribeField("automationtaskmodel", "requires_interaction", models.BooleanField(default=False, verbose_name="requires interaction")),
        DescribeField("automationtaskmodel", "interaction_user", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL, verbose_name="assigned user")),
        DescribeField("automationtaskmodel", "interaction_permissions", models.JSONField(blank=True, default=list, help_text="List of permissions of the form app_label.codename", verbose_name="required permissions")),
        ForeignKeys("automationtaskmodel"),
        # New tables.
        CreateModel(
            name="AutomationScheduleModel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("automation_class", models.CharField(max_length=256, verbose_name="process class")),
                ("rule", models.CharField(max_length=255, verbose_name="rule")),
                ("due", models.DateTimeField(db_index=True, null=True, verbose_name="due")),
                ("last", models.DateTimeField(null=True, verbose_name="last started")),
                ("created", models.DateTimeField(default=automations.settings.now, verbose_name="created")),
            ],
            options={
                "verbose_name": "schedule",
                "verbose_name_plural": "schedules",
                "constraints": [models.UniqueConstraint(fields=["automation_class"], name="atm_schedule_one_per_class")],
            },
        ),
        CreateModel(
            name="AutomationMessageModel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=256, verbose_name="name")),
                ("token", models.TextField(null=True, verbose_name="token")),
                ("data", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, null=True, verbose_name="data")),
                ("key", models.CharField(help_text="Which sending the message comes from.", max_length=128, null=True, verbose_name="key")),
                ("answer", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, help_text="What the run answered.", null=True, verbose_name="answer")),
                ("created", models.DateTimeField(default=automations.settings.now, verbose_name="created")),
                ("taken", models.DateTimeField(null=True, verbose_name="taken")),
                ("automation", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="messages", to="automations.automationmodel", verbose_name="automation")),
                ("task", models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, to="automations.automationtaskmodel", verbose_name="task that took it")),
            ],
            options={
                "verbose_name": "message",
                "verbose_name_plural": "messages",
                "indexes": [models.Index(fields=["automation", "taken"], name="atm_message_kept")],
                "constraints": [
                    models.UniqueConstraint(fields=("key", "automation"), name="atm_message_once"),
                    models.CheckConstraint(condition=~models.Q(name=""), name="atm_message_has_a_name"),
                ],
            },
        ),
        CreateModel(
            name="AutomationAuditModel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("user_name", models.CharField(blank=True, default="", max_length=255, verbose_name="name of the user")),
                ("action", models.CharField(choices=[("complete", "Form completed"), ("retry", "Task retried"), ("skip", "Task skipped"), ("cancel", "Run cancelled"), ("suspend", "Run suspended"), ("resume", "Run resumed"), ("message", "Message sent"), ("change", "Data changed")], max_length=16, verbose_name="action")),
                ("time", models.DateTimeField(default=automations.settings.now, verbose_name="time")),
                ("reason", models.TextField(blank=True, default="", verbose_name="reason")),
                ("changes", models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder, verbose_name="changes")),
                ("automation", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="automations.automationmodel")),
                ("task", models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, to="automations.automationtaskmodel")),
                ("user", models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
            ],
            options={"verbose_name": "audit entry", "verbose_name_plural": "audit entries"},
        ),
        CreateModel(
            name="AutomationObjectModel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("model", models.CharField(max_length=255, verbose_name="model")),
                ("object_key", models.CharField(max_length=255, verbose_name="primary key of the object")),
                ("automation", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="bound_objects", to="automations.automationmodel", verbose_name="automation")),
            ],
            options={
                "verbose_name": "bound object",
                "verbose_name_plural": "bound objects",
                "indexes": [models.Index(fields=["model", "object_key"], name="atm_object_runs")],
                "constraints": [models.UniqueConstraint(fields=("automation", "name"), name="atm_object_one_per_name")],
            },
        ),
    ]

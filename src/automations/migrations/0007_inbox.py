"""Who has taken a task, by when it should be done, who is told of it, and what is not sent yet."""

import automations.models.deletion
import automations.settings
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from automations.upgrade.conversion import refuse_to_go_back
from automations.upgrade.operations import AddField, CreateModel, DescribeField


class Migration(migrations.Migration):

    dependencies = [
        ("automations", "0006_health"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddField("automationtaskmodel", "taken_by", models.ForeignKey(blank=True, help_text="Who has said that he or she does it; nobody else completes it then.", null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL, verbose_name="taken by")),
        AddField("automationtaskmodel", "taken_at", models.DateTimeField(null=True, verbose_name="taken at")),
        AddField("automationtaskmodel", "due_date", models.DateTimeField(help_text="When the person who is asked should have done it.", null=True, verbose_name="due date")),
        DescribeField("automationtaskmodel", "fork", models.ForeignKey(help_text="The Split whose branch this task belongs to.", null=True, on_delete=automations.models.deletion.RESTRICT_AND_CLEAR, related_name="branches", to="automations.automationtaskmodel", verbose_name="fork")),
        DescribeField("automationauditmodel", "action", models.CharField(choices=[("start", "Run started"), ("complete", "Form completed"), ("take", "Task taken"), ("give_back", "Task given back"), ("hand_over", "Task handed over"), ("retry", "Task retried"), ("skip", "Task skipped"), ("cancel", "Run cancelled"), ("suspend", "Run suspended"), ("resume", "Run resumed"), ("message", "Message sent"), ("change", "Data changed")], max_length=16, verbose_name="action")),
        CreateModel(
            name="AutomationDraftModel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("entered", models.JSONField(default=dict, verbose_name="entered")),
                ("saved", models.DateTimeField(default=automations.settings.now, verbose_name="saved at")),
                ("task", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="automations.automationtaskmodel")),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "verbose_name": "draft",
                "verbose_name_plural": "drafts",
                "constraints": [models.UniqueConstraint(fields=("task", "user"), name="atm_draft_once")],
            },
        ),
        CreateModel(
            name="AutomationNoticeModel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("assigned", "Task assigned"), ("overdue", "Task overdue")], max_length=16, verbose_name="kind")),
                ("due", models.DateTimeField(db_index=True, verbose_name="due")),
                ("task", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="automations.automationtaskmodel")),
                ("user", models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL, verbose_name="user")),
            ],
            options={
                "verbose_name": "notice",
                "verbose_name_plural": "notices",
                "constraints": [models.UniqueConstraint(fields=("task", "kind", "user"), name="atm_notice_once")],
            },
        ),
        CreateModel(
            name="AutomationPreferenceModel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("by_email", models.CharField(blank=True, choices=[("each", "At once, for each task"), ("daily", "Once a day, for all tasks together"), ("never", "Never")], default="", max_length=8, verbose_name="e-mail about tasks")),
                ("digest_due", models.DateTimeField(db_index=True, null=True, verbose_name="next digest")),
                ("user", models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL, verbose_name="user")),
            ],
            options={"verbose_name": "preference", "verbose_name_plural": "preferences"},
        ),
        # On the way back this comes first.
        migrations.RunPython(migrations.RunPython.noop, refuse_to_go_back),
    ]

"""Who has taken a task, and by when it should be done."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from automations.upgrade.conversion import refuse_to_go_back
from automations.upgrade.operations import AddField, DescribeField


class Migration(migrations.Migration):

    dependencies = [
        ("automations", "0006_health"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddField("automationtaskmodel", "taken_by", models.ForeignKey(blank=True, help_text="Who has said that he or she does it; nobody else completes it then.", null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL, verbose_name="taken by")),
        AddField("automationtaskmodel", "taken_at", models.DateTimeField(null=True, verbose_name="taken at")),
        AddField("automationtaskmodel", "due_date", models.DateTimeField(help_text="When the person who is asked should have done it.", null=True, verbose_name="due date")),
        DescribeField("automationauditmodel", "action", models.CharField(choices=[("start", "Run started"), ("complete", "Form completed"), ("take", "Task taken"), ("give_back", "Task given back"), ("hand_over", "Task handed over"), ("retry", "Task retried"), ("skip", "Task skipped"), ("cancel", "Run cancelled"), ("suspend", "Run suspended"), ("resume", "Run resumed"), ("message", "Message sent"), ("change", "Data changed")], max_length=16, verbose_name="action")),
        # On the way back this comes first.
        migrations.RunPython(migrations.RunPython.noop, refuse_to_go_back),
    ]

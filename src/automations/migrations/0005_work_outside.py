"""
Work outside of a step's transaction: who does it, until when, and how far it is.

And an index by which classes take turns when much is due.
"""

from django.db import migrations, models

from automations.upgrade.conversion import refuse_to_go_back
from automations.upgrade.operations import AddConstraint, AddField, AddIndex


class Migration(migrations.Migration):

    dependencies = [("automations", "0004_laws")]

    operations = [
        AddField("automationtaskmodel", "claimed_by", models.CharField(blank=True, default="", max_length=128, verbose_name="claimed by")),
        AddField("automationtaskmodel", "claimed_until", models.DateTimeField(null=True, verbose_name="claimed until")),
        AddField("automationtaskmodel", "progress", models.FloatField(null=True, verbose_name="progress")),
        AddConstraint("automationtaskmodel", models.CheckConstraint(condition=models.Q(models.Q(("claimed_by", ""), ("claimed_until__isnull", True)), models.Q(models.Q(("claimed_by", ""), _negated=True), ("claimed_until__isnull", False), ("state", "waiting")), _connector="OR"), name="atm_task_claim_only_waiting")),
        AddIndex("automationmodel", models.Index(fields=["automation_class", "due", "id"], name="atm_run_class_due")),
        # On the way back this comes first.
        migrations.RunPython(migrations.RunPython.noop, refuse_to_go_back),
    ]

"""Runs by their state: incidents, and those of a class that go on, among all that have ended."""

from django.db import migrations, models

from automations.upgrade.conversion import refuse_to_go_back
from automations.upgrade.operations import AddIndex


class Migration(migrations.Migration):

    dependencies = [("automations", "0009_offered_rows")]

    operations = [
        AddIndex("automationmodel", models.Index(fields=["state", "automation_class"], name="atm_run_state")),
        # On the way back this comes first.
        migrations.RunPython(migrations.RunPython.noop, refuse_to_go_back),
    ]

"""What offered tasks ask for, in a string that an index holds: an inbox counts by it."""

from django.db import migrations, models

from automations.upgrade.conversion import refuse_to_go_back
from automations.upgrade.operations import AddField, AddIndex


class Migration(migrations.Migration):

    dependencies = [("automations", "0007_inbox")]

    operations = [
        AddField("automationtaskmodel", "offer", models.CharField(blank=True, default="", help_text="What the task asks for, in one string; empty while nobody is asked.", max_length=500, verbose_name="offer")),
        AddIndex("automationtaskmodel", models.Index(fields=["offer", "taken_by", "interaction_user", "interaction_group", "due_date"], name="atm_task_offers")),
        AddIndex("automationtaskmodel", models.Index(fields=["requires_interaction", "due_date", "created"], name="atm_task_due_date")),
        # On the way back this comes first.
        migrations.RunPython(migrations.RunPython.noop, refuse_to_go_back),
    ]

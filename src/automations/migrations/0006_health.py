"""The table that says when a sweep was last done."""

from django.db import migrations, models

from automations.upgrade.conversion import refuse_to_go_back
from automations.upgrade.operations import CreateModel


class Migration(migrations.Migration):

    dependencies = [("automations", "0005_work_outside")]

    operations = [
        CreateModel(
            name="AutomationSweepModel",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False, verbose_name="number")),
                ("last", models.DateTimeField(verbose_name="last sweep")),
                ("by", models.CharField(max_length=128, verbose_name="done by")),
            ],
            options={
                "verbose_name": "last sweep",
                "verbose_name_plural": "last sweeps",
                "constraints": [models.CheckConstraint(condition=models.Q(id=1), name="atm_sweep_one_row")],
            },
        ),
        # On the way back this comes first.
        migrations.RunPython(migrations.RunPython.noop, refuse_to_go_back),
    ]

"""Convert what release 0.9.4.1 has written into the tables."""

from django.db import migrations

from automations.upgrade.conversion import convert


class Migration(migrations.Migration):

    # Each block of runs is a transaction of its own: none grows with the tables.
    atomic = False

    dependencies = [("automations", "0002_columns_and_tables")]

    operations = [migrations.RunPython(convert, migrations.RunPython.noop)]

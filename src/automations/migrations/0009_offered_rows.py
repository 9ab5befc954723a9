"""Write what those tasks ask for that are offered already."""

from django.db import migrations

from automations.upgrade.offers import write_offers


class Migration(migrations.Migration):

    # Each block of tasks is a transaction of its own: none grows with the tables.
    atomic = False

    dependencies = [("automations", "0008_offers")]

    operations = [migrations.RunPython(write_offers, migrations.RunPython.noop)]

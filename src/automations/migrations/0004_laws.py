"""The laws that the converted rows keep, the indexes, and the end of the old columns."""

import django.db.models.deletion
from django.db import migrations, models

import automations.models.runs
import automations.settings
from automations.upgrade.conversion import refuse_to_go_back
from automations.upgrade.operations import (
    AddConstraint,
    AddIndex,
    AlterField,
    ForeignKeys,
    RemoveField,
)


class Migration(migrations.Migration):

    dependencies = [
        ("automations", "0003_rows"),
        migrations.swappable_dependency(automations.settings.get("ATM_GROUP_MODEL")),
    ]

    operations = [
        # Runs.
        AlterField("automationmodel", "state", models.CharField(choices=[("running", "Running"), ("finished", "Finished"), ("failed", "Failed"), ("cancelled", "Cancelled"), ("suspended", "Suspended")], default="running", max_length=16, verbose_name="state")),
        AlterField("automationmodel", "key", models.CharField(default=automations.models.runs.make_key, max_length=64, unique=True, verbose_name="key")),
        RemoveField("automationmodel", "paused_until"),
        AddIndex("automationmodel", models.Index(fields=["due", "id"], name="atm_run_due")),
        AddConstraint("automationmodel", models.UniqueConstraint(fields=("automation_class", "unique_key"), name="atm_run_one_per_unique_key")),
        AddConstraint("automationmodel", models.CheckConstraint(condition=models.Q(("state__in", ["running", "finished", "failed", "cancelled", "suspended"])), name="atm_run_state_known")),
        AddConstraint("automationmodel", models.CheckConstraint(condition=models.Q(models.Q(("finished", False), ("state__in", ("running", "suspended"))), models.Q(("finished", True), models.Q(("state__in", ("running", "suspended")), _negated=True)), _connector="OR"), name="atm_run_finished_is_a_state")),
        AddConstraint("automationmodel", models.CheckConstraint(condition=models.Q(models.Q(("ended__isnull", True), ("finished", False)), models.Q(("ended__isnull", False), ("finished", True)), _connector="OR"), name="atm_run_ended_when_finished")),
        AddConstraint("automationmodel", models.CheckConstraint(condition=models.Q(("state", "running"), ("due__isnull", True), _connector="OR"), name="atm_run_due_only_running")),
        AddConstraint("automationmodel", models.CheckConstraint(condition=models.Q(("unique_key__isnull", True), models.Q(("state__in", ["finished", "cancelled"]), _negated=True), _connector="OR"), name="atm_run_ended_frees_key")),
        AddConstraint("automationmodel", models.CheckConstraint(condition=models.Q(models.Q(("claimed_by", ""), ("claimed_until__isnull", True)), models.Q(models.Q(("claimed_by", ""), _negated=True), ("claimed_until__isnull", False)), _connector="OR"), name="atm_run_claim_whole")),
        AddConstraint("automationmodel", models.CheckConstraint(condition=models.Q(("key", ""), _negated=True), name="atm_run_key_given")),
        migrations.AlterModelOptions("automationmodel", {"verbose_name": "automation", "verbose_name_plural": "automations"}),
        # Tasks.
        RemoveField("automationtaskmodel", "locked"),
        AddIndex("automationtaskmodel", models.Index(fields=["automation", "state"], name="atm_task_of_run")),
        AddIndex("automationtaskmodel", models.Index(fields=["requires_interaction", "created"], name="atm_task_inbox")),
        AddConstraint("automationtaskmodel", models.UniqueConstraint(fields=("previous", "status"), name="atm_task_opened_once")),
        AddConstraint("automationtaskmodel", models.CheckConstraint(condition=models.Q(("state__in", ["ready", "waiting", "completed", "skipped", "merged", "failed", "cancelled"])), name="atm_task_state_known")),
        AddConstraint("automationtaskmodel", models.CheckConstraint(condition=models.Q(models.Q(("finished__isnull", True), ("state__in", ("ready", "waiting"))), models.Q(models.Q(("state__in", ("ready", "waiting")), _negated=True), ("finished__isnull", False)), _connector="OR"), name="atm_task_open_xor_finished")),
        AddConstraint("automationtaskmodel", models.CheckConstraint(condition=models.Q(("state__in", ("ready", "waiting")), ("due__isnull", True), _connector="OR"), name="atm_task_due_only_open")),
        AddConstraint("automationtaskmodel", models.CheckConstraint(condition=models.Q(("requires_interaction", False), ("state", "waiting"), _connector="OR"), name="atm_task_asks_only_waiting")),
        AddConstraint("automationtaskmodel", models.CheckConstraint(condition=models.Q(("status", ""), _negated=True), name="atm_task_has_a_node")),
        # The indexes above take the place of those that foreign keys have by themselves.
        AlterField("automationtaskmodel", "automation", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to="automations.automationmodel", verbose_name="automation")),
        AlterField("automationtaskmodel", "previous", models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, to="automations.automationtaskmodel", verbose_name="previous task")),
        # It pointed to auth.Group whatever the setting said.
        AlterField("automationtaskmodel", "interaction_group", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=automations.settings.get("ATM_GROUP_MODEL"), verbose_name="assigned group")),
        ForeignKeys("automationtaskmodel"),
        migrations.AlterModelOptions("automationtaskmodel", {"verbose_name": "task", "verbose_name_plural": "tasks"}),
        # On the way back this comes first.
        migrations.RunPython(migrations.RunPython.noop, refuse_to_go_back),
    ]

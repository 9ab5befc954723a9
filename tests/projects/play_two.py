"""Play the project with two databases; every assertion counts."""

from __future__ import annotations

import datetime

import django
from django.core.management import call_command


def main() -> None:
    """A purchase starts its delivery, which follows it."""
    django.setup()
    call_command("migrate", database="processes", verbosity=0)
    call_command("migrate", database="default", verbosity=0)
    call_command("check", databases=["default", "processes"])

    from django.contrib.auth.models import User
    from django.db import connections, transaction
    from django.utils import timezone

    from automations.dispatch import inline
    from automations.models import AutomationModel
    from tests.projects.shop.automations import Delivery, PurchaseForm
    from tests.projects.shop.models import Purchase

    assert "automations_automationmodel" not in connections["default"].introspection.table_names()
    ada = User.objects.create(username="ada")
    later = timezone.now() + datetime.timedelta(days=3)
    try:
        with transaction.atomic():
            Purchase.objects.create(title="nothing", when=later)
            raise RuntimeError
    except RuntimeError:
        assert not AutomationModel.objects.exists()
    with transaction.atomic():
        purchase = Purchase.objects.create(title="book", when=later)
        assert not AutomationModel.objects.exists()  # the other database cannot roll it back
    row = AutomationModel.objects.get()
    assert row.data["packed"] == "book"
    assert row._state.db == "processes"
    assert AutomationModel.objects.for_object(purchase).get() == row
    assert Delivery(purchase=purchase).id == row.pk
    form = PurchaseForm({"title": "good book"}, instance=purchase)
    assert form.is_valid()
    task = row.automationtaskmodel_set.get(status="check")
    inline.submit(row.pk, task.pk, form, ada)
    assert Purchase.objects.get().title == "good book"
    purchase.when = timezone.now()
    purchase.save()
    report = AutomationModel.run()
    assert report.ok, report
    purchase.refresh_from_db()
    assert purchase.title == "delivered"
    assert Delivery(automation_id=row.pk).finished()
    call_command("automation_step", verbosity=0)
    call_command("automation_delete_history", 0, verbosity=0)


if __name__ == "__main__":
    main()

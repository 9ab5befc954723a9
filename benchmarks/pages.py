"""W4 and W6: the inbox beside many open tasks, and the page of a run that has looped."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from automations.models import AutomationModel
from automations.models.tasks import AutomationTaskModel
from benchmarks import filling
from benchmarks.automations import Asking, Looping
from benchmarks.measuring import Measure, count, seconds, settle_down
from benchmarks.sizes import Sizes

#: What else is asked for: of my tasks, so many in a hundred name me, the others a group of mine.
MINE_BY_NAME = 50
RIGHTS = ("add_effect", "change_automationmodel", "change_automationtaskmodel")


def measure_inbox(sizes: Sizes) -> Iterator[Measure]:
    """Yield queries and milliseconds of an inbox with many tasks of mine, and of others."""
    filling.emptied()
    me, others = person("me"), person("others")
    by_name, by_group = asked(user=me), asked(group=group_of(me))
    strangers = asked(group=group_of(others))
    mine = sizes.inbox * MINE_BY_NAME // 100
    for run, number in (
        (by_name, mine),
        (by_group, sizes.inbox - mine),
        (strangers, sizes.inbox),
    ):
        filling.multiply(run, number - 1)
    filling.look_at_tables()
    name = f"inbox, {sizes.inbox:,} tasks of mine, {sizes.inbox:,} of others"
    yield from page("W4", name, me, "/automations/", f"{sizes.inbox}", sizes)


def measure_looped(sizes: Sizes) -> Iterator[Measure]:
    """Yield queries and milliseconds of the page of a run that has looped often."""
    filling.emptied()
    run = Looping(autorun=False, loops=sizes.loops)
    while AutomationModel.run().runs:
        pass
    filling.look_at_tables()
    name = f"page of a run, {sizes.loops:,} loops"
    address = f"/automations/dashboard/{run.id}"
    yield from page("W6", name, person("me"), address, "Looping", sizes)


def page(
    work: str, name: str, user: User, address: str, shown: str, sizes: Sizes
) -> Iterator[Measure]:
    """Yield queries and milliseconds of a page."""
    client = Client()
    client.force_login(user)
    get = getter(client, address, shown)
    get()
    told, control = count(get)
    yield Measure(work, name, "queries", told + control)
    settle_down()
    yield Measure.of(work, name, "ms", [1000 * seconds(get) for _ in range(sizes.requests)])


def getter(client: Client, address: str, shown: str) -> Callable[[], None]:
    """Return what asks for the page, and sees that it is the right one."""

    def get() -> None:
        answer = client.get(address)
        if answer.status_code != 200 or shown not in answer.content.decode():
            raise RuntimeError(f"{address}: {answer.status_code}, without {shown!r}")

    return get


def person(name: str) -> User:
    """Return a user with a group, and with the rights that the pages need."""
    user, is_new = User.objects.get_or_create(username=name)
    if is_new:
        user.groups.add(Group.objects.create(name=name))
        user.user_permissions.set(Permission.objects.filter(codename__in=RIGHTS))
    return user


def group_of(user: User) -> Group:
    """Return the user's group."""
    return user.groups.get()


def asked(user: User | None = None, group: Group | None = None) -> AutomationModel:
    """Return a run that waits for this user, or for this group."""
    from automations.models.offers import asked_by, offer_for

    run = filling.run_of(Asking())
    task = AutomationTaskModel.objects.get(automation=run)
    task.interaction_user, task.interaction_user_name = user, user.username if user else ""
    task.interaction_group, task.interaction_group_name = group, group.name if group else ""
    task.offer = offer_for(asked_by(task))
    task.save()
    return run

"""
Processes of all shapes: what pictures are drawn of, and what soundness is judged of.

`CORPUS` are sound ones, by name; `UNSOUND` are wrong on purpose. All are abstract, so none of them
has runs; a subclass that is not can be led along any of its ways (`Steered`).
"""

from __future__ import annotations

from types import new_class
from typing import Any

from django.dispatch import Signal

from automations import flow
from automations.flow import this
from tests.diagrams.steered import DAY, HOUR, Lost, Steered, Unpaid
from tests.testapp.forms import ApprovalForm, MailModeration
from tests.testapp.models import Webinar

CORPUS: dict[str, type[flow.Automation]] = {}
UNSOUND: dict[str, type[flow.Automation]] = {}

STAFF = flow.Form(ApprovalForm).Group(name="staff")


def sound(automation: Any) -> Any:
    """Take the process into the corpus."""
    CORPUS[automation.__name__] = automation
    return automation


def unsound(automation: Any) -> Any:
    """Take the process into those that are wrong on purpose."""
    UNSOUND[automation.__name__] = automation
    return automation


def made(name: str, nodes: dict[str, Any]) -> type[flow.Automation]:
    """Return an abstract automation with these nodes."""

    def fill(body: Any) -> None:
        body["Meta"] = type("Meta", (), {"abstract": True})
        body["__module__"] = __name__
        for each, node in nodes.items():
            body[each] = node

    return new_class(name, (Steered,), exec_body=fill)


# What people do


@sound
class IssueDiscussion(Steered):
    """Four arrows lead to the Join of three branches; one branch goes round every hour."""

    class Meta:
        abstract = True

    start = flow.Execute(this.work)
    parallel = flow.Split().Next(this.moderation).Next(this.warning).Next(this.conf_call)
    moderation = flow.If(this.asks).Then(this.repeat)
    moderate = flow.Form(MailModeration).Group(name="Moderators")
    repeat = flow.If(this.asks).Then(this.join).Else(this.moderation).AfterWaitingFor(HOUR)
    warning = flow.Execute(this.work).AfterWaitingFor(6 * DAY).Next(this.join)
    conf_call = flow.If(this.asks).Then(this.moderate_call).Else(this.join)
    moderate_call = flow.Execute(this.work)
    join = flow.Join()
    evaluate = flow.Execute(this.work)
    end = flow.End()


@sound
class ExpenseApproval(Steered):
    """Small ones are paid at once, larger ones approved by one, large ones by two at a time."""

    class Meta:
        abstract = True

    size = (
        flow.Switch(this.which)
        .Case("small", this.billing_details)
        .Case("medium", this.approve)
        .Default(this.both)
    )
    approve = STAFF.DueIn(2 * DAY).OnTimeout(4 * DAY, this.step_in).Next(this.decision)
    step_in = STAFF.Next(this.decision)
    both = flow.Split().Next(this.approve_as_lead).Next(this.approve_as_director)
    approve_as_lead = STAFF.OnTimeout(4 * DAY, this.step_in_for_lead).Next(this.join)
    step_in_for_lead = STAFF.Next(this.join)
    approve_as_director = STAFF.Remind(this.tell, after=2 * DAY).Next(this.join)
    join = flow.Join()
    decision = flow.If(this.asks).Then(this.refuse)
    billing_details = STAFF.DueIn(3 * DAY)
    pay = flow.Execute(this.work).OnError(this.pay_by_hand)
    paid = flow.Execute(this.work)
    end = flow.End()
    pay_by_hand = STAFF.DueIn(DAY).Next(this.paid)
    refuse = flow.Execute(this.work).Next(this.end)


@sound
class WebinarJourney(Steered):
    """Whoever cancels gets no more mails: the End closes the other branch."""

    class Meta:
        abstract = True

    webinar = Webinar

    welcome = flow.Execute(this.work)
    until_the_end = flow.Split().Next(this.soon).Next(this.cancellation)
    soon = flow.If(this.asks).Then(this.link)
    reminder = flow.Execute(this.work).AfterWaitingUntil(this.when)
    link = flow.Execute(this.work).AfterWaitingUntil(this.when)
    stayed = flow.If(this.asks).Then(this.replay).Else(this.end).AfterWaitingUntil(this.when)
    replay = flow.Execute(this.work).Next(this.end)
    cancellation = flow.ReceiveMessage("cancel")
    goodbye = flow.Execute(this.work)
    end = flow.End(terminate=True)


@sound
class SignUp(Steered):
    """What the first page of the documentation shows."""

    class Meta:
        abstract = True

    start = flow.Execute(this.work)
    remind = flow.Execute(this.work).AfterWaitingFor(3 * DAY)
    approve = STAFF
    check = flow.If(this.asks).Then(this.invite).Else(this.end)
    invite = flow.Execute(this.work)
    end = flow.End()


@sound
class Approval(Steered):
    """What the tutorial shows."""

    class Meta:
        abstract = True

    approve = STAFF
    check = flow.If(this.asks).Then(this.note).Else(this.end)
    note = flow.Execute(this.work).Next(this.remind)
    end = flow.End()
    remind = flow.Execute(this.work).AfterWaitingFor(3 * DAY).Next(this.end)


@sound
class Order(Steered):
    """A whole order, from the first look at it to the money: 43 nodes."""

    class Meta:
        abstract = True

    received = flow.Execute(this.work, description="Order received")
    validate_order = flow.Execute(this.work)
    complete = flow.If(this.asks, description="Complete?").Then(this.checks).Else(this.ask_customer)
    ask_customer = flow.SendMessage(1, "question")
    answer = flow.ReceiveMessage("answer").OnTimeout(5 * DAY, this.insist)
    note_answer = flow.Execute(this.work).Next(this.validate_order)
    insist = flow.If(this.asks, description="Asked often enough?").Then(this.cancel_order)
    ask_again = flow.Execute(this.work).Next(this.answer)
    cancel_order = flow.Execute(this.work)
    cancelled = flow.End()

    checks = (
        flow.Split(description="Three checks")
        .Next(this.check_credit)
        .Next(this.reserve_stock)
        .Next(this.check_export_rules)
    )
    check_credit = flow.Execute(this.work).OnError(this.approve_credit)
    risk = flow.If(this.asks, description="Risk?").Then(this.approve_credit).Else(this.checked)
    approve_credit = STAFF.Next(this.checked)
    reserve_stock = flow.Execute(this.work)
    in_stock = flow.If(this.asks, description="In stock?").Then(this.checked)
    order_from_supplier = flow.SendMessage(1, "order")
    delivery = flow.ReceiveMessage("delivered").Remind(this.tell, every=7 * DAY).Next(this.checked)
    check_export_rules = flow.Execute(this.work)
    restricted = flow.If(this.asks, description="Restricted?").Else(this.checked).Then(this.licence)
    licence = flow.Form(ApprovalForm, description="Apply for the licence").Group(name="staff")
    checked = flow.Join()

    plan_production = flow.Execute(this.work)
    production = flow.Split().Next(this.papers).Next(this.make).Next(this.invoice)
    papers = flow.Execute(this.work)
    sign_papers = STAFF.Next(this.ready)
    make = flow.Execute(this.work, description="Manufacture").AfterWaitingFor(3 * DAY)
    quality_check = STAFF
    passed = flow.If(this.asks, description="Passed?").Then(this.pack)
    rework = flow.Execute(this.work).Next(this.make)
    pack = flow.Execute(this.work).Next(this.ready)
    invoice = flow.Execute(this.work).OnError(this.invoice_by_hand)
    send_invoice = flow.Execute(this.work).Next(this.ready)
    invoice_by_hand = STAFF.Next(this.send_invoice)
    ready = flow.Join()

    ship = flow.Execute(this.work)
    shipped = flow.ReceiveMessage("shipped").SkipAfter(10 * DAY)
    payment = flow.ReceiveMessage("paid").OnTimeout(30 * DAY, this.dun)
    close_order = flow.Execute(this.work)
    done = flow.End()
    dun = flow.Execute(this.work)
    dunned = flow.If(this.asks, description="Third time?").Then(this.hand_over).Else(this.payment)
    hand_over = flow.Execute(this.work).Next(this.done)


# Branches


@sound
class Nest(Steered):
    """A Split in a Split in a Split."""

    class Meta:
        abstract = True

    outer = flow.Split().Next(this.left).Next(this.middle)
    left = flow.Execute(this.work).Next(this.outer_join)
    middle = flow.Split().Next(this.top).Next(this.inner).Next(this.bottom)
    top = flow.Execute(this.work).Next(this.middle_join)
    inner = flow.Split().Next(this.one).Next(this.two)
    one = flow.Execute(this.work).Next(this.inner_join)
    two = flow.Execute(this.work)
    inner_join = flow.Join().Next(this.middle_join)
    bottom = STAFF
    middle_join = flow.Join()
    outer_join = flow.Join()
    end = flow.End()


@sound
class Wide(Steered):
    """Eight branches, each with two steps."""

    class Meta:
        abstract = True

    split = (
        flow.Split()
        .Next(this.a1)
        .Next(this.b1)
        .Next(this.c1)
        .Next(this.d1)
        .Next(this.e1)
        .Next(this.f1)
        .Next(this.g1)
        .Next(this.h1)
    )
    a1 = flow.Execute(this.work)
    a2 = flow.Execute(this.work).Next(this.join)
    b1 = flow.Execute(this.work)
    b2 = flow.Execute(this.work).Next(this.join)
    c1 = flow.Execute(this.work)
    c2 = flow.Execute(this.work).Next(this.join)
    d1 = flow.Execute(this.work)
    d2 = flow.Execute(this.work).Next(this.join)
    e1 = STAFF
    e2 = flow.Execute(this.work).Next(this.join)
    f1 = STAFF.OnTimeout(DAY, this.join)
    f2 = flow.Execute(this.work).Next(this.join)
    g1 = flow.If(this.asks).Then(this.join)
    g2 = flow.Execute(this.work).Next(this.join)
    h1 = flow.ReceiveMessage("go")
    h2 = flow.Execute(this.work).Next(this.join)
    join = flow.Join()
    end = flow.End()


@sound
class Uneven(Steered):
    """One branch is long, one is short, one is nothing but its way to the Join."""

    class Meta:
        abstract = True

    split = flow.Split().Next(this.long_1).Next(this.short).Next(this.join)
    long_1 = flow.Execute(this.work)
    long_2 = STAFF
    long_3 = flow.Execute(this.work)
    long_4 = STAFF
    long_5 = flow.Execute(this.work)
    long_6 = flow.Execute(this.work).Next(this.join)
    short = flow.Execute(this.work)
    join = flow.Join()
    end = flow.End()


@sound
class OneAfterTheOther(Steered):
    """Three pairs of Split and Join in a row, with nothing in between."""

    class Meta:
        abstract = True

    split_1 = flow.Split().Next(this.a).Next(this.b)
    a = flow.Execute(this.work).Next(this.join_1)
    b = flow.Execute(this.work)
    join_1 = flow.Join()
    split_2 = flow.Split().Next(this.c).Next(this.d).Next(this.e)
    c = flow.Execute(this.work).Next(this.join_2)
    d = flow.Execute(this.work).Next(this.join_2)
    e = flow.Execute(this.work)
    join_2 = flow.Join()
    split_3 = flow.Split().Next(this.f).Next(this.join_3)
    f = flow.Execute(this.work)
    join_3 = flow.Join()
    end = flow.End()


@sound
class EitherSplit(Steered):
    """Two Splits, of which one is come to, have one Join."""

    class Meta:
        abstract = True

    choose = flow.If(this.asks).Then(this.two_ways).Else(this.three_ways)
    two_ways = flow.Split().Next(this.a).Next(this.b)
    a = flow.Execute(this.work).Next(this.join)
    b = flow.Execute(this.work).Next(this.join)
    three_ways = flow.Split().Next(this.c).Next(this.d).Next(this.e)
    c = flow.Execute(this.work).Next(this.join)
    d = flow.Execute(this.work).Next(this.join)
    e = flow.Execute(this.work).Next(this.join)
    join = flow.Join()
    end = flow.End()


@sound
class LoopsInBranches(Steered):
    """Each branch goes round by itself, and leaves by several ways."""

    class Meta:
        abstract = True

    start = flow.Execute(this.work)
    split = flow.Split().Next(this.draft).Next(this.quote)
    draft = STAFF
    good = flow.If(this.asks).Then(this.join)
    hopeless = flow.If(this.asks).Then(this.join).Else(this.draft)
    quote = flow.SendMessage(1, "quote")
    offer = flow.ReceiveMessage("offer").OnTimeout(3 * DAY, this.quote)
    rating = (
        flow.Switch(this.which)
        .Case("good", this.join)
        .Case("bad", this.quote)
        .Case("odd", this.look)
        .Default(this.offer)
    )
    look = STAFF.OnTimeout(DAY, this.quote).Next(this.join)
    join = flow.Join()
    end = flow.End()


@sound
class RoundAgain(Steered):
    """The whole, with its branches, is done again as long as somebody wants it."""

    class Meta:
        abstract = True

    begin = flow.Execute(this.work)
    split = flow.Split().Next(this.write).Next(this.paint)
    write = STAFF.Next(this.join)
    paint = flow.Execute(this.work).OnError(this.split_paint)
    painted = flow.Execute(this.work).Next(this.join)
    split_paint = flow.Split().Next(this.sketch).Next(this.colour)
    sketch = flow.Execute(this.work).Next(this.join_paint)
    colour = flow.Execute(this.work).Next(this.join_paint)
    join_paint = flow.Join().Next(this.painted)
    join = flow.Join()
    again = flow.If(this.asks).Then(this.begin)
    only_branches = flow.If(this.asks).Then(this.split)
    end = flow.End()


@sound
class Cancelled(Steered):
    """One branch may end the run for all; the others come together."""

    class Meta:
        abstract = True

    start = flow.Execute(this.work)
    split = flow.Split().Next(this.watch).Next(this.build).Next(this.test)
    watch = flow.If(this.asks).Then(this.stop).Else(this.join)
    build = flow.Execute(this.work).OnError(this.stop).Next(this.join)
    test = STAFF.OnTimeout(DAY, this.stop)
    join = flow.Join()
    publish = flow.Execute(this.work)
    end = flow.End()
    stop = flow.End(terminate=True)


# Loops


@sound
class LoopsInLoops(Steered):
    """Three loops, one in the other, and one that is left in the middle."""

    class Meta:
        abstract = True

    a = flow.Execute(this.work)
    b = flow.Execute(this.work)
    c = flow.Execute(this.work)
    inner = flow.If(this.asks).Then(this.c)
    d = flow.Execute(this.work)
    middle = flow.If(this.asks).Then(this.b)
    e = flow.If(this.asks).Then(this.out)
    outer = flow.If(this.asks).Then(this.a).Else(this.end)
    out = flow.Execute(this.work)
    end = flow.End()


@sound
class Itself(Steered):
    """Some nodes lead back to themselves."""

    class Meta:
        abstract = True

    ask = flow.If(this.asks).Then(this.ask)
    fetch = flow.Execute(this.work).OnError(this.fetch)
    approve = STAFF.OnTimeout(DAY, this.approve)
    pick = flow.Switch(this.which).Case("again", this.pick).Default(this.end)
    end = flow.End()


@sound
class Endless(Steered):
    """Collects figures every evening, for ever."""

    class Meta:
        abstract = True

    collect = flow.Execute(this.work)
    tidy = flow.If(this.asks).Then(this.report)
    clean = flow.Execute(this.work)
    report = flow.Execute(this.work).OnError(this.tell_admin)
    again = flow.Repeat(this.collect).EveryDay().At(21, 0)
    tell_admin = flow.SendMessage(1, "broken").Next(this.again)


@sound
class EndlessInBranches(Steered):
    """Two branches go round for ever, each at times of its own; nobody waits for them."""

    class Meta:
        abstract = True

    split = flow.Split().Next(this.hourly).Next(this.daily)
    hourly = flow.Execute(this.work)
    each_hour = flow.Repeat(this.hourly).EveryHour()
    daily = flow.Execute(this.work)
    each_day = flow.Repeat(this.daily).EveryDay()


@sound
class UntilEnough(Steered):
    """Comes back every hour, with branches each time, until it is enough."""

    class Meta:
        abstract = True

    split = flow.Split().Next(this.measure).Next(this.photograph)
    measure = flow.Execute(this.work).Next(this.join)
    photograph = flow.Execute(this.work).SkipIf(this.skips)
    join = flow.Join()
    enough = flow.If(this.asks).Then(this.end)
    again = flow.Repeat().EveryHour()
    end = flow.End()


# Decisions


@sound
class Many(Steered):
    """A Switch with nine ways, some of which meet at once."""

    class Meta:
        abstract = True

    country = (
        flow.Switch(this.which)
        .Case("at", this.german)
        .Case("de", this.german)
        .Case("ch", this.swiss)
        .Case("fr", this.french)
        .Case("it", this.italian)
        .Case("es", this.spanish)
        .Case("pl", this.polish)
        .Case("nobody", this.end)
        .Default(this.english)
    )
    german = flow.Execute(this.work).Next(this.send)
    swiss = flow.Switch(this.which).Case("fr", this.french).Case("it", this.italian)
    swiss_german = flow.Execute(this.work).Next(this.german)
    french = flow.Execute(this.work).Next(this.send)
    italian = flow.Execute(this.work).Next(this.send)
    spanish = flow.Execute(this.work).Next(this.send)
    polish = flow.Execute(this.work).Next(this.send)
    english = flow.Execute(this.work)
    send = flow.Execute(this.work)
    end = flow.End()


@sound
class Tree(Steered):
    """Questions that lead to questions, and an End of its own for each answer."""

    class Meta:
        abstract = True

    root = flow.If(this.asks).Then(this.left).Else(this.right)
    left = flow.If(this.asks).Then(this.left_yes).Else(this.left_no)
    left_yes = flow.If(this.asks).Then(this.a).Else(this.b)
    left_no = flow.If(this.asks).Then(this.c).Else(this.d)
    right = flow.If(this.asks).Then(this.right_yes).Else(this.right_no)
    right_yes = flow.If(this.asks).Then(this.d).Else(this.e)
    right_no = flow.If(this.asks).Then(this.f).Else(this.a)
    a = flow.End()
    b = flow.End()
    c = flow.End()
    d = flow.End()
    e = flow.End()
    f = flow.End()


@sound
class AllTheSame(Steered):
    """Both ways of an If lead to one node, and all cases of a Switch."""

    class Meta:
        abstract = True

    check = flow.If(this.asks).Then(this.note).Else(this.note)
    note = flow.Execute(this.work)
    choose = flow.Switch(this.which).Case("a", this.last).Case("b", this.last).Default(this.last)
    last = flow.Execute(this.work)
    silent = flow.If(this.asks).Then(this.end)
    end = flow.End()


@sound
class Calls(Steered):
    """An If that calls methods, with arguments, instead of leading elsewhere."""

    class Meta:
        abstract = True

    one = flow.If(this.asks).Then(this.work)
    two = flow.If(this.asks).Then(this.work).Else(this.tell)
    three = flow.If(this.asks).Then(this.work).Else(this.end).Next(this.four)
    unused = flow.Execute(this.work).Next(this.end)
    four = flow.If(lambda task: True).Then(lambda task: None).OnError(this.unused)
    end = flow.End()


@sound
class Ladder(Steered):
    """Each step may be the last, and each may lead past the next."""

    class Meta:
        abstract = True

    a = flow.If(this.asks).Then(this.c)
    b = flow.If(this.asks).Then(this.d)
    c = flow.If(this.asks).Then(this.e)
    d = flow.If(this.asks).Then(this.f)
    e = flow.If(this.asks).Then(this.g)
    f = flow.If(this.asks).Then(this.end)
    g = flow.If(this.asks).Then(this.b)
    end = flow.End()


# What leaves a node at its side


@sound
class Troubled(Steered):
    """Nearly every node has a way out for what goes wrong; one has three of them."""

    class Meta:
        abstract = True

    fetch = flow.Execute(this.work).OnError(this.by_hand)
    check = flow.If(this.asks).Then(this.pay).OnError(this.by_hand)
    choose = flow.Switch(this.which).Case("cash", this.ship).Default(this.pay).OnError(this.give_up)
    by_hand = STAFF.OnTimeout(DAY, this.escalate).Next(this.pay)
    escalate = STAFF.OnTimeout(DAY, this.give_up).Next(this.pay)
    pay = (
        flow.Execute(this.work)
        .Retry()
        .OnError(this.remind, on=(Unpaid,))
        .OnError(this.search, on=(Lost,))
        .OnError(this.give_up)
        .AsSoonAs(True)
        .OnTimeout(7 * DAY, this.remind)
    )
    ship = flow.Execute(this.work).OnError(this.search, on=(Lost,))
    thanks = flow.SendMessage(1, "thanks").OnError(this.end)
    end = flow.End()
    remind = flow.Execute(this.work).Next(this.pay)
    search = flow.Execute(this.work).OnError(this.give_up).Next(this.ship)
    give_up = flow.Execute(this.work)
    lost = flow.End()


@sound
class TroubledBranches(Steered):
    """Errors and times out inside of branches lead to the Join, or to repair in the branch."""

    class Meta:
        abstract = True

    split = flow.Split().Next(this.card).Next(this.parcel).Next(this.survey)
    card = flow.Execute(this.work).OnError(this.bill, on=(Unpaid,)).OnError(this.join)
    receipt = flow.Execute(this.work).Next(this.join)
    bill = STAFF.OnTimeout(14 * DAY, this.receipt).Next(this.receipt)
    parcel = flow.Execute(this.work).OnError(this.find, on=(Lost,)).Next(this.join)
    find = STAFF.OnTimeout(7 * DAY, this.parcel).Next(this.join)
    survey = STAFF.OnTimeout(30 * DAY, this.join).Remind(this.tell, after=7 * DAY)
    join = flow.Join()
    end = flow.End()


@sound
class Escalation(Steered):
    """Asks one after the other, until somebody answers; reminds in between."""

    class Meta:
        abstract = True

    clerk = STAFF.OnTimeout(DAY, this.lead).Remind(this.tell, after=DAY / 2).Next(this.done)
    lead = STAFF.OnTimeout(DAY, this.head).Remind(this.tell, every=4 * HOUR).Next(this.done)
    head = (
        STAFF.OnTimeout(DAY, this.board)
        .Remind(this.tell, after=2 * HOUR, every=HOUR, times=3)
        .Remind(this.tell, after=20 * HOUR)
        .Next(this.done)
    )
    board = STAFF.SkipAfter(7 * DAY)
    done = flow.Execute(this.work)
    end = flow.End()


@sound
class Skipping(Steered):
    """Steps that may be left out, for a reason or after a time."""

    class Meta:
        abstract = True

    one = flow.Execute(this.work).SkipIf(this.skips)
    two = STAFF.SkipAfter(DAY)
    three = flow.ReceiveMessage("go").SkipIf(this.skips).SkipAfter(DAY).OnTimeout(HOUR, this.five)
    four = flow.If(this.asks).SkipIf(this.skips).Then(this.end)
    five = flow.Execute(this.work).AsSoonAs(True).SkipIf(this.skips).SkipIf(this.skips)
    end = flow.End()


# Beginnings, messages, names


def with_several_starts() -> Any:
    """Return the process that begins at three places; in a module it would have to be startable."""

    class Begun(Steered):
        """Begins with its first node, or where a signal says."""

        class Meta:
            abstract = True

        by_hand = flow.Execute(this.work)
        check = flow.If(this.asks).Then(this.split).Else(this.end)
        by_mail = flow.Execute(this.work).Next(this.check)
        by_phone = flow.ReceiveMessage("call").OnTimeout(DAY, this.end).Next(this.split)
        split = flow.Split().Next(this.a).Next(this.b)
        a = flow.Execute(this.work).Next(this.join)
        b = flow.Execute(this.work)
        join = flow.Join()
        end = flow.End()

    Begun.on(Signal(), "by_mail")
    Begun.on(Signal(), start="by_phone")
    return Begun


sound(with_several_starts())


@sound
class Talk(Steered):
    """Sends and receives, in branches and in a row."""

    class Meta:
        abstract = True

    hello = flow.SendMessage(1, "hello", data={"a": 1})
    split = flow.Split().Next(this.yes).Next(this.no).Next(this.tell_others)
    yes = flow.ReceiveMessage("yes").OnTimeout(DAY, this.join).Next(this.join)
    no = flow.ReceiveMessage("no").SkipAfter(DAY).Next(this.join)
    tell_others = flow.SendMessage(2, "news").OnError(this.join)
    heard = flow.ReceiveMessage("heard")
    join = flow.Join()
    bye = flow.SendMessage(1, "bye")
    end = flow.End()


@sound
class Überführung(Steered):
    """Names in other alphabets, and texts that no box is wide enough for."""

    class Meta:
        abstract = True

    prüfung = flow.Execute(
        this.work,
        description="Prüft, ob die Unterlagen vollständig, lesbar und unterschrieben sind",
    )
    größe = (
        flow.Switch(this.which, description="Wie groß ist das Fahrzeug, das überführt werden soll?")
        .Case("größer als ein Haus, aber kleiner als ein Schiff", this.согласование)
        .Case("<b>&amp;\"'", this.承認)
        .Default(this.the_name_of_this_node_is_so_long_that_it_has_to_be_broken_into_several_lines)
    )
    согласование = flow.Form(ApprovalForm, description="Согласование").Group(name="staff")
    承認 = flow.Form(ApprovalForm, description="承認する").Group(name="staff")
    the_name_of_this_node_is_so_long_that_it_has_to_be_broken_into_several_lines = flow.Execute(
        this.work
    ).OnError(this.ende, on=(Lost,))
    ende = flow.End(description="Ende 🏁")


@sound
class Alone(Steered):
    """One node."""

    class Meta:
        abstract = True

    end = flow.End()


@sound
class Waiting(Steered):
    """Each way to wait, one after the other."""

    class Meta:
        abstract = True

    a = flow.Execute().AfterWaitingFor(DAY)
    b = flow.Execute(this.work).AfterWaitingUntil(this.when)
    c = flow.Execute(this.work).AsSoonAs(True)
    d = flow.If(this.asks).Then(this.end).AfterWaitingFor(HOUR)
    e = flow.Split().Next(this.f).Next(this.g).AfterWaitingFor(HOUR)
    f = flow.Execute(this.work, threaded=True).Next(this.join)
    g = flow.Execute(this.work).InBackground().OnTimeout(DAY, this.join)
    join = flow.Join()
    end = flow.End().AfterWaitingFor(DAY)


@sound
class Backwards(Steered):
    """Declared from its end to its beginning, but for the first."""

    class Meta:
        abstract = True

    start = flow.Execute(this.work).Next(this.first)
    end = flow.End()
    third = flow.Execute(this.work).Next(this.end)
    join = flow.Join().Next(this.third)
    b = flow.Execute(this.work).Next(this.join)
    a = flow.Execute(this.work).Next(this.join)
    second = flow.Split().Next(this.a).Next(this.b)
    first = flow.If(this.asks).Then(this.second).Else(this.third)


# Large ones


def chain(length: int) -> dict[str, Any]:
    """Return so many nodes in a row."""
    nodes: dict[str, Any] = {f"step_{n}": flow.Execute(this.work) for n in range(1, length)}
    return nodes | {"end": flow.End()}


def wide(stages: int, branches: int, length: int) -> dict[str, Any]:
    """Return so many Splits in a row, each of so many branches of that many nodes."""
    nodes: dict[str, Any] = {}
    for stage in range(1, stages + 1):
        split: Any = flow.Split()
        for branch in range(1, branches + 1):
            split = split.Next(f"s{stage}b{branch}n1")
        nodes[f"split_{stage}"] = split
        for branch in range(1, branches + 1):
            for at in range(1, length + 1):
                target = f"join_{stage}" if at == length else f"s{stage}b{branch}n{at + 1}"
                kind = (flow.Execute(this.work), STAFF, flow.If(this.asks))[(at + branch) % 3]
                if isinstance(kind, flow.If):
                    kind = kind.Then(f"s{stage}b{branch}n1" if at > 1 else f"join_{stage}")
                nodes[f"s{stage}b{branch}n{at}"] = kind.Next(target)
        nodes[f"join_{stage}"] = flow.Join()
    return nodes


sound(made("Chain", chain(60)))
sound(made("FiveWays", wide(2, 5, 5) | {"end": flow.End()}))
sound(made("SixtyNodes", {"begin": flow.Execute(this.work)} | wide(3, 5, 3) | chain(8)))


# What is wrong on purpose


@unsound
class EndInABranch(Steered):
    """One branch may leave for the End while the other is at work."""

    class Meta:
        abstract = True

    start = flow.Execute(this.work)
    split = flow.Split().Next(this.moderate).Next(this.warn)
    moderate = flow.If(this.asks).Then(this.end).Else(this.join)
    warn = flow.Execute(this.work)
    join = flow.Join()
    end = flow.End()


@unsound
class NoJoin(Steered):
    """The branches meet at a node that is no Join."""

    class Meta:
        abstract = True

    split = flow.Split().Next(this.a).Next(this.b)
    a = flow.Execute(this.work).Next(this.meet)
    b = flow.Execute(this.work)
    meet = flow.Execute(this.work)
    end = flow.End()


@unsound
class TwoJoins(Steered):
    """Each branch waits at a Join of its own."""

    class Meta:
        abstract = True

    split = flow.Split().Next(this.a).Next(this.b)
    a = flow.Execute(this.work).Next(this.join_a)
    b = flow.Execute(this.work).Next(this.join_b)
    join_a = flow.Join().Next(this.end)
    join_b = flow.Join()
    end = flow.End()


@unsound
class PastTheSplit(Steered):
    """A way leads past the Split to its Join."""

    class Meta:
        abstract = True

    start = flow.If(this.asks).Then(this.join)
    split = flow.Split().Next(this.a).Next(this.b)
    a = flow.Execute(this.work).Next(this.join)
    b = flow.Execute(this.work)
    join = flow.Join()
    end = flow.End()


@unsound
class BackIntoABranch(Steered):
    """Behind the Join a way leads back into one of the branches."""

    class Meta:
        abstract = True

    split = flow.Split().Next(this.a).Next(this.b)
    a = flow.Execute(this.work).Next(this.join)
    b = flow.Execute(this.work)
    join = flow.Join()
    check = flow.If(this.asks).Then(this.a)
    end = flow.End()


@unsound
class SplitInItself(Steered):
    """A branch leads back to the Split that has opened it."""

    class Meta:
        abstract = True

    start = flow.Execute(this.work)
    split = flow.Split().Next(this.check).Next(this.b)
    check = flow.If(this.asks).Then(this.split).Else(this.join)
    b = flow.Execute(this.work)
    join = flow.Join()
    end = flow.End()


@unsound
class Jump(Steered):
    """A branch jumps into the other, so two arrive there and none here."""

    class Meta:
        abstract = True

    start = flow.Execute(this.work)
    split = flow.Split().Next(this.a).Next(this.b)
    a = flow.If(this.asks).Then(this.b2)
    a2 = flow.Execute(this.work).Next(this.join)
    b = flow.Execute(this.work)
    b2 = flow.Execute(this.work)
    join = flow.Join()
    end = flow.End()


@unsound
class JumpOnError(Steered):
    """Only what goes wrong in one branch leads into the other."""

    class Meta:
        abstract = True

    split = flow.Split().Next(this.pay).Next(this.ship)
    pay = flow.Execute(this.work).OnError(this.call).Next(this.join)
    ship = STAFF.OnTimeout(DAY, this.call).Next(this.join)
    call = STAFF
    join = flow.Join()
    end = flow.End()


@unsound
class WrongJoin(Steered):
    """A branch of the inner Split goes to the Join of the outer one."""

    class Meta:
        abstract = True

    outer = flow.Split().Next(this.inner).Next(this.c)
    inner = flow.Split().Next(this.a).Next(this.b)
    a = flow.Execute(this.work).Next(this.inner_join)
    b = flow.If(this.asks).Then(this.outer_join).Else(this.inner_join)
    inner_join = flow.Join().Next(this.outer_join)
    c = flow.Execute(this.work)
    outer_join = flow.Join()
    end = flow.End()


@unsound
class NeverJoined(Steered):
    """One branch always ends the run, so what stands behind the Join is never done."""

    class Meta:
        abstract = True

    split = flow.Split().Next(this.watch).Next(this.build)
    watch = STAFF.Next(this.stop)
    build = flow.Execute(this.work)
    join = flow.Join()
    publish = flow.Execute(this.work)
    end = flow.End()
    stop = flow.End(terminate=True)


@unsound
class Starved(Steered):
    """One branch may go round for ever; the other then waits at the Join for ever."""

    class Meta:
        abstract = True

    split = flow.Split().Next(this.a).Next(this.b)
    a = flow.If(this.asks).Then(this.poll).Else(this.join)
    poll = flow.Execute(this.work)
    again = flow.Repeat(this.poll).EveryHour()
    b = flow.Execute(this.work)
    join = flow.Join()
    end = flow.End()


@unsound
class NoWayOut(Steered):
    """Two nodes lead to each other and nowhere else."""

    class Meta:
        abstract = True

    start = flow.If(this.asks).Then(this.end)
    a = flow.Execute(this.work)
    b = flow.Execute(this.work).Next(this.a)
    end = flow.End()


@unsound
class Unreachable(Steered):
    """Nothing leads to one of the nodes."""

    class Meta:
        abstract = True

    start = flow.Execute(this.work).Next(this.end)
    forgotten = flow.Execute(this.work)
    end = flow.End()


@unsound
class RepeatOutOfABranch(Steered):
    """One branch begins all anew while the other is still at work."""

    class Meta:
        abstract = True

    start = flow.Execute(this.work)
    split = flow.Split().Next(this.a).Next(this.b)
    a = flow.Execute(this.work)
    again = flow.Repeat(this.start).EveryHour()
    b = flow.Execute(this.work)
    join = flow.Join()
    end = flow.End()


@unsound
class TimeoutToTheEnd(Steered):
    """Deep inside, only after a time out, a branch leaves for an End that is not for all."""

    class Meta:
        abstract = True

    start = flow.Execute(this.work)
    outer = flow.Split().Next(this.inner).Next(this.c)
    inner = flow.Split().Next(this.a).Next(this.b)
    a = STAFF.OnTimeout(DAY, this.too_late).Next(this.inner_join)
    b = flow.Execute(this.work)
    inner_join = flow.Join().Next(this.outer_join)
    c = flow.Execute(this.work)
    outer_join = flow.Join()
    end = flow.End()
    too_late = flow.Execute(this.work)
    over = flow.End()

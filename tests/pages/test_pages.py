"""Only those who are asked see or complete a form, and reading changes nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from automations import flow
from automations.dispatch import inline
from automations.engine import outside
from automations.engine import people as engine_people
from automations.exceptions import RunBusy
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from tests.engine.rows import at
from tests.pages.conftest import ENTITLED, NODES, browser
from tests.testapp.background import Export
from tests.testapp.models import Effect, IssueList
from tests.testapp.page_processes import Asks, Everything
from tests.testapp.processes import Fragile, Loop, Nested, Straight
from tests.testapp.promises import Held, Relay

pytestmark = pytest.mark.django_db

VERBS = ["get", "head", "options", "post", "put", "patch", "delete", "trace"]
SAFE = ["get", "head", "options"]
VALID = {"text": "mine now"}


def url(task: AutomationTaskModel) -> str:
    """Return the address of the task's page."""
    return reverse("automations:task", args=[task.pk])


def fingerprint() -> list[Any]:
    """Return everything that the package has in the database."""
    return [list(model.objects.order_by("pk").values()) for model in _models()]


def _models() -> list[Any]:
    return [*apps.get_app_config("automations").get_models(), Effect]


# Who may do what


@pytest.mark.parametrize("verb", ["view", "change"])
def test_the_form_leads_to_the_page_of_the_run_only_those_who_may_see_it(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], verb: str
) -> None:
    models = ("automationmodel", "automationtaskmodel")
    rights = [f"{verb}_{model}" for model in models]
    people["asked"].user_permissions.add(*Permission.objects.filter(codename__in=rights))
    client = browser(people, "asked")
    run = reverse("automations:history", args=[asks["by_user"].automation_id])
    led = f'href="{run}"' in client.get(url(asks["by_user"])).content.decode()
    assert led == (client.get(run).status_code == 200) == (verb == "change")


@pytest.mark.parametrize("name", ENTITLED)
@pytest.mark.api("D6", "D19", "A10", "N9", "views")
def test_only_the_entitled_get_anywhere_whatever_the_verb(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], name: str
) -> None:
    client = browser(people, name)
    before = fingerprint()
    for node in NODES:
        for verb in VERBS:
            entitled = node in ENTITLED[name]
            if verb == "post" and entitled:
                continue
            status = getattr(client, verb)(url(asks[node]), VALID).status_code
            if name in ("anonymous", "inactive"):
                wanted = 302
            elif not entitled:
                wanted = 403 if name == "viewer" else 404
            else:
                wanted = 200 if verb in SAFE else 405
            assert status == wanted, (name, node, verb)
    assert fingerprint() == before


@pytest.mark.parametrize("name", ENTITLED)
@pytest.mark.api("D7", "Form", "urls")
def test_the_list_shows_a_task_to_those_who_may_do_it_and_to_nobody_else(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], name: str
) -> None:
    before = fingerprint()
    response = browser(people, name).get(reverse("automations:task_list"))
    if name in ("anonymous", "inactive"):
        assert response.status_code == 302
        assert response.url == "/accounts/login/?next=/automations/"
    else:
        shown = {node for node in NODES if url(asks[node]) in response.content.decode()}
        assert shown == ENTITLED[name]
        assert response.context["count"] == len(ENTITLED[name])
    assert fingerprint() == before


@pytest.mark.parametrize("name", ENTITLED)
def test_the_history_is_for_those_who_may_change_runs(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], name: str
) -> None:
    before = fingerprint()
    address = reverse("automations:history", args=[asks["by_user"].automation_id])
    client = browser(people, name)
    for verb in VERBS:
        status = getattr(client, verb)(address).status_code
        if name == "root":
            assert status == (200 if verb in SAFE else 405)
        else:
            assert status == (302 if name in ("anonymous", "inactive") else 403)
    assert fingerprint() == before


@pytest.mark.api("D19")
def test_a_task_that_is_not_there_looks_like_one_that_is_not_yours(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    client = browser(people, "stranger")
    texts = {
        re.sub(r"\d+", "", client.get(address).content.decode())
        for address in (url(asks["by_user"]), "/automations/0", f"/automations/{10**30}")
    }
    assert len(texts) == 1


def test_a_right_taken_away_after_the_page_was_checked_counts(
    people: dict[str, User],
    asks: dict[str, AutomationTaskModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    submit = engine_people.submit

    def gate(*args: Any, **kwargs: Any) -> None:
        people["member"].groups.clear()
        submit(*args, **kwargs)

    monkeypatch.setattr(engine_people, "submit", gate)
    response = browser(people, "member").post(url(asks["by_group"]), VALID)
    assert response.status_code == 404
    asks["by_group"].refresh_from_db()
    assert asks["by_group"].state == "waiting"
    assert not AutomationAuditModel.objects.exists()


# Completing


@pytest.mark.api("D4", "A10", "A19", "A27", "N10")
def test_a_form_is_completed_and_the_process_goes_on_in_the_request(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    issues = IssueList.objects.create(title="March")
    entries = {
        "by_user": {"text": "a", "issues": [issues.pk], "day": "2026-03-02"},
        "by_group": {"text": "b", "attachment": SimpleUploadedFile("x.txt", b"x")},
        "by_right": {"text": "c", "extra": '{"a": [1]}'},
        "by_all": {"text": "d"},
    }
    targets = {"by_group": "/thanks/", "by_all": f"/done/{asks['by_all'].pk}/"}
    for node, name in zip(NODES, ["asked", "member", "holder", "all"], strict=True):
        response = browser(people, name).post(url(asks[node]), entries[node])
        assert response.status_code == 302
        assert response.url == targets.get(node, "/automations/")
    run = AutomationModel.objects.get()
    assert run.state == "finished"
    assert Effect.objects.count() == 1
    assert run.data["by_user"]["issues"] == [issues.pk]
    assert run.data["by_user"]["day"] == "2026-03-02"
    assert run.data["by_right"]["extra"] == {"a": [1]}
    assert (tmp_path / run.data["by_group"]["attachment"]).read_bytes() == b"x"
    assert {act.user_name for act in AutomationAuditModel.objects.all()} == {
        "asked", "member", "holder", "all",
    }  # fmt: skip


@pytest.mark.api("A10")
def test_a_wrong_entry_is_shown_again_with_its_error(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    response = browser(people, "asked").post(url(asks["by_user"]), {"number": "no <number>"})
    page = response.content.decode()
    assert response.status_code == 200
    assert "This field is required." in page
    assert "no &lt;number&gt;" in page


@pytest.mark.api("D19")
def test_a_second_post_has_no_effect_and_explains_itself(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    client = browser(people, "asked")
    client.post(url(asks["by_user"]), VALID)
    before = fingerprint()
    for verb in ("get", "post"):
        response = getattr(client, verb)(url(asks["by_user"]), {"text": "once more"})
        assert response.status_code == 409
        assert "You have completed" in response.content.decode()
    response = browser(people, "root").get(url(asks["by_user"]))
    assert response.status_code == 409
    assert "asked was faster" in response.content.decode()
    assert fingerprint() == before


@pytest.mark.api("D19")
def test_who_is_faster_by_a_moment_wins_and_the_other_is_told(
    people: dict[str, User],
    asks: dict[str, AutomationTaskModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    submit = inline.submit

    def slow(run_id: int, task_id: int, form: Any, user: Any) -> Any:
        if user.username == "root":
            browser(people, "asked").post(url(asks["by_user"]), VALID)
        return submit(run_id, task_id, form, user)

    monkeypatch.setattr(inline, "submit", slow)
    response = browser(people, "root").post(url(asks["by_user"]), {"text": "late"})
    assert response.status_code == 409
    assert AutomationModel.objects.get().data["by_user"]["text"] == "mine now"


def test_a_form_of_a_run_that_stands_still_is_not_offered(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    AutomationModel.objects.update(state="suspended", due=None)
    client = browser(people, "asked")
    for verb in ("get", "post"):
        response = getattr(client, verb)(url(asks["by_user"]), VALID)
        assert response.status_code == 409
        assert "stands still" in response.content.decode()


def test_a_form_that_the_code_no_longer_knows_is_not_offered(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    AutomationModel.objects.update(automation_class="tests.gone.Gone")
    response = browser(people, "asked").get(url(asks["by_user"]))
    assert response.status_code == 409
    assert "Obsolete automation Gone" in response.content.decode()
    assert browser(people, "asked").get("/automations/").status_code == 200


def test_a_task_that_asks_nobody_has_no_form(people: dict[str, User]) -> None:
    run = Straight()
    task = AutomationTaskModel.objects.filter(automation=run.id).first()
    assert task is not None
    response = browser(people, "root").get(url(task))
    assert response.status_code == 409
    assert "is not needed any more" in response.content.decode()


def test_a_busy_run_keeps_what_was_entered(
    people: dict[str, User],
    asks: dict[str, AutomationTaskModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def busy(*args: Any) -> None:
        raise RunBusy("busy")

    monkeypatch.setattr(inline, "submit", busy)
    response = browser(people, "asked").post(url(asks["by_user"]), {"text": "my long text"})
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert 'value="my long text"' in response.content.decode()
    assert "Files have to be chosen again" in response.content.decode()


@pytest.mark.parametrize("value", ["NaN", "Infinity", '{"a": "\\u0000"}', '"\\ud800"'])
@pytest.mark.api("D20")
def test_what_cannot_be_kept_is_an_error_of_the_form(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], value: str
) -> None:
    response = browser(people, "asked").post(url(asks["by_user"]), {"text": "x", "extra": value})
    assert response.status_code == 200
    assert response.context["form"].non_field_errors()
    asks["by_user"].refresh_from_db()
    assert asks["by_user"].state == "waiting"


@pytest.mark.api("A3")
def test_the_second_group_sees_what_the_first_has_entered(people: dict[str, User]) -> None:
    for name, group in (("asked", "authors"), ("all", "editors")):
        people[name].groups.set([Group.objects.create(name=group)])
    author, editor = browser(people, "asked"), browser(people, "all")
    run = Relay()
    assert editor.get(url(at(run, "write"))).status_code == 404
    author.post(url(at(run, "write")), {"reason": "as the author says"})
    assert author.get(url(at(run, "check"))).status_code == 404
    assert 'value="as the author says"' in editor.get(url(at(run, "check"))).content.decode()
    editor.post(url(at(run, "check")), {"reason": "as the editor says"})
    run = Relay(automation_id=run.id)
    assert run.finished()
    assert [run.data[name]["reason"] for name in ("write", "check")] == [
        "as the author says",
        "as the editor says",
    ]


@pytest.mark.api("AsSoonAs", "Form", "D6")
@pytest.mark.parametrize("name", ["asked", "root"])
def test_a_form_that_waits_for_its_condition_is_offered_to_nobody(
    people: dict[str, User], name: str
) -> None:
    run = Held()
    client = browser(people, name)
    assert AutomationTaskModel.get_open_tasks(people[name]) == ()
    assert url(at(run, "ask")) not in client.get("/automations/").content.decode()
    for verb in ("get", "post"):
        status = getattr(client, verb)(url(at(run, "ask")), {"reason": "too early"}).status_code
        assert status == (409 if name == "root" else 404)
    assert at(run, "ask").state == "ready"
    run.data["ready"] = True
    run.save()
    AutomationModel.run()
    assert client.get(url(at(run, "ask"))).status_code == 200


# What a browser can send


HOSTILE = [
    "//evil.example", "////evil.example/", "https://evil.example", "http:evil.example",
    "javascript:alert(1)", "JavaScript:alert(1)", " javascript:alert(1)", "data:text/html,x",
    "\\\\evil.example", "/\\evil.example", "http:///evil.example", "https:evil.example",
    "vbscript:x", "ftp://evil.example", "//[::1", "http://[", "/\t/evil.example", "\x00//evil",
    "https://testserver@evil.example", "https://evil.example\\@testserver", "//testserver.evil",
]  # fmt: skip


@pytest.mark.parametrize("back", HOSTILE)
@pytest.mark.api("N10", "templates")
def test_nobody_is_led_off_the_site(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], back: str
) -> None:
    client = browser(people, "asked")
    page = client.get(url(asks["by_user"]), {"back": back}).content.decode()
    assert 'name="back"' not in page
    response = client.post(url(asks["by_user"]), {**VALID, "back": back})
    assert response.url == "/automations/"


@pytest.mark.parametrize("where", ["get", "post"])
@pytest.mark.api("N10")
def test_one_may_go_back_to_a_page_of_the_site(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], where: str
) -> None:
    client = browser(people, "asked")
    page = client.get(url(asks["by_user"]), {"back": "/my/page/?a=1"}).content.decode()
    assert 'href="/my/page/?a=1"' in page
    query = "?back=/my/page/" if where == "get" else ""
    entries = VALID | ({"back": "/my/page/"} if where == "post" else {})
    assert client.post(url(asks["by_user"]) + query, entries).url == "/my/page/"


TEXT = st.text() | st.sampled_from(
    ["\0", "\ud800", "9" * 5000, "-1", "1e999", "nan", "[" * 3000, "<script>", "{{ x }}"]
)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["text", "number", "ratio", "day", "choice", "extra", "issues", "back"])
        | st.text(max_size=5),
        TEXT,
    )
)
def test_nothing_that_a_browser_sends_is_an_error_of_the_server(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], entries: dict[str, str]
) -> None:
    client = browser(people, "asked", raise_request_exception=False)
    encoded = {
        key.encode("utf-8", "surrogatepass").decode("latin-1"): value.encode(
            "utf-8", "surrogatepass"
        ).decode("latin-1")
        for key, value in entries.items()
    }
    response = client.post(url(asks["by_user"]), encoded)
    assert response.status_code in (200, 302, 409)


@pytest.mark.parametrize("address", ["/automations/", "/automations/dashboard/1", "/automations/1"])
@pytest.mark.parametrize("query", ["?page=%00", "?page=-1", "?page=%ff%fe", "?page=9" + "9" * 400])
def test_no_query_is_an_error_of_the_server(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], address: str, query: str
) -> None:
    client = browser(people, "root", raise_request_exception=False)
    assert client.get(address + query).status_code in (200, 404, 409)


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 100_000, "[" * 40 + "]" * 40, "1e999", "-0"])
def test_what_a_field_cannot_read_is_an_error_of_the_form(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], value: str
) -> None:
    client = browser(people, "asked", raise_request_exception=False)
    response = client.post(url(asks["by_user"]), {"text": "x", "extra": value})
    assert response.status_code == (302 if value == "-0" else 200)
    if value != "-0":
        assert response.context["form"].errors


def test_an_error_in_the_form_itself_is_not_hidden(
    people: dict[str, User],
    asks: dict[str, AutomationTaskModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def clean(self: Any) -> None:
        raise ValueError("a mistake of the author")

    monkeypatch.setattr(Everything, "clean", clean)
    with pytest.raises(ValueError, match="mistake of the author"):
        browser(people, "asked").post(url(asks["by_user"]), VALID)


def test_a_broken_upload_is_an_error_of_the_browser(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    client = browser(people, "asked", raise_request_exception=False)
    response = client.post(
        url(asks["by_user"]), b"--x\r\nbroken", content_type="multipart/form-data; boundary=\xff"
    )
    assert response.status_code in (200, 400)


def test_a_form_needs_its_token(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    client = browser(people, "asked", enforce_csrf_checks=True)
    assert client.post(url(asks["by_user"]), VALID).status_code == 403


# What is shown


def test_names_and_messages_are_shown_escaped(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    AutomationTaskModel.objects.filter(status="start").update(
        message="<i>marker</i>", traceback="<b>marker</b>"
    )
    root = browser(people, "root")
    for address in (
        "/automations/",
        url(asks["by_user"]),
        reverse("automations:history", args=[asks["by_user"].automation_id]),
    ):
        page = root.get(address).content.decode()
        assert "<i>marker" not in page
        assert "<b>" not in page
        assert "Asking <around>" not in page
    assert "&lt;i&gt;marker" in page
    assert "&lt;b&gt;marker" in page


@pytest.mark.api("templates")
def test_pages_need_no_script_and_no_inline_style(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    root = browser(people, "root")
    history = reverse("automations:history", args=[asks["by_user"].automation_id])
    for address in ("/automations/", url(asks["by_user"]), history):
        page = root.get(address).content.decode()
        # Only from files of their own.
        assert set(re.findall(r"<script\b[^>]*>(.*?)</script>", page, re.DOTALL)) <= {""}
        assert "style=" not in page
        assert "<style" not in page
        assert not re.search(r"\son\w+=", page)


def test_an_empty_list_explains_itself(people: dict[str, User]) -> None:
    page = browser(people, "stranger").get("/automations/").content.decode()
    assert "Nothing waits for you." in page


def test_the_list_costs_the_same_for_few_and_for_many(people: dict[str, User]) -> None:
    client = browser(people, "all")

    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get("/automations/")
        return len(queries)

    Asks()
    few = cost()
    for _ in range(15):
        Asks()
    assert cost() == few
    assert few <= 10


def test_the_history_tells_branches_apart_and_says_who_did_what(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    browser(people, "asked").post(url(asks["by_user"]), VALID)
    root = browser(people, "root")
    page = root.get(reverse("automations:history", args=[asks["by_user"].automation_id]))
    entries = {entry.task.status: entry for entry in page.context["entries"]}
    assert (entries["start"].depth, entries["by_user"].depth) == (0, 1)
    assert entries["by_user"].act.user_name == "asked"
    assert "by asked" in page.content.decode()
    nested = root.get(reverse("automations:history", args=[Nested().id]))
    depths = {entry.task.status: entry.depth for entry in nested.context["entries"]}
    assert (depths["left"], depths["after_inner"], depths["end"]) == (2, 1, 0)


def test_the_history_shows_a_failure_with_its_traceback(people: dict[str, User]) -> None:
    run = Fragile(fail=True)
    page = browser(people, "root").get(reverse("automations:history", args=[run.id]))
    assert "RuntimeError: the wire is cut" in page.content.decode()
    assert "<details>" in page.content.decode()


@pytest.mark.api("E8", "run")
def test_the_history_of_a_long_loop_is_paged_and_costs_the_same(
    people: dict[str, User], settings: Any
) -> None:
    settings.ATM_BUDGET_TASKS = 10_000
    settings.ATM_BUDGET_SECONDS = 60
    client = browser(people, "root")

    def cost(run: Any, **query: Any) -> int:
        with CaptureQueriesContext(connection) as queries:
            response = client.get(reverse("automations:history", args=[run.id]), query)
        assert response.status_code == 200
        return len(queries)

    short, long = Loop(limit=2), Loop(limit=200)
    assert cost(short) == cost(long) <= 8
    assert cost(long, page=3, all=1) <= 8
    whole = {"page": 2, "all": 1}
    page = client.get(reverse("automations:history", args=[long.id]), whole)
    assert "Page 2 of 5" in page.content.decode()


@pytest.mark.api("settings")
def test_the_form_page_takes_context_from_project_process_and_node(
    people: dict[str, User],
    asks: dict[str, AutomationTaskModel],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.ATM_FORM_VIEW_CONTEXT = {"submit_classes": "project", "a": 1, "b": 1, "c": 1}
    monkeypatch.setattr(Asks, "context", {"b": 2, "c": 2}, raising=False)
    node: Any = Asks._meta.nodes["by_user"]
    monkeypatch.setitem(vars(node), "context", {"c": 3})
    context = browser(people, "asked").get(url(asks["by_user"])).context
    assert (context["a"], context["b"], context["c"]) == (1, 2, 3)
    assert isinstance(context["node"], flow.Form)


def test_pages_are_german_for_germans(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    german = browser(people, "asked", headers={"accept-language": "de"})
    page = german.get("/automations/").content.decode()
    assert '<html lang="de">' in page
    assert "Meine Aufgaben" in page


def test_the_group_of_a_task_may_be_renamed(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    Group.objects.update(name="renamed")
    assert browser(people, "member").get(url(asks["by_group"])).status_code == 200
    people["stranger"].user_permissions.add(Permission.objects.get(codename="view_effect"))
    assert browser(people, "stranger").get(url(asks["by_right"])).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_pages_commit_task_by_task_whatever_the_project_says(
    people: dict[str, User],
    asks: dict[str, AutomationTaskModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    seen: list[bool] = []
    monkeypatch.setattr(
        inline, "run_now", lambda *args, **kwargs: seen.append(connection.in_atomic_block)
    )
    assert browser(people, "asked").post(url(asks["by_user"]), VALID).status_code == 302
    assert seen == [False]


def test_the_history_shows_how_far_background_work_is(people: dict[str, User]) -> None:
    run = Export()
    task = at(run, "work")
    assert outside.take(run.id, task.pk, "me") is not None
    address = reverse("automations:history", args=[run.id])
    page = browser(people, "root").get(address).content.decode()
    assert "Being worked on in the background" in page
    assert "done so far" not in page
    outside.renew(task.pk, "me", 0.25, "chunk 1 of 4")
    page = browser(people, "root").get(address).content.decode()
    assert "Being worked on in the background · done so far: 25 %" in page
    assert "chunk 1 of 4" in page

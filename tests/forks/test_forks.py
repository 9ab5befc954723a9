"""A fork is as good as a process that was started; where that is not so, it is started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from coverage import CoverageData

from tests import forks
from tests.forks import Popen

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not forks.FORKS, reason="Nothing is forked here."),
]

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(params=["fork", "start"])
def kind(request: pytest.FixtureRequest) -> Any:
    """Both, of which the same is expected."""
    return {"fork": Popen, "start": subprocess.Popen}[request.param]


@pytest.fixture
def environment() -> dict[str, str]:
    """An environment without Django."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}


def answer(kind: Any, environment: dict[str, str], *arguments: str, **more: Any) -> tuple[int, str]:
    """Return how it ended, and what it has said."""
    with kind(
        [sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, text=True, **more
    ) as process:
        said, _ = process.communicate(timeout=60)
    assert getattr(process, "forked", True)
    return process.returncode, said.strip()


@pytest.mark.parametrize(
    ("code", "returned"),
    [
        ("", 0),
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.stderr.close(); sys.exit('bad')", 1),
        ("import sys; sys.stderr.close(); 1 / 0", 1),
        ("import os; os._exit(7)", 7),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("import os; os.kill(os.getpid(), 15)", -signal.SIGTERM),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
        ("import atexit, os; atexit.register(lambda: os._exit(5))", 5),
    ],
)
def test_how_it_ends_is_seen_truly(
    kind: Any, environment: dict[str, str], code: str, returned: int
) -> None:
    assert answer(kind, environment, "-c", code)[0] == returned


@pytest.mark.parametrize("settings", [{}, {"DJANGO_SETTINGS_MODULE": "tests.settings"}])
def test_the_environment_is_what_was_asked_for_and_nothing_else(
    kind: Any, environment: dict[str, str], settings: dict[str, str]
) -> None:
    # What the settings themselves set when they are read is theirs.
    tell = "import os; print(sorted(set(os.environ) - {'LC_CTYPE', 'TZ', 'ATM_TEST_RUN'}))"
    wanted = environment | settings | {"PYTEST_CURRENT_TEST": "one", "SPECIAL": "ä=b"}
    assert answer(kind, wanted, "-c", tell) == (0, str(sorted(wanted)))
    tell = "import os; print(os.environ['SPECIAL'], os.popen('echo $SPECIAL').read())"
    assert answer(kind, wanted, "-c", tell)[1].split() == ["ä=b", "ä=b"]
    del wanted["SPECIAL"]
    assert answer(kind, wanted, "-c", "import os; print(os.environ.get('SPECIAL'))")[1] == "None"


def test_settings_are_read_in_the_environment_of_the_process(
    kind: Any, environment: dict[str, str]
) -> None:
    wanted = environment | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    tell = "from django.conf import settings; print(settings.ATM_CLAIM)"
    for claim in ("7.0", "8.0"):
        assert answer(kind, wanted | {"ATM_TEST_CLAIM": claim}, "-c", tell) == (0, claim)
    assert answer(kind, wanted, "-c", tell) == (0, "60.0")


def test_arguments_and_folder_are_what_was_asked_for(
    kind: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "beside.py").write_text("value = 1\n")
    script = tmp_path / "script.py"
    text = "import os, sys, beside; print(__name__, sys.argv, os.getcwd(), sys.path[0])\n"
    script.write_text(text)
    told = f"__main__ {[str(script), 'a', '-b']} {tmp_path} {tmp_path}"
    assert answer(kind, environment, str(script), "a", "-b", cwd=tmp_path) == (0, told)
    told = f"__main__ {[str(script), 'c']} {tmp_path} {tmp_path}"
    assert answer(kind, environment, "-m", "script", "c", cwd=tmp_path) == (0, told)
    tell = "import os, sys; print(__name__, sys.argv, os.getcwd(), repr(sys.path[0]))"
    told = f"__main__ ['-c', 'd'] {tmp_path} ''"
    assert answer(kind, environment, "-c", tell, "d", cwd=tmp_path) == (0, told)


def test_this_process_is_its_parent(kind: Any, environment: dict[str, str]) -> None:
    tell = "import os; print(os.getppid(), os.getpgid(0) == os.getpid())"
    assert answer(kind, environment, "-c", tell)[1] == f"{os.getpid()} False"
    more = {"start_new_session": True}
    assert answer(kind, environment, "-c", tell, **more)[1] == f"{os.getpid()} True"


def test_it_is_stopped_continued_and_ended_by_signals(
    kind: Any, environment: dict[str, str]
) -> None:
    code = "import time; print('begun', flush=True); time.sleep(60)"
    with kind(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "begun\n"
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.send_signal(signal.SIGSTOP)
        assert os.waitid(os.P_PID, process.pid, os.WSTOPPED).si_status == signal.SIGSTOP
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == -signal.SIGINT
    assert process.poll() == -signal.SIGINT


def test_it_hears_and_says_through_pipes(kind: Any, environment: dict[str, str]) -> None:
    code = "import sys\nfor line in sys.stdin: print(line.upper(), end='', flush=True)"
    code += "\nprint('gone', file=sys.stderr)"
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with kind([sys.executable, "-c", code], env=environment, text=True, **pipes) as process:
        process.stdin.write("one\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ONE\n"
        assert process.communicate("two\nthree", timeout=30) == ("TWO\nTHREE", "gone\n")
    assert process.returncode == 0


def test_its_standard_error_may_be_a_file(
    kind: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    code = "import logging; logging.getLogger('any').error('wrong')"
    for number, settings in enumerate([{}, {"DJANGO_SETTINGS_MODULE": "tests.settings"}]):
        file = tmp_path / str(number)
        with file.open("w") as said:
            command = [sys.executable, "-c", code]
            assert kind(command, env=environment | settings, stderr=said).wait(30) == 0
        assert file.read_text() == "wrong\n"


def test_two_of_them_do_not_draw_the_same_numbers(kind: Any, environment: dict[str, str]) -> None:
    tell = "import random, uuid; print(random.random(), uuid.uuid4())"
    wanted = environment | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    drawn = {answer(kind, wanted, "-c", tell)[1] for _ in range(3)}
    assert len(drawn) == 3


def test_it_has_no_file_and_no_child_of_others(kind: Any, environment: dict[str, str]) -> None:
    tell = """
import os
try:
    print(os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print(len(os.listdir("/proc/self/fd")))
"""
    for settings in ({}, {"DJANGO_SETTINGS_MODULE": "tests.settings"}):
        said = answer(kind, environment | settings, "-c", tell, stderr=subprocess.DEVNULL)[1]
        assert said == "4"  # its three streams, and the folder that it looks at


def test_signals_do_what_they_do_in_a_new_process(kind: Any, environment: dict[str, str]) -> None:
    tell = "import signal; print([(n.name, signal.getsignal(n)) for n in signal.valid_signals()"
    tell += " if isinstance(n, signal.Signals) and signal.getsignal(n) is not signal.SIG_DFL])"
    said = answer(kind, environment, "-c", tell)[1]
    assert "SIGINT" in said
    assert "default_int_handler" in said
    # What this process ignores (under nohup, SIGHUP), a new one ignores as well.
    ignored = {n.name for n in signal.Signals if signal.getsignal(n) is signal.SIG_IGN}
    found = {part for part in said.split("'") if part.startswith("SIG")}
    assert found == {"SIGINT", "SIGPIPE", "SIGXFSZ"} | ignored


@pytest.mark.django_db(transaction=True)
def test_each_has_a_connection_of_its_own(child_environment: dict[str, str], kind: Any) -> None:
    code = """
from django.db import connection
assert connection.connection is None
connection.ensure_connection()
with connection.cursor() as cursor:
    kinds = {"postgresql": "pg_backend_pid()", "mysql": "CONNECTION_ID()"}
    cursor.execute("SELECT " + kinds.get(connection.vendor, "random()"))
    print(cursor.fetchone()[0])
"""
    found = {answer(kind, child_environment, "-c", code)[1] for _ in range(3)}
    assert len(found) == 3


def test_what_is_about_the_start_of_python_is_started(environment: dict[str, str]) -> None:
    for arguments in (["-W", "error", "-c", ""], ["-I", "-c", ""]):
        process = Popen([sys.executable, *arguments], env=environment)
        assert not process.forked
        assert process.wait(30) == 0
    process = Popen(["true"], env=environment)
    assert (process.forked, process.wait(30)) == (False, 0)
    # Other flags in the environment are another Python: nothing of the usual one is used.
    wanted = environment | {"PYTHONOPTIMIZE": "1"}
    assert answer(Popen, wanted, "-c", "import sys; print(sys.flags.optimize)") == (0, "1")


def test_settings_that_cannot_be_read_are_the_process_s_own_trouble(
    environment: dict[str, str],
) -> None:
    wanted = environment | {"DJANGO_SETTINGS_MODULE": "nowhere.settings"}
    process = Popen(
        [sys.executable, "-m", "django", "check"], env=wanted, stderr=subprocess.PIPE, text=True
    )
    _, said = process.communicate(timeout=60)
    assert not process.forked
    assert process.returncode == 1
    assert "nowhere" in said


def test_of_many_environments_the_oldest_are_forgotten(
    environment: dict[str, str],
) -> None:
    wanted = environment | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    tell = "import os; print(os.environ['NUMBER'])"
    for number in [*range(forks.KEPT + 2), 0]:
        own = wanted | {"NUMBER": str(number)}
        assert answer(Popen, own, "-c", tell) == (0, str(number))
    server = forks.server_of(wanted)
    assert len(server._set_up) == forks.KEPT


def test_a_server_that_has_died_is_done_without(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forks, "_servers", {})
    wanted = environment | {"PYTHONDONTWRITEBYTECODE": "1"}
    server = forks.server_of(wanted)
    server._process.kill()
    server._process.wait()
    process = Popen([sys.executable, "-c", "raise SystemExit(4)"], env=wanted)
    assert (process.wait(30), process.forked) == (4, False)
    server.end()


@pytest.mark.parametrize("settings", [{}, {"DJANGO_SETTINGS_MODULE": "tests.settings"}])
def test_what_it_runs_is_measured_where_that_is_asked_for(
    environment: dict[str, str], tmp_path: Path, settings: dict[str, str]
) -> None:
    told = tmp_path / "rc"
    told.write_text(
        f"[run]\ndata_file = {tmp_path / 'data'}\nparallel = true\ninclude = */beside.py\n"
    )
    (tmp_path / "beside.py").write_text("value = 1\n")
    wanted = environment | settings | {"COVERAGE_PROCESS_START": str(told)}
    assert answer(Popen, wanted, "-c", "import beside", cwd=tmp_path) == (0, "")
    (data,) = tmp_path.glob("data*")
    found = CoverageData(str(data))
    found.read()
    assert [Path(file).name for file in found.measured_files()] == ["beside.py"]


def test_a_process_that_takes_too_long_is_killed(environment: dict[str, str]) -> None:
    begun = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        forks.run(
            [sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.5, env=environment
        )
    assert time.monotonic() - begun < 30
    assert forks.run([sys.executable, "-c", "raise SystemExit(4)"], env=environment) == 4


def test_whoever_is_left_behind_by_others_is_not_adopted(environment: dict[str, str]) -> None:
    code = """
import os, sys, time
if os.fork() == 0:
    while os.getppid() != 1 and os.getppid() == int(sys.argv[1]):
        time.sleep(0.01)
    time.sleep(0.2)
    print(os.getppid())
"""
    assert forks.run([sys.executable, "-c", ""], env=environment) == 0
    said = answer(Popen, environment, "-c", code, "0")[1]
    assert said != str(os.getpid())

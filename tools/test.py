"""
Run the tests: on every database, and on the oldest Python and Django. ``make test`` calls this.

Needs nothing but Python 3.8; makes the environments that it needs. What is given on the command
line goes to pytest; coverage is only required of a whole run.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Iterator, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

import chromium
import environments
import pythons
from environments import ROOT, Plan
from passes import Running, Voices

TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}

# The database that always exists, to knock at.
DOOR = {"postgresql": "postgres", "mariadb": "mysql"}

# Percent of lines and branches that the passes together must have run.
TOTAL = 95.0
PARTS = {"automations/definition": 100.0, "automations/nodes": 100.0, "automations/engine": 100.0}

# Connects as the tests do, so that what keeps them out (a password, a release that Django does not
# support) is found here.
KNOCK = """
from django.db import connection
connection.ensure_connection()
if connection.vendor == "postgresql":
    number = connection.pg_version
    print("PostgreSQL", f"{number // 10000}.{number % 10000}")
elif connection.vendor == "mysql":
    name = "MariaDB" if connection.mysql_is_mariadb else "MySQL"
    print(name, ".".join(map(str, connection.mysql_version)))
else:
    print("SQLite", connection.Database.sqlite_version)
"""


#: How many passes run at the same time: on a machine with more than two processors that is faster.
AT_ONCE = int(os.environ.get("ATM_TEST_AT_ONCE", "1"))

# What differs in the oldest environment is Python and Django: the proofs are made smaller there.
FEWER = {
    "ATM_TEST_RUNS": "60",
    "ATM_TEST_EXAMPLES": "20",
    "ATM_TEST_KILLS": "6",
    "ATM_TEST_PLACES": "1",
    "ATM_PROOF_PLAY": "1",
    "ATM_PROOF_AIMED": "2",
    "ATM_PROOF_TIMERS": "100",
    "ATM_PROOF_TRIPLES": "3",
    "ATM_PROOF_PAIRS": "4",
    "ATM_PROOF_FORCED": "10",
    "ATM_PROOF_RACES": "20",
    "ATM_PROOF_MESSAGES": "200",
    "ATM_PROOF_BUSY_RUNS": "100",
    "ATM_PROOF_BUSY_WORKERS": "2",
    "ATM_PROOF_ASLEEP": "0",
    "ATM_PROOF_POISONED": "60",
    "ATM_TEST_QUEUES": "one",
}


class Result(NamedTuple):
    """What came of one pass."""

    title: str
    database: str
    passed: bool
    summary: str
    left_out: int = 0


def variables(database: str, **more: str) -> dict[str, str]:
    """Return the environment of a process that works with ``database``."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "ATM_TEST_DATABASE": database,
        **more,
    }


def knock(python: str, database: str, server: dict[str, str]) -> tuple[bool, str]:
    """Tell whether the database answers: its version, or what is wrong."""
    door = {"ATM_TEST_DATABASE_NAME": DOOR[database]} if database in DOOR else {}
    try:
        answer = subprocess.run(
            [python, "-c", KNOCK],
            env=variables(database, **door, **server),
            cwd=str(ROOT),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False, "no answer within a minute"
    if answer.returncode:
        # The error, which may go on over several lines, is what stands last.
        said = re.findall(r"^[\w.]+: .*", answer.stderr, re.MULTILINE)
        return False, said[-1] if said else f"ended with {answer.returncode}"
    return True, answer.stdout.strip()


@contextlib.contextmanager
def private_postgres(python: str) -> Iterator[dict[str, str] | None]:
    """Run a PostgreSQL of our own meanwhile; give what leads to it, or None if that fails."""
    helper = subprocess.Popen(
        [python, str(ROOT / "tools" / "private_postgres.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # it ends when we close its input, however we end
    )
    try:
        folder = helper.stdout.readline().strip() if helper.stdout else ""
        if folder:
            yield {"PGHOST": folder, "PGPORT": "5432", "PGUSER": "postgres", "PGPASSWORD": ""}
        else:
            yield None
    finally:
        if helper.stdin:
            helper.stdin.close()
        helper.wait()


def summary_of(words: str, code: int) -> str:
    """Return pytest's own summary."""
    found = re.findall(
        r"^(?:=+ )?(\d+ .+ in [\d.]+s.*?|no tests ran in .+?)(?: =+)?$", words, re.MULTILINE
    )
    return found[-1] if found else f"pytest ended with {code}"


def left_out_of(words: str) -> int:
    """Return how many tests pytest says were left out."""
    found = re.search(r"^(\d+) tests left out:", words, re.MULTILINE)
    return int(found.group(1)) if found else 0


class Pass(NamedTuple):
    """One call of pytest: in which environment, on which database, with which variables."""

    plan: Plan
    database: str
    version: str
    more: dict[str, str]


def run_pass(
    one: Pass, arguments: list[str], running: Running, say: Callable[[bytes], None]
) -> Result:
    """Run pytest once; ``say`` gets what it says."""
    plan, database, version, more = one
    python = environments.ensure(plan)
    say(f"\n=== {plan.title} on {version}\n".encode())
    command = [python, "-m", "pytest", "-n", "2", "--dist", "worksteal"]
    command += ["--durations=15", "--durations-min=5"]
    # The tests start hundreds of processes: none of them compiles everything anew.
    more.setdefault("PYTHONPYCACHEPREFIX", str(plan.folder / "pycache"))
    more.setdefault("PYTHONDONTWRITEBYTECODE", "")
    if "COVERAGE_FILE" in more:
        # The processes that pytest starts, its own workers among them, measure themselves.
        command[1:1] = ["-m", "coverage", "run"]
    if sys.stdout.isatty():
        command.append("--color=yes")
    begun = time.monotonic()
    environment = variables(database, **more)
    code, words = running.run(command + arguments, environment, say)
    say(f"({time.monotonic() - begun:.0f} s)\n".encode())
    # A selection may hit nothing: that is no failure of the code.
    passed = code == 0 or (code == 5 and bool(arguments))
    return Result(plan.title, version, passed, summary_of(words, code), left_out_of(words))


def run_all(passes: list[Pass], arguments: list[str], at_once: int) -> list[Result]:
    """Run them, so many at once, and return what came of each; interrupted, take all down."""
    running, voices = Running(ROOT), Voices()

    def run(number: int) -> Result:
        try:
            say = functools.partial(voices.say, number)
            return run_pass(passes[number], arguments, running, say)
        finally:
            voices.end(number)

    with ThreadPoolExecutor(at_once) as pool:
        try:
            return list(pool.map(run, range(len(passes))))
        except BaseException:
            running.stop()
            raise


def percent(python: str, environment: dict[str, str], *include: str) -> float | None:
    """Return how much of the files was run; None without any data of them."""
    command = [python, "-m", "coverage", "report", "--format=total", *include]
    answer = subprocess.run(
        command, env=environment, cwd=str(ROOT), capture_output=True, text=True, check=False
    )
    try:
        return float(answer.stdout)
    except ValueError:
        return None


def check_coverage(python: str, folder: Path) -> tuple[bool, list[str]]:
    """Combine what all passes have run and show it; return whether it is enough, and why."""
    environment = {**os.environ, "COVERAGE_FILE": str(ROOT / ".coverage")}
    coverage = [python, "-m", "coverage"]
    pieces = [str(path) for path in sorted(folder.iterdir())]
    combine = [*coverage, "combine", "--quiet", *pieces]
    if subprocess.run(combine, env=environment, cwd=str(ROOT), check=False).returncode:
        return False, ["  no coverage was measured"]
    print("\n=== Coverage of all passes", flush=True)
    subprocess.run([*coverage, "report"], env=environment, cwd=str(ROOT), check=False)
    enough, lines = True, []
    for name, least in [("everything", TOTAL), *PARTS.items()]:
        include = [] if name == "everything" else [f"--include=*/{name}/*"]
        reached = percent(python, environment, *include)
        good = reached is not None and reached >= least
        enough = enough and good
        said = "nothing measured" if reached is None else f"{reached:.2f} %"
        verdict = "ok" if good else "TOO LITTLE"
        lines.append(f"  {name:<24} {said:>8}, at least {least:.0f} %: {verdict}")
    return enough, lines


def main(
    arguments: list[str], record: Path | None = None, databases: list[str] | None = None
) -> int:
    """
    Run all passes; say at the end what came of each, and what could not be tried.

    ``arguments`` are for pytest. Proofs note in ``record`` what they have found. With
    ``databases`` only these are used, and not the oldest Python and Django.
    """
    in_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    found = pythons.find()
    main_plan = environments.plan("main", found)
    oldest_plan = None if databases else environments.plan("oldest", found)
    if main_plan is None:
        raise SystemExit("There is no environment to test in.")
    python = environments.ensure(main_plan)
    missing = [plan.remark for plan in (main_plan, oldest_plan) if plan and plan.remark]
    absent: list[str] = []
    browser = chromium.ensure()
    if browser is None:
        missing.append("the pages in a browser: no Chromium (apt-get install chromium)")
    folder = Path(tempfile.mkdtemp(prefix="automations-coverage-"))
    notes = Path(tempfile.mkdtemp(prefix="automations-noted-"))
    passes: list[Pass] = []

    def plan_one(plan: Plan, database: str, version: str, **more: str) -> None:
        name = "{}-{}".format(database, plan.folder.name.lstrip("."))
        more["ATM_TEST_RUN"] = f"{os.getpid()}_{len(passes)}"
        if browser:
            more["ATM_TEST_CHROMIUM"] = browser
        if record:
            more["ATM_PROOF_RECORD"] = str(record)
            more["ATM_PROOF_PASS"] = f"{version}, {plan.title}"
        if not arguments:
            more["COVERAGE_FILE"] = str(folder / name)
            if passes:
                more["ATM_TEST_MEASURE"] = "different"
                if plan is main_plan:
                    more["ATM_TEST_WAYS"] = "two"
            # What has nothing to do with a database is tried once in this environment, unless
            # several passes run at the same time: none of them knows then what another has done.
            if plan is main_plan and AT_ONCE == 1:
                more["ATM_TEST_NOTED" if passes else "ATM_TEST_NOTE"] = str(notes / "passed.json")
        passes.append(Pass(plan, database, version, more))

    with contextlib.ExitStack() as servers:
        servers.callback(shutil.rmtree, str(folder), ignore_errors=True)
        servers.callback(shutil.rmtree, str(notes), ignore_errors=True)
        for database in databases or TITLES:
            answers, words = knock(python, database, {})
            if answers:
                plan_one(main_plan, database, words)
                continue
            if database == "postgresql":
                print(f"\nPostgreSQL: {words}\nStarting a private one ...", flush=True)
                server = servers.enter_context(private_postgres(python))
                if server:
                    answers, words = knock(python, database, server)
                if server and answers:
                    plan_one(main_plan, database, words + " (private)", **server)
                    continue
            absent.append(f"{TITLES[database]}: {words}")
        if oldest_plan:
            words = knock(environments.ensure(oldest_plan), "sqlite", {})[1]
            plan_one(oldest_plan, "sqlite", words, **FEWER)
        results = run_all(passes, arguments, at_once=1 if record else AT_ONCE)
        good = all(result.passed for result in results)
        covered: list[str] = []
        if arguments:
            missing.append("coverage is not measured when pytest is given arguments")
        else:
            enough, covered = check_coverage(python, folder)
            if absent and not enough:
                missing.append("coverage is not required while a database is missing")
            else:
                good = good and enough

    lines = ["", "=== Passes"]
    for result in results:
        verdict = "ok  " if result.passed else "FAIL"
        lines.append(f"  {verdict}  {result.title:<24} {result.database:<26} {result.summary}")
        if result.left_out:
            lines.append(
                f"        {result.left_out} more were left out: they have nothing to do with the "
                f"kind of database, and passed on {results[0].database}"
            )
    if covered:
        lines += ["=== Coverage", *covered]
    if absent or missing:
        lines.append("=== NOT TESTED")
        lines += ["  " + line for line in absent + missing]
    if absent and in_ci:
        lines.append("  A database is missing: that is a failure where CI is set.")
        good = False
    lines.append("=== " + ("PASSED" if good else "FAILED"))
    print("\n".join(lines), flush=True)
    if os.environ.get("ATM_TEST_SUMMARY"):
        Path(os.environ["ATM_TEST_SUMMARY"]).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0 if good else 1


def end(number: int, frame: object) -> None:
    """Being told to end is like Ctrl-C: databases and servers are taken down first."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, end)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        sys.exit(130)

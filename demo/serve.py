"""
Show the demo: the site, its scheduler and the mail that arrives, in one command.

``make demo`` calls this. What is there is used again; ``--reset`` throws it away. Ctrl-C, or
SIGTERM, ends everything; if one part ends, the others do too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="Show the demo.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--speed", type=float, default=3600, help="how many times as fast as real time"
    )
    parser.add_argument("--reset", action="store_true", help="throw away what is there, and end")
    options = parser.parse_args()
    if options.reset:
        for name in ("var", "outbox"):
            shutil.rmtree(HERE / name, ignore_errors=True)
        print("The demo begins anew next time.")
        return 0
    if options.speed <= 0:
        parser.error("--speed must be above 0.")
    if taken(options.port):
        print(
            f"Port {options.port} is taken: something else listens on it. "
            f"Choose another one: make demo PORT={options.port + 1}"
        )
        return 1
    prepare(options.port)
    return show(options.port, options.speed)


def taken(port: int) -> bool:
    """Return whether somebody listens on the port already."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((HOST, port))
        except OSError:
            return True
    return False


def prepare(port: int) -> None:
    """Bring the database up to date and fill it, unless that has been done."""
    os.environ.update(
        DJANGO_SETTINGS_MODULE="project.settings",
        DEMO_DEBUG="1",
        DEMO_SITE=f"http://{HOST}:{port}",
    )
    sys.path.insert(0, str(HERE))
    import django

    django.setup()
    from django.core.management import call_command
    from project import clock

    clock.begin()
    call_command("migrate", verbosity=0)
    call_command("load_demo")


def show(port: int, speed: float) -> int:
    """Run site, scheduler and feeder until one of them ends or somebody ends them."""
    from project import clock

    stopping: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    clock.run_on(speed)
    parts = {
        "site": ["runserver", "--noreload", f"{HOST}:{port}"],
        "scheduler": ["automation_step", "--every", "0.5"],
        "feeder": ["feed", "--every", "0.5"],
    }
    # Each in a session of its own, so that Ctrl-C reaches this process alone, which ends them.
    running = {
        name: subprocess.Popen(
            [sys.executable, str(HERE / "manage.py"), *part], start_new_session=True
        )
        for name, part in parts.items()
    }
    print(welcome(port, speed), flush=True)
    ended = ""
    try:
        while not stopping and not ended:
            time.sleep(0.2)
            ended = next((name for name, part in running.items() if part.poll() is not None), "")
    finally:
        end(running.values())
        clock.stop()
    if ended:
        print(f"The {ended} has ended, so the demo ends. What it said last stands above.")
        return 1
    print("\nThe demo has ended. `make demo` goes on where it stood.")
    return 0


def end(parts: Iterable[subprocess.Popen[bytes]]) -> None:
    """End the parts that still run: let each finish what it is at, but not for ever."""
    for part in parts:
        if part.poll() is None:
            part.send_signal(signal.SIGINT)
    for part in parts:
        try:
            part.wait(timeout=15)
        except subprocess.TimeoutExpired:
            part.kill()


def welcome(port: int, speed: float) -> str:
    """Return what to say when the demo begins."""
    pace = "An hour of the process takes a second." if speed == 3600 else f"Speed: {speed:g}."
    return f"""
  The demo is on http://{HOST}:{port}
  The home page says whom to log in as, mia (a moderator) or admin for instance;
  each one's password is the name. {pace} Ctrl-C ends it.
"""


if __name__ == "__main__":
    sys.exit(main())

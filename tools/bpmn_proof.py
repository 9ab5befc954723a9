"""
Let others read the BPMN that we write. ``make bpmn-proof``.

    python3 tools/bpmn_proof.py [--processes NUMBER] [--keep]

The processes of the corpus and 500 random ones are checked against the schema of the OMG and by
bpmn-io's linter, and opened in bpmn-js in Chromium. Those in which nobody is asked and no message
is waited for are executed by SpiffWorkflow, which has to visit the same nodes as we do. The schema
and bpmn-js come from the npm registry: neither may be kept here, for each has a licence of its own.

Needs nothing but Python 3.8, npm and Chromium; the environment is made. With ``--keep`` the
documents stay in build/bpmn.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any, Dict

sys.path.insert(0, str(Path(__file__).parent))

import environments
from environments import ROOT

TOOLS = ROOT / "tools"
BUILD = ROOT / "build" / "bpmn"
#: What is taken from npm, and what of it.
PACKAGES = {
    "bpmn-moddle@10.3.1": "package/resources/bpmn/xsd/",
    "bpmn-js@18.31.1": "package/dist/bpmn-viewer.production.min.js",
}
#: How many problems are told of each check.
TOLD = 20

Results = Dict[str, Any]


def main() -> int:
    """Do everything; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description="Let others read the BPMN that we write.")
    parser.add_argument("--processes", type=int, default=500, help="How many random processes.")
    parser.add_argument("--keep", action="store_true", help="Keep the documents in build/bpmn.")
    arguments = parser.parse_args()
    wanted = environments.plan("main")
    if wanted is None:
        sys.exit("There is no Python to make the environment with.")
    schema, viewer = from_npm()
    python = environments.ensure(wanted)
    folder = BUILD / "documents"
    shutil.rmtree(str(folder), ignore_errors=True)
    begin = time.monotonic()
    print("Writing the documents; schema, linter and SpiffWorkflow read them ...", flush=True)
    number = str(arguments.processes)
    results: Results = json.loads(tool(python, "bpmn_read.py", str(folder), number, str(schema)))
    print("Opening them in bpmn-js ...", flush=True)
    results["bpmn-js"] = json.loads(tool(python, "bpmn_browser.py", str(folder), str(viewer)))
    if not arguments.keep:
        shutil.rmtree(str(folder), ignore_errors=True)
    return told(results, time.monotonic() - begin)


def tool(python: str, name: str, *arguments: str) -> str:
    """Return what one of the other tools prints; end if it fails."""
    command = [python, str(TOOLS / name), *arguments]
    done = subprocess.run(command, cwd=str(ROOT), stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(f"{name} has failed.")
    return done.stdout.decode("utf-8")


def from_npm() -> tuple[Path, Path]:
    """Return the schema and the viewer, fetched if they are not there yet."""
    npm = shutil.which("npm")
    for package, inside in PACKAGES.items():
        folder = BUILD / package
        if (folder / "complete").is_file():
            continue
        if npm is None:
            sys.exit(
                "There is no npm here, which fetches the schema of BPMN and bpmn-js: install "
                "Node.js, or run this where it is."
            )
        shutil.rmtree(str(folder), ignore_errors=True)
        folder.mkdir(parents=True)
        print(f"Fetching {package} ...", flush=True)
        pack = [npm, "pack", "--silent", package, "--pack-destination", str(folder)]
        if subprocess.run(pack, cwd=str(folder), stdout=subprocess.DEVNULL, check=False).returncode:
            sys.exit(f"npm could not fetch {package}.")
        unpack(next(folder.glob("*.tgz")), inside, folder)
        (folder / "complete").touch()
    schema, viewer = (BUILD / package / inside for package, inside in PACKAGES.items())
    return schema / "BPMN20.xsd", viewer


def unpack(archive: Path, inside: str, folder: Path) -> None:
    """Take what is needed out of an archive, each file to where its name says."""
    with tarfile.open(str(archive)) as files:
        for member in files:
            source = files.extractfile(member) if member.name.startswith(inside) else None
            if source is None or ".." in Path(member.name).parts:
                continue
            target = folder / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read())


def told(results: Results, seconds: float) -> int:
    """Print what was found; return 1 if anything is wrong."""
    viewer, spiff = results["bpmn-js"], results["spiff"]
    rows = [
        ("Documents valid against the schema of the OMG", results["schema"], ""),
        ("Documents clean for bpmn-io's linter", results["lint"], ""),
        (
            "Documents opened in bpmn-js without a warning",
            viewer,
            "{} diagrams, {} shapes".format(viewer["diagrams"], viewer["shapes"]),
        ),
        (
            "Processes that SpiffWorkflow executes as we do",
            spiff,
            "{} nodes visited".format(results["visits"]),
        ),
    ]
    wrong: list[str] = []
    print("\n| Proof | Number | Wrong | |\n| --- | ---: | ---: | --- |")
    for title, found, remark in rows:
        problems = found["problems"]
        print("| {} | {} | {} | {} |".format(title, found["number"], len(problems), remark))
        wrong += problems[:TOLD]
        if not found["number"]:
            wrong.append(f"{title}: there was nothing to look at.")
    print(f"\nThat took {seconds:.0f} seconds.")
    for problem in wrong:
        print(problem)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""
Write ``data/expenses.csv``: forty expenses of a week, the same ones every time.

Run it only to change them; the file it writes is part of the demo.
"""

from __future__ import annotations

import csv
import datetime
import random
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
MONDAY = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)
COUNT = 40

EMPLOYEES = ["emil", "erika", "ines", "jonas", "kim", "paul"]
#: What is paid for, and between how many euros it costs.
PURPOSES = [
    ("Taxi to the station", 9, 38),
    ("Coffee for the workshop", 12, 45),
    ("Toner, the loud printer", 28, 49),
    ("Stamps", 8, 24),
    ("Lunch with the auditors", 52, 180),
    ("Train to Kraków", 74, 210),
    ("Two nights in Zürich", 260, 540),
    ("Headset", 55, 149),
    ("Desk that goes up and down", 380, 890),
    ("Conference ticket, early bird", 240, 760),
    ("Stand at the fair in Malmö", 1400, 4200),
    ("Laptop, the old one is wet", 1150, 2100),
    ("Projector", 1000, 1800),
    ("Summer party, first instalment", 2000, 3600),
]


def main() -> None:
    """Write the expenses."""
    chance = random.Random(35)  # noqa: S311 - the same expenses every time is what is wanted
    # Until Friday noon, at hours at which people work.
    days = [chance.choice([0, 1, 1, 2, 2, 3, 3, 4]) for _ in range(COUNT)]
    hours = sorted(24 * day + chance.uniform(0.3, 3 if day == 4 else 8) for day in days)
    rows = []
    for number, hour in enumerate(hours):
        purpose, least, most = PURPOSES[number * 5 % len(PURPOSES)]
        filed = MONDAY + datetime.timedelta(hours=hour)
        rows.append(
            {
                "filed": f"{filed:%Y-%m-%dT%H:%MZ}",
                "employee": chance.choice(EMPLOYEES),
                "purpose": purpose,
                "amount": f"{chance.uniform(least, most):.2f}",
                "receipt": chance.choices(["yes", "no"], [5, 1])[0],
            }
        )
    # The limits themselves are what processes get wrong.
    rows[7]["amount"], rows[19]["amount"] = "50.00", "1000.00"
    with (DATA / "expenses.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

"""
Write who signs up for the webinars of the week, cancels and comes, the same ones every time.

Run it only to change them; the files it writes (``data/registrations.csv``,
``cancellations.csv`` and ``attendance.csv``) are part of the demo.
"""

from __future__ import annotations

import csv
import datetime
import random
import unicodedata
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
MONDAY = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
MINUTE = datetime.timedelta(minutes=1)

#: When each webinar begins in the end, in hours after the beginning of the week.
BEGINS = {"processes": 54, "people": 80}
SIGN_UPS = 300

FIRST_NAMES = """
Ada Agnieszka Aisha Anselm Beatriz Björn Çağla Chidi Clara Dariusz Désirée Emre Enrique Fatou
Fiona Gábor Giulia Håkon Hedda Ivo Jasmin Jürgen Kaito Katarzyna Lars Leïla Lucía Małgorzata Mats
Miriam Nadia Nils Noor Olu Oskar Paula Priya Rafał Ragnhild Søren Sadia Tomáš Ulrike Vasile Wiebke
Xavier Yara Zoë
""".split()  # noqa: SIM905 - names read better without quotes
LAST_NAMES = """
Adeyemi Åberg Bakker Brandt Carvalho Černý Costa Demir Dubois Eriksen Farkas Fischer García Haddad
Hansen Hölzl Ibrahim Jansen Kaya Kowalski Lefèvre Lindqvist Martínez Mensah Moreau Müller Nakamura
Novák Okafor Østergaard Pereira Popescu Quist Rahman Rossi Sánchez Schäfer Szabó Tanaka Weiß
Wójcik Yılmaz
""".split()  # noqa: RUF001, SIM905 - their names, without quotes
DOMAINS = ["example.org", "example.com", "example.net", "mail.example.org"]
LETTERS = str.maketrans("øØæłŁıßđ", "oOalLisd")
SPOILT = [
    lambda address: address.replace("@", " at "),
    lambda address: address.replace("@", ""),
    lambda address: address + ".",
    lambda address: address.replace("@", "@@"),
    lambda address: address.split("@")[0] + "@",
    lambda address: address.replace(".", "..", 1),
]

Row = dict[str, str]


def main() -> None:
    """Write the files."""
    chance = random.Random(13)  # noqa: S311 - the same people every time is what is wanted
    names = [f"{first} {last}" for first in FIRST_NAMES for last in LAST_NAMES]
    people = [(name, address_of(name, chance)) for name in chance.sample(names, 245)]
    sign_ups, cancellations, visits = [], [], []
    for name, address in people:
        both = chance.random() < 0.08
        for webinar in BEGINS if both else [chance.choice(list(BEGINS))]:
            moment = time_of_sign_up(webinar, chance)
            sign_ups.append(sign_up(moment, name, address, webinar))
            if moment > BEGINS[webinar]:
                pass  # whoever comes that late has no time to cancel
            elif chance.random() < 0.09:
                later = chance.uniform(moment, BEGINS[webinar] - 0.1)
                cancellations.append(cancellation(later, address, webinar))
                if chance.random() < 0.2:
                    again = chance.uniform(later, BEGINS[webinar])
                    sign_ups.append(sign_up(again, name, address, webinar))
                continue
            elif chance.random() < 0.1:
                again = chance.uniform(moment, BEGINS[webinar] + 2)
                spelling = chance.choice([address, address.title(), address.upper()])
                sign_ups.append(sign_up(again, name, spelling, webinar))
            if chance.random() < 0.7:
                visits += visits_of(address, webinar, max(moment, BEGINS[webinar]), chance)
    while len(sign_ups) < SIGN_UPS:
        name = chance.choice(names)
        address, webinar = address_of(name, chance), chance.choice(list(BEGINS))
        if chance.random() < 0.3:
            moment = BEGINS[webinar] + chance.uniform(3, 20)  # everything is over by then
        else:
            moment = time_of_sign_up(webinar, chance)
            address = chance.choice(SPOILT)(address)
        sign_ups.append(sign_up(moment, name, address, webinar))
    write("registrations.csv", sign_ups, "time")
    write("cancellations.csv", cancellations, "time")
    write("attendance.csv", visits, "left")
    print(f"{len(sign_ups)} sign-ups, {len(cancellations)} cancellations, {len(visits)} visits")


def address_of(name: str, chance: random.Random) -> str:
    """Return an address that a person of this name may have."""
    plain = unicodedata.normalize("NFKD", name.translate(LETTERS))
    first, last = plain.encode("ascii", "ignore").decode().lower().split()
    local = chance.choice([f"{first}.{last}", f"{first[0]}.{last}", f"{last}{first[:2]}"])
    return f"{local}{chance.choice(['', '', chance.randint(2, 99)])}@{chance.choice(DOMAINS)}"


def time_of_sign_up(webinar: str, chance: random.Random) -> float:
    """Return when somebody signs up: most early or in the last days, some when it has begun."""
    begins = BEGINS[webinar]
    if chance.random() < 0.05:
        return begins + chance.uniform(0.05, 1.4)
    return chance.choice([chance.uniform(0.2, begins - 0.1), chance.triangular(0.2, begins, 3)])


def visits_of(address: str, webinar: str, joined: float, chance: random.Random) -> list[Row]:
    """Return one visit, or two of somebody who has lost the connection in between."""
    joined += chance.uniform(0, 0.1)
    left = min(joined + chance.triangular(0.1, 1.8, 1.5), BEGINS[webinar] + 2)
    if chance.random() < 0.85:
        return [visit(address, webinar, joined, left)]
    lost = chance.uniform(joined, left)
    return [
        visit(address, webinar, joined, lost),
        visit(address, webinar, chance.uniform(lost, left), left),
    ]


def sign_up(moment: float, name: str, address: str, webinar: str) -> Row:
    """Return one row."""
    return {"time": when(moment), "name": name, "email": address, "webinar": webinar}


def cancellation(moment: float, address: str, webinar: str) -> Row:
    """Return one row."""
    return {"time": when(moment), "email": address, "webinar": webinar}


def visit(address: str, webinar: str, joined: float, left: float) -> Row:
    """Return one row."""
    return {"webinar": webinar, "email": address, "joined": when(joined), "left": when(left)}


def when(hours: float) -> str:
    """Return the moment so many hours after the beginning, to the minute."""
    moment = MONDAY + hours * HOUR
    return f"{moment:%Y-%m-%dT%H:%MZ}"


def write(name: str, rows: list[Row], column: str) -> None:
    """Write the rows, in the order of their times."""
    with (DATA / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: row[column]))


if __name__ == "__main__":
    main()

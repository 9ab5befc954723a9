"""
Write ``data/mails.mbox``: a hundred mails of a week, the same ones every time.

Run it only to change the mails; the file it writes is part of the demo.
"""

from __future__ import annotations

import datetime
import mailbox
import random
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
MONDAY = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)
TAG = "[issues]"

PEOPLE = [
    ("Ada Lindqvist", "ada@example.org"),
    ("Björn Östlund", "bjorn@example.org"),
    ("Chiara Neri", "chiara@example.com"),
    ("Dmitri Sokolow", "dmitri@example.org"),
    ("Élodie Lefèvre", "elodie@example.com"),
    ("Faruk Yılmaz", "faruk@example.org"),  # noqa: RUF001 - his name
    ("Grete Müller", "grete@example.org"),
    ("Hiro Tanaka", "hiro@example.com"),
    ("Ines Carvalho", "ines@example.org"),
    ("Jan Šťastný", "jan@example.com"),
    ("Kofi Mensah", "kofi@example.org"),
    ("Lucía Peña", "lucia@example.org"),
    ("Mats Nygård", "mats@example.com"),
    ("Noor El-Amin", "noor@example.org"),
    ("Oskar Weiß", "oskar@example.org"),
    ("Priya Raman", "priya@example.com"),
]
OPENINGS = [
    "Thanks for the list.",
    "I have read through all of it, and this is where I stand.",
    "As promised on the phone:",
    "Short and late, sorry.",
    "After sleeping over it:",
    "We have talked about this in our team.",
    "My view has not changed since last time.",
]
REASONS = {
    "yes": [
        "It costs us little and helps many.",
        "Long overdue.",
        "I would even help with it.",
        "Für uns wäre das eine große Erleichterung.",
    ],
    "no": [
        "The price is too high for what we get.",
        "Let us first finish what we have begun.",
        "Das überzeugt mich noch nicht.",
        "I have seen this go wrong elsewhere.",
    ],
    "abstain": ["I know too little about it.", "I can live with either.", "Not my field."],
}
REMARKS = [
    "Who takes the minutes this time?",
    "The link in the announcement leads to last month's list.",
    "Could somebody explain what ISSUE-4 means for exports that exist already?",
    "Ich bin am Donnerstag nur vormittags erreichbar.",
    "Please do not forget the people who read this with a screen reader.",
    "The numbers for ISSUE-10 are in the shared folder now.",
]
ADVERTS = [
    ("You have WON a printer", "Click here to claim your <b>prize</b>!!! Vote: ISSUE-1 yes"),
    ("Invoice 4711 overdue", "Dear customer, see the attachement."),
    ("Cheap hosting, only today", "From 0.99 a month. Unsubscribe below."),
    ("Meeting room on Friday", "Is the big one free? Wrong list, I am afraid. Sorry!"),
    ("Lost umbrella", "Blue, with ducks. Left in the lobby on Monday."),
    ("SEO for your website", "We reviewed example.org and found 37 problems."),
    ("Fwd: funny cats", "<script>alert('cats')</script> You must see this."),
    ("Re: Lost umbrella", "Found it, thank you all. Vote: none, obviously."),
]


def main() -> None:
    """Write the mails."""
    chance = random.Random(10)  # noqa: S311 - the same mails every time is what is wanted
    hours = [*sorted(chance.uniform(0.5, 165.5) for _ in range(97)), 169.2, 171.0, 190.5]
    kinds = ["vote"] * 78 + ["remark"] * 6 + ["advert"] * 8 + ["away"] * 5
    chance.shuffle(kinds)
    kinds += ["vote", "vote", "advert"]
    path = DATA / "mails.mbox"
    path.unlink(missing_ok=True)
    box = mailbox.mbox(path)
    adverts = iter(ADVERTS * 2)
    for number, (hour, kind) in enumerate(zip(hours, kinds, strict=True), 1):
        mail = EmailMessage()
        name, address = chance.choice(PEOPLE)
        mail["From"] = formataddr((name, address))
        mail["To"] = "issues@example.org"
        mail["Date"] = format_datetime(MONDAY + datetime.timedelta(hours=hour))
        mail["Message-ID"] = f"<{number:03}.{chance.getrandbits(40):010x}@example.org>"
        write(mail, kind, chance, adverts, name)
        stored = mailbox.mboxMessage(mail)
        stored.set_from("issues@example.org", (MONDAY + datetime.timedelta(hours=hour)).timetuple())
        box.add(stored)
    box.close()


def write(
    mail: EmailMessage,
    kind: str,
    chance: random.Random,
    adverts: Iterator[tuple[str, str]],
    name: str,
) -> None:
    """Give the mail its subject and its body."""
    if kind == "advert":
        subject, body = next(adverts)
        mail["Subject"] = subject
        mail.set_content(body)
        return
    mail["In-Reply-To"] = "<announcement@example.org>"
    if kind == "away":
        mail["Subject"] = f"Automatic reply: {TAG} Issues for discussion"
        mail["Auto-Submitted"] = "auto-replied"
        mail.set_content(f"I am away until Monday and read no mail.\n\n{name}\n")
        return
    lines = [chance.choice(OPENINGS), ""]
    if kind == "remark":
        mail["Subject"] = f"Re: {TAG} Issues for discussion"
        lines += [chance.choice(REMARKS)]
    else:
        codes = chance.sample(range(1, 11), chance.choice([1, 1, 2, 3]))
        topic = f"ISSUE-{codes[0]}" if chance.random() < 0.6 else "Issues for discussion"
        mail["Subject"] = f"Re: {TAG} {topic}" + chance.choice(["", "", " – müde, aber da"])  # noqa: RUF001 - as people write
        for code in codes:
            choice = chance.choices(["yes", "no", "abstain"], [5, 3, 1])[0]
            spelling = chance.choice([choice, choice, choice.upper(), choice.capitalize()])
            lines += [f"Vote: ISSUE-{code} {spelling}", chance.choice(REASONS[choice]), ""]
    lines += ["", "Best,", name]
    if chance.random() < 0.4:
        lines += ["", "> Please send your votes as lines like this:", "> Vote: ISSUE-1 yes"]
    body = "\n".join(lines) + "\n"
    mail.set_content(body, cte=chance.choice(["quoted-printable", "base64", "8bit"]))
    if chance.random() < 0.15:
        mail.add_alternative(f"<html><body><pre>{body}</pre></body></html>", subtype="html")
        mail.set_boundary(f"part-{chance.getrandbits(64):x}")  # else one that differs every time


if __name__ == "__main__":
    main()

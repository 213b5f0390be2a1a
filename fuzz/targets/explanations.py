"""`explain`: whatever is typed as a URL, it says what the edge does, in printable text and without the signature."""

from __future__ import annotations

import json

from fuzz.choices import Choices
from fuzz.targets.edge import INSERTED, Issued
from fuzz.targets.signed import NOW, ORIGIN, TRUSTED
from private_files.diagnosis import diagnose
from private_files.explanation import Explanation
from private_files.trusted_keys import Keys

PIECES = [
    *(piece.decode("latin-1") for piece in INSERTED if len(piece) < 100), "http://", "https://127.0.0.1:4568",
    "&amp;", "\\u0026", "%3FExpires", "@", "[", "]", "é", "\ud83d", "\u202e",
    "?response-content-disposition=attachment%3B%20filename%3D%22a%1B%22", "filename*=UTF-8''%ff", "\x1b[31m", "*",
    "?",
]  # fmt: skip


def check(choices: Choices) -> None:
    issued = Issued(choices)
    url = ORIGIN + issued.target + ("&" if issued.own else "?") + "&".join(issued.signing)
    unchanged = url
    for _ in range(choices.number(0, 3)):
        place = choices.number(0, len(url))
        url = url[:place] + choices.pick(["", *PIECES]) + url[place + choices.pick([0, 1, 2, 300]) :]
    keys = Keys(
        TRUSTED if choices.flag() else {}, group="", unread="" if choices.flag() else "the key group was not read"
    )
    try:
        diagnosis = diagnose(url, keys, now=NOW, cdn_url=choices.pick([None, ORIGIN, "https://files.example.com/"]))
    except ValueError as error:
        assert str(error)
        assert url != unchanged
        return
    explanation = Explanation(diagnosis, keys, now=NOW)
    shown = "\n".join(explanation.lines())
    assert all(line.isprintable() for line in shown.split("\n")), shown
    written = json.dumps(explanation.json())
    if b"Signature=" + issued.signature.encode() in url.encode("utf-8", "surrogatepass"):
        assert issued.signature not in shown + written, shown
    can_be_sent = not set("# \x7f").intersection(issued.path)  # browsers would encode these
    if url == unchanged and can_be_sent and keys.by_id and not keys.unread and not diagnosis.other_cdn_url:
        assert (explanation.exit_code == 0) == (issued.is_trusted and issued.expires > NOW)

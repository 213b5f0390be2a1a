"""The API and the file server of films, in front of a stand-in: URLs expire, and requests are counted."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from playwright.sync_api import Request

from private_files.content_types import TYPES
from tests import PROJECT
from tests.browser.stand_in import StandIn, item, refusal, signed

SAMPLES = PROJECT / "samples"
PATTERN, SEA = "films/test pattern/", "films/été + mer/"


def sample_files() -> dict[str, bytes]:
    """Return the files of the sample films by their names."""
    found = [path for path in (SAMPLES / "films").rglob("*") if path.is_file()]
    return {path.relative_to(SAMPLES).as_posix(): path.read_bytes() for path in found}


def long_film(repeats: int) -> dict[str, bytes]:
    """Return the playlists of the first film repeated, every segment of which has a name of its own."""
    numbers = itertools.count()
    found = {}
    for name in ("small", "high"):
        text = (SAMPLES / PATTERN / f"{name}.m3u8").read_text().removesuffix("#EXT-X-ENDLIST\n")
        head, first, body = text.partition("#EXT-X-MAP")
        body = (first + body + "#EXT-X-DISCONTINUITY\n") * repeats
        body = re.sub(r"^(?!#).+", lambda match: f"{next(numbers)}-{match[0]}", body, flags=re.M)
        found[f"{PATTERN}{name}.m3u8"] = f"{head}{body}#EXT-X-ENDLIST\n".encode()
    master = [
        "#EXTM3U",
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="High tone",DEFAULT=YES,URI="high.m3u8"',
        '#EXT-X-STREAM-INF:BANDWIDTH=70400,CODECS="avc1.4d500b,mp4a.40.2",AUDIO="a"',
        "small.m3u8",
    ]
    return found | {f"{PATTERN}master.m3u8": "\n".join(master).encode()}


@dataclass
class FilmServer:
    """Serves these files of a stand-in to unexpired URLs, signed for at least `lifetime` seconds."""

    servers: StandIn
    files: dict[str, bytes] = field(default_factory=sample_files)
    lifetime: float = 900
    # The error types of names that the API refuses.
    refused: dict[str, str] = field(default_factory=dict)
    # The response to a request for a file, before everything else.
    first: Callable[[str], dict[str, Any] | None] = lambda _name: None
    queries: list[list[str]] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.servers.link = lambda sent: item(sent["file"]) | {"url": self._signed(sent["file"]), "saved": None}
        self.servers.fields["getUrls"] = self._urls
        self.servers.file = self._file

    def _signed(self, name: str) -> str:
        # Rounded up: a URL is valid for the lifetime at least.
        return signed(name, int(time.time() + self.lifetime + 1))

    def _urls(self, sent: dict[str, Any]) -> list[dict[str, Any]]:
        self.queries.append(sent["files"])
        expires_at = datetime.fromtimestamp(time.time() + self.lifetime, UTC).isoformat()
        return [
            {"file": name, "errorType": self.refused[name], "errorMessage": "It is refused."}
            if name in self.refused
            else {"file": name, "url": self._signed(name), "expiresAt": expires_at}
            for name in sent["files"]
        ]

    def _file(self, request: Request) -> dict[str, Any]:
        address = urlsplit(request.url)
        name, query = unquote(address.path[1:]), parse_qs(address.query)
        self.requested.append(name)
        if response := self.first(name):
            return response
        if "Signature" not in query:
            return refusal("MissingKey", "Missing Key-Pair-Id query parameter or cookie value")
        if int(query["Expires"][0]) <= time.time():
            return refusal("AccessDenied", "Access denied")
        content = self.files.get(name)
        if content is None:
            content = self.files.get(re.sub(r"/\d+-(?=[^/]+$)", "/", name))  # a segment of a long film
        if content is None:
            return refusal("AccessDenied", "Access Denied", by_s3=True)
        media_type = TYPES.get(name.rpartition(".")[2], "application/octet-stream")
        part = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
        if part is None:
            return {"content_type": media_type, "body": content}
        return {"status": 206, "content_type": media_type, "body": content[int(part[1]) : int(part[2]) + 1]}

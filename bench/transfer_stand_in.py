"""An API, a bucket and an edge for programs that transfer many small files: every response takes the same time."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any
from urllib.parse import parse_qs

import uvicorn

FILES, SIZE = 10_000, 4096
SECONDS = 0.02  # until each response, as S3 takes them for a small object
PAGE = 1000
NAMES = [f"{number // 500:02}/{number:05}.bin" for number in range(FILES)]
CONTENT = bytes(SIZE)
HEADERS = [(b"etag", b'"e"'), (b"last-modified", b"Wed, 01 Jan 2025 00:00:00 GMT"), (b"accept-ranges", b"bytes")]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Respond as S3 does to what is below /bucket, as the edge to what is below /files, and as the API."""
    body = b""
    while (message := await receive()).get("more_body"):
        body += message["body"] if scope["method"] == "POST" else b""
    body += message.get("body", b"")
    await asyncio.sleep(SECONDS)
    content, headers = b"", HEADERS
    if scope["method"] == "POST":
        content, headers = json.dumps({"data": _graphql(scope, json.loads(body))}).encode(), []
    elif b"list-type=2" in scope["query_string"]:
        content, headers = _listing(scope["query_string"].decode()), []
    elif scope["method"] in ("GET", "HEAD"):
        content = CONTENT
    length = (b"content-length", str(len(content)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})


def _graphql(scope: Any, request: dict[str, Any]) -> dict[str, Any]:
    given = request["variables"]
    url = f"http://127.0.0.1:{scope['server'][1]}"
    if "files" in given:
        empty = dict.fromkeys(("uploadId", "partSize", "errorType", "errorMessage"))
        headers = [{"name": "Content-Type", "value": "application/octet-stream"}]
        found = [
            {"file": file["name"], "url": f"{url}/bucket/{file['name']}", "headers": headers, **empty}
            for file in given["files"]
        ]
        return {"startUploads": found}
    start = int(given.get("token") or 0)
    items = [
        {"name": name, "size": SIZE, "lastModified": "2025-01-01T00:00:00Z", "url": f"{url}/files/{name}"}
        for name in NAMES[start : start + PAGE]
    ]
    return {"listFiles": {"items": items, "nextToken": str(start + PAGE) if start + PAGE < FILES else None}}


def _listing(query: str) -> bytes:
    start = int(parse_qs(query).get("continuation-token", ["0"])[0])
    found = "".join(
        f"<Contents><Key>files/{name}</Key><LastModified>2025-01-01T00:00:00.000Z</LastModified>"
        f"<ETag>&quot;e&quot;</ETag><Size>{SIZE}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for name in NAMES[start : start + PAGE]
    )
    more = start + PAGE < FILES
    next_page = f"<NextContinuationToken>{start + PAGE}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>bucket</Name><IsTruncated>{str(more).lower()}</IsTruncated>{next_page}{found}</ListBucketResult>"
    ).encode()


class _Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)


if __name__ == "__main__":
    _Server(uvicorn.Config(app, port=0, lifespan="off", log_level="warning", access_log=False)).run()
    sys.exit(0)

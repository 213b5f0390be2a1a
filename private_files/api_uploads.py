"""Uploads through the API: content goes to the URLs that it returns, and large files in parts that can be resumed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from private_files import presigned_put
from private_files.api import NewFile, PrivateFiles, Upload
from private_files.content_types import content_type
from private_files.failures import QueryRefused, TransferFailed
from private_files.in_thread import in_thread
from private_files.presigned_put import FileExists, Sent, Transfer
from private_files.upload_note import UploadNote

_SIGNED_AT_A_TIME = 20
_PARTS_AT_THE_SAME_TIME = 4  # of one file
_STARTED_AT_A_TIME = 100
_SECONDS_AHEAD = 600  # after which a URL, which is valid for 900, is not used for a new request
_IN_ONE_REQUEST = 16 * 1024**2  # the API starts an upload in parts, which is to be finished, for larger files


@dataclass(frozen=True)
class _Started:
    """An upload of a file of this size, or why it was refused, and when it was started, in monotonic seconds."""

    size: int
    upload: Upload | QueryRefused
    at: float


class ApiUploads:
    """Uploads files through one API. Several threads may use it at the same time; close it with `with`.

    `planned` are the files and their names, in the order of their upload: small ones are started 100 at a time. All
    requests to S3 share connections, which belong to an event loop in a thread of its own.
    """

    def __init__(self, api: PrivateFiles, *, overwrite: bool, planned: Sequence[tuple[Path, str]]) -> None:
        self._api = api
        self._overwrite = overwrite
        self._planned = {name: path for path, name in planned}
        self._ahead: dict[str, asyncio.Task[dict[str, _Started]]] = {}  # by name
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> ApiUploads:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        self._http = presigned_put.session(self._api.trust)

    async def _close(self) -> None:
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._http.close()

    def upload(self, path: Path, name: str, sent: Sent) -> int:
        """Upload a file and return its size; `sent` is called with the number of bytes of each chunk.

        An upload in parts that was stopped is resumed. Raises TransferFailed, and OSError if the file cannot be read.
        """
        return asyncio.run_coroutine_threadsafe(self._upload(path, name, sent), self._loop).result()

    async def _upload(self, path: Path, name: str, sent: Sent) -> int:
        size = path.stat().st_size
        send = self._send_whole if size <= _IN_ONE_REQUEST else self._send_in_parts
        try:
            await send(Transfer(self._http, path, sent), path, name, size)
        except QueryRefused as refused:
            raise TransferFailed(str(refused)) from None
        return size

    async def _start(self, path: Path, name: str, size: int) -> Upload:
        """Return a new upload of this file. Those of the next small files are started ahead of their turn."""
        while name in self._planned or (self._planned and len(self._ahead) < _STARTED_AT_A_TIME):
            others = list(islice(self._planned, _STARTED_AT_A_TIME))
            start = partial(self._start_together, [(self._planned.pop(other), other) for other in others])
            starting = asyncio.create_task(in_thread(start))
            starting.add_done_callback(lambda task: task.cancelled() or task.exception())  # maybe nobody waits for it
            self._ahead |= dict.fromkeys(others, starting)
        found = (await self._ahead.pop(name)).get(name) if name in self._ahead else None
        if found is None or found.size != size or time.monotonic() - found.at > _SECONDS_AHEAD:
            found = (await in_thread(partial(self._start_together, [(path, name)])))[name]
        if isinstance(found.upload, QueryRefused):
            raise found.upload
        return found.upload

    def _start_together(self, files: list[tuple[Path, str]]) -> dict[str, _Started]:
        """Start the uploads of small files, or of one file of any size. Raises OSError if that one cannot be read."""
        alone = len(files) == 1
        described = []
        for path, name in files:
            try:
                size = path.stat().st_size
                if alone or (size <= _IN_ONE_REQUEST and path.is_file()):
                    described.append(NewFile(name, size, content_type(name, path), _sha256(path, size)))
            except OSError:
                if alone:  # the others are reported when it is their turn
                    raise
        uploads = self._api.start_uploads(described, overwrite=self._overwrite) if described else []
        now = time.monotonic()
        return {file.name: _Started(file.size, upload, now) for file, upload in zip(described, uploads, strict=True)}

    async def _send_whole(self, transfer: Transfer, path: Path, name: str, size: int) -> None:
        upload = await self._start(path, name, size)
        urls = [upload.url]

        async def url() -> str:
            return urls.pop() if urls else (await self._start(path, name, size)).url

        began = time.monotonic()
        try:
            await transfer.send(url, 0, size, dict(upload.headers))
        except FileExists as exists:
            # The response to an earlier request may have been lost. All times are those of S3's clock, in seconds.
            version = await in_thread(partial(self._api.version, name)) if exists.repeated and exists.now else None
            began_at = int(exists.now - (time.monotonic() - began))
            if version is None or version.size != size or version.modified < began_at:
                raise

    async def _send_in_parts(self, transfer: Transfer, path: Path, name: str, size: int) -> None:
        note = UploadNote(self._api.endpoint, path, name)
        arrived = None
        if (noted := note.read()) is not None:
            upload, before = noted
            arrived = await self._arrived(name, upload)
            if arrived is None:  # finished, cancelled, or removed after a day
                note.remove()
                if await self._was_finished(name, size, before):
                    return
        if arrived is None:
            version = await in_thread(partial(self._api.version, name))
            if version and not self._overwrite:  # found now, and not after everything was sent
                raise FileExists
            upload, before, arrived = await self._start(path, name, size), version.etag if version else "", {}
            note.write(upload, before)
        etags = await self._send_parts(transfer, name, size, upload, arrived)
        finish = partial(self._api.finish_upload, name, upload.upload_id, size, etags, overwrite=self._overwrite)
        try:
            await in_thread(finish)
        except QueryRefused:
            # The response to an earlier request may have been lost.
            if await self._arrived(name, upload) is not None or not await self._was_finished(name, size, before):
                raise
        note.remove()

    async def _arrived(self, name: str, upload: Upload) -> dict[int, tuple[int, str]] | None:
        """Return size and ETag of the parts that have arrived, by their numbers; None if there is no such upload."""
        try:
            return await in_thread(partial(self._api.arrived_parts, name, upload.upload_id))
        except QueryRefused:
            return None

    async def _was_finished(self, name: str, size: int, before: str) -> bool:
        """Whether the file has this size, and another ETag than before the upload."""
        version = await in_thread(partial(self._api.version, name))
        return version is not None and version.size == size and version.etag != before

    async def _send_parts(
        self, transfer: Transfer, name: str, size: int, upload: Upload, arrived: dict[int, tuple[int, str]]
    ) -> dict[int, str]:
        lengths = {
            number: min(upload.part_size, size - begin)
            for number, begin in enumerate(range(0, size, upload.part_size), 1)
        }
        etags = {part: etag for part, (length, etag) in arrived.items() if lengths.get(part) == length}
        for part in etags:
            transfer.sent(lengths[part])
        sign = partial(self._api.part_urls, name, upload.upload_id, size)

        async def send_in_turn(turns: Iterator[int], urls: dict[int, str]) -> None:
            for part in turns:
                url = partial(self._first_or, [urls[part]], partial(_only_value, sign, part))
                etags[part] = await transfer.send(url, (part - 1) * upload.part_size, lengths[part], {})

        missing = [part for part in lengths if part not in etags]
        for start in range(0, len(missing), _SIGNED_AT_A_TIME):
            batch = missing[start : start + _SIGNED_AT_A_TIME]
            urls, turns = await in_thread(partial(sign, batch)), iter(batch)
            sending = [asyncio.create_task(send_in_turn(turns, urls)) for _ in range(_PARTS_AT_THE_SAME_TIME)]
            try:
                await asyncio.gather(*sending)
            finally:
                for task in sending:
                    task.cancel()
        return etags

    async def _first_or(self, signed: list[str], sign_again: Callable[[], str]) -> str:
        """Return the URL that was signed, the first time, and then one that is signed again."""
        return signed.pop() if signed else await in_thread(sign_again)


def _only_value(sign: Callable[[list[int]], dict[int, str]], part: int) -> str:
    return sign([part])[part]


def _sha256(path: Path, size: int) -> str | None:
    """Return what S3 checks the content of a small file with; the parts of large ones have no such check."""
    if size > _IN_ONE_REQUEST:
        return None
    with path.open("rb") as file:
        return base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()

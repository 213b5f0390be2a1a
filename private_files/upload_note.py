"""What is kept of an upload in parts between two runs of the command."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from private_files.api import Upload
from private_files.session import cache_folder


class UploadNote:
    """The id of an upload in parts, for the next run: by the API, the name, and the path, size and time of the file."""

    def __init__(self, api: str, path: Path, name: str) -> None:
        found = path.stat()
        identity = [api, name, str(path.resolve()), str(found.st_size), str(found.st_mtime_ns)]
        digest = hashlib.sha256("\n".join(identity).encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self._file = cache_folder(os.environ) / "uploads" / f"{digest}.json"

    def read(self) -> tuple[Upload, str] | None:
        """Return the upload, and the ETag of the file that it replaces; empty if there was none."""
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            upload = Upload(upload_id=str(found["uploadId"]), part_size=int(found["partSize"]))
            return upload, str(found["before"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, upload: Upload, before: str) -> None:
        note = {"uploadId": upload.upload_id, "partSize": upload.part_size, "before": before}
        with contextlib.suppress(OSError):  # without it, the next run starts over
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file.write_text(json.dumps(note))

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)

"""S3's ListObjectsV2 for a bucket in memory."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any


class Bucket:
    """A bucket with these file names in the folder `files`; it keeps the requests."""

    def __init__(self, names: Sequence[str]) -> None:
        self.keys = sorted(f"files/{name}" for name in names)
        self.requests: list[dict[str, Any]] = []

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        assert not ("StartAfter" in request and "Delimiter" in request), "servers differ"
        prefix, delimiter = request["Prefix"], request.get("Delimiter", "")
        after = request.get("ContinuationToken", request.get("StartAfter", ""))
        found: dict[str, bool] = {}
        for key in self.keys:
            if key.startswith(prefix):
                head, slash, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
                found[prefix + head + slash if slash else key] = bool(slash)
        rest = [entry for entry in found if entry > after]
        page = rest[: request["MaxKeys"]]
        now = datetime(2026, 1, 1, tzinfo=UTC)
        response: dict[str, Any] = {
            "IsTruncated": len(rest) > len(page),
            "Contents": [
                {"Key": key, "Size": int(not key.endswith("/")), "LastModified": now, "ETag": '"e"'}
                for key in page
                if not found[key]
            ],
            "CommonPrefixes": [{"Prefix": entry} for entry in page if found[entry]],
        }
        return response | ({"NextContinuationToken": page[-1]} if response["IsTruncated"] else {})

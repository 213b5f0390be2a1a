"""The GraphQL API as Python methods."""

from __future__ import annotations

import datetime
import re
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from private_files import graphql_request
from private_files.failures import Failure, QueryRefused, SignInRefused, Unreachable
from private_files.graphql_request import Caller, NoResponse, NotGraphql
from private_files.this_machine import is_this_machine

BATCH = 1000  # the most URLs in one response
_LOOKED_UP = 50  # files in one request of `checked_urls`: each is an invocation of the function that lists
_SECONDS = 35  # AppSync itself times out after 30
_PAUSES = (1.0, 3.0, 10.0)  # seconds before each retry, if the API has responded before
_NOT_A_URL = "the API returned something other than an https:// URL for it"
# What AppSync returns if Lambda does not start a function: at its limit, or stopped by an administrator.
_STOPPED = "Lambda:TooManyRequestsException"
_HINTS = {
    "NotAllowed": " (`private-files access` prints it.)",
    _STOPPED: " (The service is busy, or an administrator has stopped it. Try again later.)",
}
_INVALID_NAME = "InvalidFileName"
_BUSY = {"ThrottlingException", "TooManyRequestsException", _STOPPED}
_CALLER_REFUSED = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "UnauthorizedException",
    "UnrecognizedClientException",
}


@dataclass(frozen=True)
class RemoteFile:
    """A file that the API serves: its URL, or None and the reason if the API gives one; what a listing says of it."""

    name: str
    url: str | None
    refused: str = ""
    size: int = -1  # bytes; -1 is unknown
    modified: float | None = None  # epoch seconds
    exists: bool = True  # False if the API says that it does not


@dataclass(frozen=True)
class NewFile:
    """A file to upload: size in bytes, and the SHA-256 of its content in base64, which S3 checks, or None."""

    name: str
    size: int
    content_type: str
    sha256: str | None


@dataclass(frozen=True)
class Page:
    """A page of a listing; `folders` end with a slash, and are listed only folder by folder."""

    files: list[RemoteFile]
    folders: list[str]


@dataclass(frozen=True)
class AllowedPrefix:
    """What the access rules allow the caller with files whose names start with this prefix."""

    prefix: str
    read: bool
    write: bool
    delete: bool


@dataclass(frozen=True)
class Upload:
    """An upload that the API has granted: `url` and `headers` for a small file, `upload_id` and `part_size` else."""

    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    upload_id: str = ""
    part_size: int = 0


@dataclass(frozen=True)
class Version:
    """A version of a file: the ETag of its content, its size in bytes, and when it was uploaded, in epoch seconds."""

    etag: str
    size: int
    modified: float


class PrivateFiles:
    """The files of one API, for one caller. Several threads may use it at the same time.

    Its methods raise QueryRefused, SignInRefused or Unreachable.
    """

    def __init__(self, url: str, caller: Caller, trust: ssl.SSLContext | bool = True) -> None:
        self.endpoint, self._caller = url, caller
        self.trust = trust  # the certificate authorities, for downloads too
        self._responded = False

    def names(self) -> list[str]:
        """Return the name of every file."""
        names = self._request("getFiles", "query { getFiles }")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise _unexpected("getFiles")
        return names

    def access(self) -> list[AllowedPrefix]:
        """Return what the caller may do, in order of the prefixes; the empty prefix is that of all files."""
        found = self._request("getAccess", "query { getAccess { prefix read write delete } }")
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise _unexpected("getAccess")
        try:
            allowed = [AllowedPrefix(**item) for item in found]
        except TypeError:
            raise _unexpected("getAccess") from None
        for each in allowed:
            actions = (each.read, each.write, each.delete)
            if not isinstance(each.prefix, str) or not all(isinstance(action, bool) for action in actions):
                raise _unexpected("getAccess")
        return allowed

    def start_uploads(self, files: Sequence[NewFile], *, overwrite: bool) -> list[Upload | QueryRefused]:
        """Start up to 100 uploads; return each, or why it was refused."""
        query = """mutation ($files: [NewFile!]!, $overwrite: Boolean) {
          startUploads(files: $files, overwrite: $overwrite) {
            file url headers { name value } uploadId partSize errorType errorMessage } }"""
        new = [
            {"name": file.name, "size": file.size, "contentType": file.content_type, "sha256": file.sha256}
            for file in files
        ]
        items = self._change("startUploads", query, files=new, overwrite=overwrite)
        try:
            started = [_item_refused(item) if item["errorType"] else _upload(item) for item in items]
        except (TypeError, ValueError, KeyError):
            raise _unexpected("startUploads") from None
        if len(started) != len(new):
            raise _unexpected("startUploads")
        return started

    def part_urls(self, name: str, upload_id: str, size: int, parts: list[int]) -> dict[int, str]:
        """Return a URL for each of up to 20 parts of an upload."""
        query = """mutation ($file: String!, $id: String!, $size: Float!, $parts: [Int!]!) {
          signParts(file: $file, uploadId: $id, size: $size, parts: $parts) { part url } }"""
        found = self._request("signParts", query, file=name, id=upload_id, size=size, parts=parts)
        try:
            urls = {int(item["part"]): str(item["url"]) for item in found}
        except (TypeError, ValueError, KeyError):
            raise _unexpected("signParts") from None
        if sorted(urls) != sorted(parts) or not all(map(_is_url, urls.values())):
            raise _unexpected("signParts")
        return urls

    def arrived_parts(self, name: str, upload_id: str) -> dict[int, tuple[int, str]]:
        """Return size and ETag of the parts of an upload that have arrived, by their numbers."""
        query = """mutation ($file: String!, $id: String!) {
          resumeUpload(file: $file, uploadId: $id) { part size etag } }"""
        found = self._request("resumeUpload", query, file=name, id=upload_id)
        try:
            return {int(item["part"]): (int(item["size"]), str(item["etag"])) for item in found}
        except (TypeError, ValueError, KeyError):
            raise _unexpected("resumeUpload") from None

    def finish_upload(self, name: str, upload_id: str, size: int, etags: dict[int, str], *, overwrite: bool) -> None:
        """Make a file of the parts, whose ETags are those by their numbers."""
        query = """mutation ($file: String!, $id: String!, $size: Float!, $parts: [DonePartInput!]!, $over: Boolean) {
          finishUpload(file: $file, uploadId: $id, size: $size, parts: $parts, overwrite: $over) }"""
        parts = [{"part": part, "etag": etags[part]} for part in sorted(etags)]
        self._request("finishUpload", query, file=name, id=upload_id, size=size, parts=parts, over=overwrite)

    def delete(self, names: list[str]) -> dict[str, str]:
        """Delete up to 1,000 files, and return the reasons for those that were not deleted, by name."""
        query = "mutation ($files: [String!]!) { deleteFiles(files: $files) { file deleted errorType errorMessage } }"
        found = self._change("deleteFiles", query, files=names)
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise _unexpected("deleteFiles")
        deleted = {item.get("file") for item in found if item.get("deleted") is True}
        reasons = {item.get("file"): str(_item_refused(item)) for item in found if item.get("deleted") is not True}
        return {name: reasons.get(name, "the API returned nothing for it") for name in names if name not in deleted}

    def version(self, name: str) -> Version | None:
        """Return which version of a file there is, or None if there is none or the caller may not read the file."""
        query = "query ($file: String!) { getFile(file: $file) { etag size lastModified } }"
        try:
            item = self._request("getFile", query, file=name)
            modified = datetime.datetime.fromisoformat(item["lastModified"]).timestamp()
            return Version(str(item["etag"]), int(item["size"]), modified)
        except QueryRefused:
            return None
        except (TypeError, ValueError, KeyError):
            raise _unexpected("getFile") from None

    def file(self, name: str) -> RemoteFile | None:
        """Return the file without a URL, or None if it does not exist or no file can have this name."""
        query = "query ($file: String!) { file: getFile(file: $file) { name size lastModified } }"
        data, errors = self._send(query, {"file": name})
        if errors and not any(_INVALID_NAME in str(error.get("errorType")) for error in errors):
            raise _refusal(errors)
        return _listed(data["file"], name) if data.get("file") is not None else None

    def url(self, name: str) -> str:
        """Return a URL that opens the file until it expires. Anyone with the URL can open the file."""
        found = self._request("getUrl", "query ($file: String!) { getUrl(file: $file) }", file=name)
        if not _is_url(found):
            raise _unexpected("getUrl")
        return str(found)

    def checked_urls(
        self, names: list[str], expires_in: int | None = None, save_as: str | None = None
    ) -> Iterator[list[RemoteFile]]:
        """Yield the file of every name in order, 50 at a time: with its URL, the reason for a refusal, or missing.

        `expires_in` is in seconds; browsers save the file as `save_as`.
        """
        for start in range(0, len(names), _LOOKED_UP):
            batch = {f"n{number}": name for number, name in enumerate(names[start : start + _LOOKED_UP])}
            parameters = "".join(f"${key}: String!, " for key in batch)
            fields = " ".join(
                f"{key}: getFile(file: ${key}) {{ name url(expiresIn: $expiresIn, saveAs: $saveAs) }}" for key in batch
            )
            query = f"query ({parameters}$expiresIn: Int, $saveAs: String) {{ {fields} }}"
            given = {"expiresIn": expires_in, "saveAs": save_as}
            data, errors = self._send(query, batch | given)
            of_field = {_field(error): error for error in errors}
            files = [_looked_up(name, data.get(key), of_field.get(key)) for key, name in batch.items()]
            # To a caller who may not read it, a file does not exist: the reason is that of `getUrls`.
            missing = [file.name for file in files if not file.exists]
            refused = {file.name: file for file in self.urls(missing) if file.url is None} if missing else {}
            yield [file if file.exists else refused.get(file.name, file) for file in files]

    def urls(self, names: list[str], expires_in: int | None = None) -> list[RemoteFile]:
        """Return the files of up to 1,000 names, each with its URL or the reason for a refusal.

        A name in the response that was not requested is a refused file, too: it is not to be written.
        """
        query = """query ($files: [String!]!, $expiresIn: Int) {
          getUrls(files: $files, expiresIn: $expiresIn) { file url errorType errorMessage } }"""
        items = self._request("getUrls", query, files=names, expiresIn=expires_in)
        if not isinstance(items, list):
            raise _unexpected("getUrls")
        missing = dict.fromkeys(names)
        files = []
        for item in items:
            file = _with_url(item)
            if file.name in missing:
                del missing[file.name]
            else:
                file = replace(file, url=None, refused="the API returned it, and it was not requested")
            files.append(file)
        return files + [RemoteFile(name, None, "the API returned nothing for it") for name in missing]

    def pages(self, prefix: str = "") -> Iterator[list[RemoteFile]]:
        """Yield every file whose name starts with the prefix, with its URL, up to 1,000 at a time."""
        for page in self.listing(prefix, url=True):
            yield page.files

    def listing(self, prefix: str = "", *, by_folder: bool = False, url: bool = False) -> Iterator[Page]:
        """Yield the files whose names start with the prefix, up to 1,000 at a time.

        With `by_folder`, deeper files are grouped into folders. Only with `url` the files have URLs.
        """
        query = """query ($prefix: String, $delimiter: String, $token: String) {
          listFiles(prefix: $prefix, delimiter: $delimiter, limit: 1000, nextToken: $token) {
            items { name size lastModified %s } folders nextToken }
        }""" % ("url" if url else "")
        token: str | None = ""
        tokens: set[str] = set()
        delimiter = "/" if by_folder else None
        while token is not None:
            page = self._request("listFiles", query, prefix=prefix, delimiter=delimiter, token=token or None)
            items = page.get("items") if isinstance(page, dict) else None
            token = page.get("nextToken") if isinstance(page, dict) else None
            if not isinstance(items, list) or not isinstance(token, str | None):
                raise _unexpected("listFiles")
            folders = page.get("folders") if by_folder else []
            if not isinstance(folders, list) or not all(_is_folder(folder, prefix) for folder in folders):
                raise _unexpected("listFiles")
            yield Page([_listed(item, prefix) for item in items], folders)
            if token in tokens:
                raise Unreachable("The API returned a page of listFiles for the second time.")
            tokens.add(token or "")

    def _change(self, field: str, text: str, **variables: Any) -> Any:
        try:
            return self._request(field, text, **variables)
        except QueryRefused as refused:
            # Without the mutations, the schema has neither the field nor the types of its arguments.
            if re.search("validation error|not configured .*mutation", str(refused), re.IGNORECASE):
                raise QueryRefused("This API neither takes nor deletes files: deploy it with uploads=on.") from None
            raise

    def _request(self, field: str, text: str, **variables: Any) -> Any:
        data, _ = self._send(text, variables, field)
        if data.get(field) is None:
            raise QueryRefused(f"The API returned nothing for {field}.")
        return data[field]

    def _send(self, text: str, variables: dict[str, Any], field: str | None = None) -> tuple[dict[str, Any], list[Any]]:
        """Return the data and the errors of a response.

        Without `field`, several are requested: those that were refused are among the errors, which have paths.
        """
        # One failed page must not end a long download. A URL that has never worked is not retried.
        for pause in _PAUSES if self._responded else ():
            try:
                return self._send_once(text, variables, field)
            except Unreachable:
                time.sleep(pause)
        result = self._send_once(text, variables, field)
        self._responded = True
        return result

    def _send_once(self, text: str, variables: dict[str, Any], field: str | None) -> tuple[dict[str, Any], list[Any]]:
        try:
            response = graphql_request.send(
                self.endpoint, text, variables, caller=self._caller, trust=self.trust, seconds=_SECONDS
            )
        except NoResponse as why:
            raise Unreachable(f"{self.endpoint} {why}") from None
        except NotGraphql as refused:
            if refused.status < 400:
                raise Unreachable(f"{self.endpoint} did not return a GraphQL response.") from None
            refused_or_lost = SignInRefused if refused.status in (401, 403) else Unreachable
            raise refused_or_lost(f"{self.endpoint} returned HTTP status {refused.status}.") from None
        data, found = response.get("data"), response.get("errors")
        errors = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
        if found:
            # A page can have data and errors, for names that cannot be served.
            failure = _refusal(found)
            if field and not (isinstance(data, dict) and data.get(field)):
                raise failure
            if not field and not (isinstance(failure, QueryRefused) and errors and all(map(_field, errors))):
                raise failure
        if not isinstance(data, dict) and not (data is None and errors):
            raise Unreachable(f"{self.endpoint} did not return a GraphQL response.")
        return data or {}, errors


def _refusal(errors: Any) -> Failure:
    found = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    kinds = {str(error.get("errorType")) for error in found}
    texts = (": ".join(str(error[key]) for key in ("errorType", "message") if error.get(key)) for error in found)
    text = "; ".join(filter(None, texts)) or "The API refused the request and gave no reason."
    text += "".join(hint for kind, hint in _HINTS.items() if kind in kinds)
    if kinds & _CALLER_REFUSED:
        return SignInRefused(text)
    return Unreachable(text) if kinds & _BUSY else QueryRefused(text)


def _field(error: dict[str, Any]) -> str | None:
    """Return the field of the query that failed, or None if the whole request did."""
    path = error.get("path")
    return path[0] if isinstance(path, list) and path and isinstance(path[0], str) else None


def _looked_up(name: str, item: Any, error: dict[str, Any] | None) -> RemoteFile:
    if error:
        return RemoteFile(name, None, str(_refusal([error])))
    if item is None:
        return RemoteFile(name, None, "there is no such file", exists=False)
    if not isinstance(item, dict) or item.get("name") != name:
        raise _unexpected("getFile")
    return RemoteFile(name, item["url"]) if _is_url(item.get("url")) else RemoteFile(name, None, _NOT_A_URL)


def _is_folder(folder: Any, prefix: str) -> bool:
    return isinstance(folder, str) and folder.startswith(prefix) and folder.endswith("/")


def _item_refused(item: Any) -> QueryRefused:
    reason = ": ".join(str(item[key]) for key in ("errorType", "errorMessage") if item.get(key))
    return QueryRefused((reason or "the API gave no reason") + _HINTS.get(str(item.get("errorType")), ""))


def _upload(item: Any) -> Upload:
    headers = tuple((str(each["name"]), str(each["value"])) for each in item["headers"] or ())
    upload = Upload(item["url"] or "", headers, item["uploadId"] or "", int(item["partSize"] or 0))
    if not (_is_url(upload.url) or (upload.upload_id and upload.part_size > 0)):
        raise _unexpected("startUploads")
    return upload


def _with_url(item: Any) -> RemoteFile:
    if not isinstance(item, dict) or not isinstance(item.get("file"), str):
        raise _unexpected("getUrls")
    url = item.get("url")
    if url is None:
        has_reason = item.get("errorType") or item.get("errorMessage")
        reason = str(_item_refused(item)) if has_reason else "the API returned neither a URL nor a reason"
        return RemoteFile(item["file"], None, reason)
    return RemoteFile(item["file"], url) if _is_url(url) else RemoteFile(item["file"], None, _NOT_A_URL)


def _listed(item: Any, prefix: str) -> RemoteFile:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise _unexpected("listFiles")
    name, url, size = item["name"], item.get("url"), item.get("size")
    if not name.startswith(prefix):
        return RemoteFile(name, None, "the API listed it, and its name does not start with the prefix")
    if not isinstance(size, int | float) or isinstance(size, bool) or not 0 <= size < 2**63 or size != int(size):
        return RemoteFile(name, None, "the API returned a size that is not a number of bytes")
    try:
        modified = datetime.datetime.fromisoformat(item.get("lastModified")).timestamp()  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return RemoteFile(name, None, "the API returned a time of modification that is not a time")
    if url is not None and not _is_url(url):
        return RemoteFile(name, None, _NOT_A_URL)
    return RemoteFile(name, url, size=int(size), modified=modified)


def _is_url(value: Any) -> bool:
    """Whether this is a URL as the API signs them: https, or http on this machine, in ASCII without spaces."""
    if not isinstance(value, str) or not re.fullmatch(r"https?://[!-\[\]-~]+", value):
        return False
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    return bool(host) and "@" not in parts.netloc and (parts.scheme == "https" or is_this_machine(host))


def _unexpected(field: str) -> Unreachable:
    return Unreachable(f"The response of the API to {field} does not have the expected form: is this the right API?")

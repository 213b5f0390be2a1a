"""The cost of an invocation from AppSync's event to the response, with its log line and metrics."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from hashlib import sha256
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.keys import Key
from bench.paired import compare, on_cpu
from bench.rows import Row, of_pair
from bench.signing import KEY_ID, ORIGIN, policy, urls
from resolvers.access import AccessRules, Rule
from resolvers.settings import SigningKey, SigningKeys, UrlSettings, to_environment

# 50 rules of five kinds; one of them allows `photos/`.
_KINDS = (
    ("users", "home{}/{{sub}}/"),
    ("groups", "teams{}/{{group}}/"),
    ("group:g{}", "shared{}/"),
    ("iam:role/R{}", "incoming{}/"),
)
RULES = AccessRules(
    (
        *(Rule(principal.format(n), ("read",), prefix.format(n)) for n in range(12) for principal, prefix in _KINDS),
        Rule("users", ("read",), "public/"),
        Rule("users", ("read",), "photos/"),
    )
)
CONTEXT = SimpleNamespace(
    function_name="a-function",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:a-function",
    aws_request_id="0f4c1d2e-0000-4000-8000-000000000000",
    get_remaining_time_in_millis=lambda: 29_000,
)


def environment(key: Key) -> dict[str, str]:
    """The environment of the function that signs with this key."""
    public_key = key.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    signing_key = SigningKey(KEY_ID, "0", key.algorithm, "/a-key", sha256(public_key).hexdigest())
    settings = UrlSettings(
        cdn_url=ORIGIN,
        files_folder="files",
        signing_keys=SigningKeys((signing_key,)),
        url_lifetime=900,
        url_lifetime_min=60,
        url_lifetime_max=3600,
        url_window=300,
        access=AccessRules(),
    )
    return to_environment(settings) | {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "POWERTOOLS_METRICS_NAMESPACE": "PrivateFiles",
        "POWERTOOLS_SERVICE_NAME": "url_handler",
    }


def rows(key: Key, rounds: int) -> Iterator[Row]:
    """Compare the handler with bare signatures of the same key, and access rules with none."""
    bare = on_cpu(key.bare, [policy(url) for url in urls(500)])
    with open(os.devnull, "w") as nowhere, patch.dict(os.environ, environment(key)):  # noqa: PTH123 - not a file
        with redirect_stdout(nowhere), patch("resolvers.ssm_parameter.Parameters.read", return_value=key.pem.decode()):
            # Not at the top: Logger reads stdout and the environment when it is created.
            from resolvers import url_handler  # noqa: PLC0415

            def invoke(event: dict[str, Any]) -> Any:
                return url_handler.handler(event, CONTEXT)

            invoke(appsync_event("getUrl", file="first.jpg"))  # reads the key
        names = (f"photos/{number:09}.jpg" for number in range(10**9))
        measured = []
        with redirect_stdout(nowhere):
            many = [appsync_event("getUrls", files=[next(names) for _ in range(1000)])]
            measured.append(("getUrls, 1,000 names", 1000, compare(on_cpu(invoke, many), bare, rounds)))

            def one_new() -> float:
                return on_cpu(invoke, [appsync_event("getUrl", file=next(names)) for _ in range(100)])()

            measured.append(("getUrl, new name", 1, compare(one_new, bare, rounds)))
            same = [appsync_event("getUrl", file="first.jpg")] * 100
            measured.append(("getUrl, cached name", 1, compare(on_cpu(invoke, same), bare, rounds)))
            ruled = list(_under_rules(url_handler, invoke, names, rounds))
    for subject, signatures, pair in measured:
        against = f"{signatures:,} bare signature{'s' if signatures > 1 else ''}"
        theirs = replace(pair, their_seconds=pair.their_seconds * signatures)
        goal = 12 if signatures == 1 else None
        yield of_pair(subject, against, theirs, 1 / pair.ratio / signatures, "× the cost", at_most=goal)
        if signatures > 1:
            yield Row(subject, "CPU time here", pair.our_seconds * 1000, "ms", at_most=40)
    yield from ruled


def _under_rules(
    url_handler: ModuleType, invoke: Callable[[Any], object], names: Iterator[str], rounds: int
) -> Iterator[Row]:
    """Compare requests under 50 rules with the same without rules, of one caller, and of a new one each time."""
    without = url_handler._settings()
    under = replace(without, access=RULES)
    subs = (f"user-{number}" for number in range(10**9))

    def timed(settings: UrlSettings, events: Callable[[], list[Any]]) -> Callable[[], float]:
        def round_() -> float:
            with patch.object(url_handler, "_settings", lambda: settings):
                return on_cpu(invoke, events())()

        return round_

    def one_each() -> list[Any]:
        return [appsync_event("getUrl", file=next(names)) for _ in range(100)]

    def new_callers() -> list[Any]:
        events = one_each()
        for event in events:
            event["identity"] = event["identity"] | {"sub": next(subs), "groups": ["g0", "g1"]}
        return events

    def many() -> list[Any]:
        return [appsync_event("getUrls", files=[next(names) for _ in range(1000)])]

    for subject, events, goal in (
        ("getUrl, 50 rules", one_each, 1.2),
        ("getUrls, 50 rules, 1,000 names", many, 1.2),
        ("getUrl, 50 rules, first request of a caller", new_callers, None),
    ):
        pair = compare(timed(under, events), timed(without, events), rounds)
        yield of_pair(subject, "without rules", pair, 1 / pair.ratio, "× the cost", at_most=goal)


def appsync_event(field: str, *, parent: str = "Query", source: Any = None, **arguments: Any) -> dict[str, Any]:
    """Return the event that AppSync sends to a direct Lambda resolver."""
    return {
        "arguments": arguments,
        "identity": {"claims": {"sub": "a-user", "token_use": "access"}, "sub": "a-user", "username": "a-user"},
        "source": source,
        "request": {"headers": {"host": "example.appsync-api.eu-west-1.amazonaws.com"}, "domainName": None},
        "prev": None,
        "info": {
            "selectionSetList": [],
            "selectionSetGraphQL": "",
            "parentTypeName": parent,
            "fieldName": field,
            "variables": {},
        },
        "stash": {},
    }

"""The setting `access`: which rules are accepted, and the messages for all others."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import access_rules
from infra.config import Config, InvalidConfiguration
from resolvers.access import AccessRules, Caller
from resolvers.settings import SigningKey, SigningKeys, UrlSettings, to_environment
from tests.synthesized import ACCESS

RULE = {"principal": "users", "actions": ["read"], "prefix": "home/{sub}/"}


def config(*entries: Any, auth: str = "on") -> Config:
    return Config.from_context({"access": [*entries], "auth": auth})


def rule(principal: str, prefix: str) -> dict[str, Any]:
    return {"principal": principal, "actions": ["read"], "prefix": prefix}


def test_rules_are_the_same_as_a_list_and_as_text() -> None:
    text = "users read,write,delete home/{sub}/\ngroups read teams/{group}/\ngroup:editors read,write shared/"
    text += "\niam read shared/\niam:role/Publisher write incoming/"
    for value in (ACCESS, json.loads(ACCESS)):
        assert str(Config.from_context({"access": value}).access) == text


def test_no_rules_are_an_empty_list() -> None:
    values: list[Any] = [[], "[]"]
    for value in values:
        assert Config.from_context({"access": value}).access == AccessRules()


@pytest.mark.parametrize(
    "entry",
    [
        rule("users", ""),
        rule("users", "a b/é/%41/x{/".replace("x{", "x")),
        rule("group:" + "g" * 128, "a/"),
        rule("group:a{b}:c", "a/{sub}/"),
        rule("groups", "{group}/"),
        rule("groups", "{sub}/{group}/"),
        rule("iam:role/a.b+c=d,e@f_g-h", "a/"),
        rule("iam:user/Bob", "a/"),
        rule("iam", "..a/.b/"),
        rule("users", "x" * 511 + "/"),
    ],
)
def test_rule_is_accepted(entry: dict[str, Any]) -> None:
    (accepted,) = config(entry).access.rules
    assert (accepted.principal, accepted.prefix) == (entry["principal"], entry["prefix"])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("users", "Entry 2 is not an object with principal, actions, prefix."),
        (RULE | {"prefxi": "a/"}, "Entry 2 has the unknown key 'prefxi'. Did you mean prefix?"),
        (RULE | {"note": "x"}, "Entry 2 has the unknown key 'note'."),
        ({"principal": "users", "actions": ["read"]}, "Entry 2 has no prefix."),
        (rule("user", "a/"), "Entry 2, principal 'user': it takes one of users, groups, group:NAME, iam, "
         "iam:role/NAME, iam:user/NAME, anyone. Did you mean users?"),
        (rule("iam:role/", "a/"), "Entry 2, principal 'iam:role/': it takes one of .* Did you mean iam:role/NAME?"),
        (rule("iam:role/path/Name", "a/"), "Entry 2, principal 'iam:role/path/Name': .*"),
        (rule("group:", "a/"), "Entry 2, principal 'group:': .*"),
        (rule("group:a b", "a/"), "Entry 2, principal 'group:a b': .*"),
        (rule("Users", "a/"), ".* Did you mean users?"),
        (RULE | {"principal": 1}, "Entry 2, principal 1: .*"),
        (RULE | {"actions": []}, "Entry 2, actions []: it takes a list of read, write, delete."),
        (RULE | {"actions": "read"}, "Entry 2, actions 'read': it takes a list of read, write, delete."),
        (RULE | {"actions": ["raed"]}, "Entry 2, actions 'raed': an action is one of .* Did you mean read?"),
        (RULE | {"actions": ["list"]}, "Entry 2, actions 'list': an action is one of read, write, delete."),
        (RULE | {"actions": [["read"]]}, "Entry 2, actions ['read']: .*"),
        (RULE | {"actions": ["read", "read"]}, "Entry 2, actions ['read', 'read']: an action is in the list twice."),
        (RULE | {"prefix": None}, "Entry 2, prefix None: it takes text such as home/{sub}/."),
        (rule("users", "bob"), "Entry 2, prefix 'bob': it must end in a slash, so that bob does not match bobby."),
        (rule("users", "/bob/"), "Entry 2, prefix '/bob/': it starts with a slash."),
        (rule("users", "/"), "Entry 2, prefix '/': it starts with a slash."),
        (rule("users", "a//b/"), "Entry 2, prefix 'a//b/': it contains two slashes in a row."),
        (rule("users", "a/../b/"), "Entry 2, prefix 'a/../b/': it has a segment of dots, which no file name has."),
        (rule("users", "./"), "Entry 2, prefix './': it has a segment of dots, which no file name has."),
        (rule("users", "a\nb/"), "Entry 2, prefix 'a\\nb/': it contains a control character."),
        (rule("users", "half \ud83d/"), "Entry 2, prefix 'half \\ud83d/': it contains a control character."),
        (rule("users", "é" * 256 + "/"), ".* it has more than 512 bytes."),
        (rule("users", "home/x{sub}/"), ".* placeholders are {sub} and {group}, and each must be a whole segment."),
        (rule("users", "home/{email}/"), ".* the only placeholders are {sub} and {group}, .*"),
        (rule("users", "{group}/"), ".* {group} is for groups; for one group write its name."),
        (rule("group:a", "{group}/"), ".* {group} is for groups; for one group write its name."),
        (rule("groups", "teams/"), ".* with groups it must contain {group}; for users in any group use users."),
        (rule("iam", "home/{sub}/"), ".* {sub} is for users, groups and group:NAME; this principal has no sub."),
        (RULE, "Entry 2 repeats entry 1: read for the same principal and prefix."),
        (rule("anyone", "a/"), "Entry 2, principal 'anyone': with auth on, every caller is a user or an IAM caller."),
    ],
)  # fmt: skip
def test_rule_that_cannot_work_is_refused_with_entry_field_and_reason(entry: Any, message: str) -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        config(RULE, entry)
    pattern = ".*".join(map(re.escape, f"The context key access cannot be used. {message}".split(".*")))
    assert re.fullmatch(pattern, str(refused.value))


@pytest.mark.parametrize(
    "value", ["", "users", "{}", "null", {"principal": "users"}, 1, None, '[{"principal": "users"}']
)
def test_value_that_is_no_list_is_refused_with_an_example(value: Any) -> None:
    with pytest.raises(InvalidConfiguration, match=r'a list such as \[\{"principal": "users"'):
        Config.from_context({"access": value})


def test_rules_that_do_not_fit_into_the_environment_are_refused() -> None:
    entries = [rule("users", f"{number:02}" + "x" * 98 + "/") for number in range(18)]
    assert len(str(config(*entries).access).encode()) <= 2048
    with pytest.raises(InvalidConfiguration, match=r"The rules have 2,\d\d\d bytes; .* has room for 2,048\.$"):
        config(*entries, rule("users", "x" * 99 + "/"))


def test_longest_settings_fit_into_the_environment_of_a_function() -> None:
    longest = "https://" + ".".join(["a" * 63] * 4) + ".example.com:44300"
    rules = [rule("users", "é" * 254 + "/")] * 3 + [rule("users", "x" * 440 + "/")]
    numbered = [each | {"prefix": f"{number}{each['prefix']}"} for number, each in enumerate(rules)]
    config = Config.from_context(
        {"stack_name": "A" * 61, "files_folder": "f" * 254, "cdn_url": longest, "access": numbered}
    )
    assert 2_000 < len(str(config.access).encode()) <= access_rules.MAX_BYTES
    key = f"/{config.stack_name}/signing-keys/{'k' * 40}"
    settings = UrlSettings(
        cdn_url=config.cdn_url,
        files_folder=config.files_folder,
        signing_keys=SigningKeys((SigningKey("K" * 14, "1800000000", "rsa-2048-sha1", key, "0" * 64),) * 5),
        url_lifetime=604_800,
        url_lifetime_min=604_800,
        url_lifetime_max=604_800,
        url_window=86_400,
        access=config.access,
    )
    powertools = {
        "POWERTOOLS_SERVICE_NAME": "url_handler",
        "POWERTOOLS_METRICS_NAMESPACE": config.stack_name,
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    }
    variables = to_environment(settings) | powertools
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    assert sum(len(name) + len(value.encode()) for name, value in variables.items()) <= 4_096


def test_without_auth_the_only_principal_is_anyone() -> None:
    assert config(rule("anyone", "open/"), auth="off").access.folders(Caller(), "read") == ("open/",)
    with pytest.raises(InvalidConfiguration, match=r"Entry 1, principal 'users': with auth off, .* is anyone\.$"):
        config(RULE, auth="off")


SEGMENTS = st.sampled_from(["a", "b*", "c?", "${aws:x}", "$", "é", "{sub}"])


@given(st.lists(st.lists(SEGMENTS, max_size=3), min_size=1, max_size=5), st.text("ab", min_size=1))
def test_role_may_list_every_prefix_that_the_rules_allow_a_caller(segments: list[list[str]], sub: str) -> None:
    prefixes = {"".join(f"{segment}/" for segment in each) for each in segments}
    parsed = AccessRules.parse("\n".join(f"users read {prefix}" for prefix in sorted(prefixes)))
    patterns = access_rules.patterns(parsed, "read", "files")
    for folder in parsed.folders(Caller(sub=sub), "read"):
        assert any(matches(pattern, f"files/{folder}") for pattern in patterns)
    if "" not in prefixes:
        assert not any(matches(pattern, "files/") for pattern in patterns if pattern != "files/*")


def matches(pattern: str, text: str) -> bool:
    """IAM's StringLike, by recursion: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""
    assert "${" not in pattern
    if not pattern:
        return not text
    if pattern[0] == "*":
        return matches(pattern[1:], text) or (text != "" and matches(pattern, text[1:]))
    return text != "" and pattern[0] in ("?", text[0]) and matches(pattern[1:], text[1:])


def test_role_of_rules_that_nobody_may_read_lists_nothing() -> None:
    assert access_rules.patterns(AccessRules.parse("iam write in/"), "read", "files") == []


def test_patterns_that_are_too_long_for_a_policy_become_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = AccessRules.parse("users read a/\nusers read b/")
    assert access_rules.patterns(parsed, "read", "files") == ["files/a/*", "files/b/*"]
    monkeypatch.setattr(access_rules, "MAX_POLICY_BYTES", 20)
    assert access_rules.patterns(parsed, "read", "files") == ["files/*"]

"""The access rules: who the caller is, and what the rules allow."""

import itertools
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.access import ACTIONS, AccessRules, Action, Caller, NotAllowed, Rule
from tests.lambda_events import Context, appsync_event, http_event

FUNCTION = Context().invoked_function_arn
USER = Caller(sub="a-user", groups=("editors", "readers"))
ROLE = Caller(arn="arn:aws:sts::123456789012:assumed-role/Publisher/session", iam_principal="role/Publisher")
NOBODY = Caller()


def rules(*given_rules: tuple[str, str] | tuple[str, str, str]) -> AccessRules:
    """Rules of principal and prefix, and of actions if they are not only `read`."""
    texts = (f"{principal} {(actions or ['read'])[0]} {prefix}" for principal, prefix, *actions in given_rules)
    return AccessRules.parse("\n".join(texts))


# Who is calling


def appsync_caller(identity: Any) -> Caller:
    return Caller.of_appsync(appsync_event("getFiles", {}) | {"identity": identity}, FUNCTION)


@pytest.mark.parametrize(("groups", "found"), [(None, ()), ([], ()), (["editors", "a/b"], ("editors", "a/b"))])
def test_user_of_appsync_is_the_sub_with_the_groups(groups: Any, found: tuple[str, ...]) -> None:
    identity = appsync_event("getFiles", {})["identity"] | {"groups": groups}
    assert appsync_caller(identity) == Caller(sub="a-user", groups=found)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
@pytest.mark.parametrize(
    ("arn", "principal"),
    [
        ("arn:aws:sts::123456789012:assumed-role/Publisher/i-0123", "role/Publisher"),
        ("arn:aws-cn:sts::123456789012:assumed-role/Publisher/a.session@example.com", "role/Publisher"),
        ("arn:aws:iam::123456789012:user/Bob", "user/Bob"),
        ("arn:aws:iam::123456789012:user/division/team/Bob", "user/Bob"),
        ("arn:aws:iam::123456789012:root", None),
        ("arn:aws:sts::123456789012:federated-user/Bob", None),
        ("arn:aws:sts::210987654321:assumed-role/Publisher/session", None),
        ("arn:aws:iam::210987654321:user/Bob", None),
    ],
)
def test_iam_caller_is_the_role_or_the_user_of_this_account(arn: str, principal: str | None) -> None:
    assert appsync_caller({"userArn": arn, "username": "x", "accountId": "1"}) == Caller(
        arn=arn, iam_principal=principal
    )


@pytest.mark.parametrize("identity", [None, {}])
def test_caller_without_an_identity_is_nobody(identity: Any) -> None:
    assert appsync_caller(identity) == NOBODY


@pytest.mark.parametrize(
    ("claim", "groups"),
    [
        ("[editors]", ("editors",)),
        ("[editors readers]", ("editors", "readers")),
        ("[[odd] [b]", ("[odd]", "[b")),
        ("[]", ()),
        ("editors", ()),
        ("[editors", ()),
        ("editors]", ()),
        ("", ()),
    ],
)
def test_groups_of_the_http_api_are_text_in_one_pair_of_brackets(claim: str, groups: tuple[str, ...]) -> None:
    event = http_event("/files")
    event["requestContext"]["authorizer"]["jwt"]["claims"]["cognito:groups"] = claim
    assert Caller.of_http_api(event) == Caller(sub="a-user", groups=groups)


def test_user_without_groups_and_caller_without_a_token_have_none() -> None:
    event = http_event("/files")
    assert Caller.of_http_api(event) == Caller(sub="a-user")
    del event["requestContext"]["authorizer"]
    assert Caller.of_http_api(event) == NOBODY


@pytest.mark.parametrize(("caller", "text"), [(USER, "a-user"), (ROLE, ROLE.arn), (NOBODY, "anonymous")])
def test_log_names_the_caller(caller: Caller, text: str) -> None:
    assert str(caller) == text


# What the rules allow


def test_without_rules_every_caller_may_read_everything() -> None:
    for caller in (USER, ROLE, NOBODY):
        assert AccessRules().folders(caller, "read") == ("",)
        assert AccessRules().allowed_prefixes(caller) == [{"prefix": "", "read": True, "write": False, "delete": False}]


@pytest.mark.parametrize(
    ("principal", "prefix", "user", "role", "nobody"),
    [
        ("users", "a/", ("a/",), (), ()),
        ("users", "home/{sub}/", ("home/a-user/",), (), ()),
        ("groups", "teams/{group}/", ("teams/editors/", "teams/readers/"), (), ()),
        ("groups", "{group}/{sub}/x/", ("editors/a-user/x/", "readers/a-user/x/"), (), ()),
        ("group:editors", "shared/", ("shared/",), (), ()),
        ("group:editors", "shared/{sub}/", ("shared/a-user/",), (), ()),
        ("group:Editors", "shared/", (), (), ()),
        ("group:editor", "shared/", (), (), ()),
        ("iam", "in/", (), ("in/",), ()),
        ("iam:role/Publisher", "in/", (), ("in/",), ()),
        ("iam:role/publisher", "in/", (), (), ()),
        ("iam:user/Publisher", "in/", (), (), ()),
        ("anyone", "open/", ("open/",), ("open/",), ("open/",)),
        ("anyone", "", ("",), ("",), ("",)),
    ],
)
def test_principal_decides_who_may(
    principal: str, prefix: str, user: tuple[str, ...], role: tuple[str, ...], nobody: tuple[str, ...]
) -> None:
    given_rules = rules((principal, prefix))
    assert tuple(given_rules.folders(caller, "read") for caller in (USER, ROLE, NOBODY)) == (user, role, nobody)


@pytest.mark.parametrize(
    "value", ["a/b", "/", "", ".", "..", "a\nb", "a\x7f", "half \ud83d", "../other", "a/../b", "\x00"]
)
def test_value_that_is_not_one_segment_grants_nothing_and_is_logged(
    value: str, caplog: pytest.LogCaptureFixture
) -> None:
    caller = Caller(sub="a-user", groups=(value, "readers"))
    with caplog.at_level(logging.WARNING):
        assert rules(("groups", "teams/{group}/")).folders(caller, "read") == ("teams/readers/",)
    assert "grants nothing" in caplog.text


@pytest.mark.parametrize("value", ["é", "e\u0301", "A", "a b", "a+b", "...", "{sub}", "*", "a@b.example"])
def test_value_is_neither_folded_nor_normalised_nor_read_again(value: str) -> None:
    caller = Caller(sub="a-user", groups=(value,))
    assert rules(("groups", "{group}/")).folders(caller, "read") == (f"{value}/",)


def test_placeholder_is_a_whole_segment_only() -> None:
    assert rules(("users", "x{sub}/{subs}/")).folders(USER, "read") == ("x{sub}/{subs}/",)


def test_prefixes_are_sorted_and_none_is_inside_another() -> None:
    found = rules(*(("users", prefix) for prefix in ("b/", "a/b/", "a/", "a/b/c/", "b", "ab/"))).folders(USER, "read")
    assert found == ("a/", "ab/", "b")


def test_actions_are_separate() -> None:
    given_rules = rules(("users", "a/", "read"), ("users", "b/", "write,delete"), ("users", "", "delete"))
    folders = {action: given_rules.folders(USER, action) for action in ACTIONS}
    assert folders == {"read": ("a/",), "write": ("b/",), "delete": ("",)}
    assert given_rules.allowed_prefixes(USER) == [
        {"prefix": "", "read": False, "write": False, "delete": True},
        {"prefix": "a/", "read": True, "write": False, "delete": True},
        {"prefix": "b/", "read": False, "write": True, "delete": True},
    ]


def test_prefix_ends_at_a_slash() -> None:
    given_rules = rules(("users", "bob/"))
    given_rules.check(USER, "read", "bob/a")
    for name in ("bobby/a", "bob", "Bob/a", "x/bob/a"):
        with pytest.raises(NotAllowed, match=rf"^You may not read '{name}'; getAccess returns what you may do\.$"):
            given_rules.check(USER, "read", name)


PRINCIPALS = ("users", "groups", "group:editors", "group:x", "iam", "iam:role/Publisher", "iam:user/Bob", "anyone")
SEGMENTS = st.sampled_from(["a", "b", "é", "a b", "{sub}", "{group}"])
RULES = st.builds(
    lambda principal, actions, segments: Rule(principal, actions, "".join(f"{segment}/" for segment in segments)),
    st.sampled_from(PRINCIPALS),
    st.sampled_from([tuple(some) for size in (1, 2, 3) for some in itertools.combinations(ACTIONS, size)]),
    st.lists(SEGMENTS, max_size=3),
)


@given(st.lists(RULES, max_size=8).map(tuple).map(AccessRules))
def test_rules_survive_the_environment(given_rules: AccessRules) -> None:
    assert AccessRules.parse(str(given_rules)) == given_rules


def model(given_rules: AccessRules, caller: Caller, action: Action, name: str) -> bool:
    """The rules as a person reads them: one rule, one value of each placeholder, one comparison."""
    for rule, group in itertools.product(given_rules.rules, caller.groups or ("",)):
        applies = {
            "anyone": True,
            "users": caller.sub is not None,
            "groups": group != "",
            "iam": caller.arn is not None,
            f"iam:{caller.iam_principal}": caller.iam_principal is not None,
            **{f"group:{each}": True for each in caller.groups},
        }.get(rule.principal, False)
        prefix = rule.prefix.replace("{sub}", caller.sub or "{sub}")
        if rule.principal == "groups":
            prefix = prefix.replace("{group}", group)
        if "{" not in prefix and applies and action in rule.actions and name.startswith(prefix):
            return True
    return False


CALLERS = st.one_of(
    st.just(ROLE),
    st.just(Caller(arn="arn:aws:iam::123456789012:user/Bob", iam_principal="user/Bob")),
    st.builds(Caller, sub=st.sampled_from(["a", "b"]), groups=st.sampled_from([(), ("a",), ("editors", "a b")])),
)
NAMES = st.lists(st.sampled_from(["a", "b", "é", "a b", "editors"]), min_size=1, max_size=4).map("/".join)


@given(st.lists(RULES, min_size=1, max_size=6).map(tuple).map(AccessRules), CALLERS, st.sampled_from(ACTIONS), NAMES)
def test_every_decision_is_that_of_the_model(
    given_rules: AccessRules, caller: Caller, action: Action, name: str
) -> None:
    # A placeholder that its principal has no value for is refused when the rules are configured.
    usable = tuple(
        rule
        for rule in given_rules.rules
        if ("{group}" not in rule.prefix or rule.principal == "groups")
        and ("{sub}" not in rule.prefix or rule.principal in ("users", "groups") or rule.principal.startswith("group:"))
    )
    given_rules = AccessRules(usable or (Rule("users", ("read",), "other/"),))
    allowed = name.startswith(given_rules.folders(caller, action))
    assert allowed == model(given_rules, caller, action, name)
    entries = [entry for entry in given_rules.allowed_prefixes(caller) if name.startswith(str(entry["prefix"]))]
    assert allowed == any(entry[action] for entry in entries)

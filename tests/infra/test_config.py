"""The CDK context: the accepted values, and the messages for all others."""

import json
from typing import Any

import pytest

from infra.config import Config, InvalidConfiguration, KeyGeneration
from tests import PROJECT

CDK_JSON = PROJECT / "cdk.json"
SHOWN: dict[str, Any] = json.loads(CDK_JSON.read_text())["context"]
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0f4c1d2e-0000-4000-8000-000000000000"
DOMAIN = {"custom_domain": "files.example.com", "certificate_arn": CERTIFICATE}


@pytest.mark.parametrize("key", Config.model_fields)
def test_cdk_json_shows_the_default(key: str) -> None:
    assert getattr(Config.from_context({key: SHOWN[key]}), key) == getattr(Config.from_context({}), key)


def test_cdk_json_shows_nothing_else() -> None:
    assert set(SHOWN) == set(Config.model_fields)


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("auth", "on", True),
        ("auth", "off", False),
        ("auth", "true", True),
        ("auth", "FALSE", False),
        ("auth", True, True),
        ("auth", False, False),
        ("retain_data", "off", False),
        ("retain_data", False, False),
        ("url_lifetime", "1", 1),
        ("url_lifetime", 1, 1),
        ("url_lifetime_max", "604800", 604_800),
        ("url_lifetime_min", 900, 900),
        ("url_window", "0", 0),
        ("url_window", 86_400, 86_400),
        ("key_settling", "0", 0),
        ("backup_retention", "36500", 36_500),
        ("revoke", "0", "0"),
        ("files_folder", "public/files", "public/files"),
        ("files_folder", "v1.2_a-b", "v1.2_a-b"),
        ("stack_name", "A", "A"),
        ("architecture", "x86_64", "x86_64"),
        ("log_level", "DEBUG", "DEBUG"),
        ("cdn_url", "http://127.0.0.1:8443", "http://127.0.0.1:8443"),
        ("cdn_url", "https://files.example.com", "https://files.example.com"),
        ("cdn_url", "https://files.example.com:4430", "https://files.example.com:4430"),
        ("cdn_url", "http://[::1]:8443", "http://[::1]:8443"),
        ("signing_keys", "a,b,c,d,e", "a,b,c,d,e"),
    ],
)
def test_value_is_read_from_text_or_type(key: str, value: object, read: object) -> None:
    config = Config.from_context({key: value})
    assert getattr(config, key) == read
    assert type(getattr(config, key)) is type(read)


def test_custom_domain_comes_with_its_certificate() -> None:
    config = Config.from_context(DOMAIN)
    assert (config.custom_domain, config.certificate_arn) == ("files.example.com", CERTIFICATE)


@pytest.mark.parametrize(
    ("text", "generations"),
    [
        ("1", [("1", "ecdsa-p256")]),
        ("1,2:rsa-2048", [("1", "ecdsa-p256"), ("2", "rsa-2048")]),
        ("1:rsa-2048-sha1", [("1", "rsa-2048-sha1")]),
        (" old:ecdsa-p256 , 2026-11 ", [("old", "ecdsa-p256"), ("2026-11", "ecdsa-p256")]),
    ],
)
def test_signing_keys_are_generations_from_oldest_to_newest(text: str, generations: list[tuple[str, str]]) -> None:
    assert Config.from_context({"signing_keys": text}).key_generations == [KeyGeneration(*g) for g in generations]


@pytest.mark.parametrize(
    ("text", "names"), [("", []), ("1", ["1"]), ("1,2", ["1", "2"]), (" 1 , old-2 ,", ["1", "old-2"])]
)
def test_revoked_keys_are_comma_separated_names(text: str, names: list[str]) -> None:
    assert Config.from_context({"signing_keys": "3", "revoke": text}).revoked == names


def test_longest_url_lives_for_the_longest_lifetime_and_a_window() -> None:
    assert Config.from_context({"url_lifetime_max": 7200, "url_window": "60"}).longest_url == 7260


@pytest.mark.parametrize(
    "key",
    [
        "aws:cdk:bundling-stacks",
        "aws:cdk:enable-path-metadata",
        "@aws-cdk/core:newStyle",
        "acknowledged-issue-numbers",  # written by `cdk acknowledge`
        "cli-telemetry",  # written by `cdk cli-telemetry --disable`
        "availability-zones:account=123456789012:region=eu-west-1",
        "hosted-zone:account=123456789012:domainName=example.com:region=eu-west-1",
        "@aws-cdk/auth",
        "stage",
        "account",
        "region",
        "app",
        "tags",
        "owner",
        "author",
        "vpcId",
        "domain",
    ],
)
def test_keys_of_the_cdk_and_of_others_are_left_alone(key: str) -> None:
    assert Config.from_context({key: ["anything"]}) == Config.from_context({})


@pytest.mark.parametrize("key", Config.model_fields)
def test_no_setting_is_taken_for_a_misspelling_of_another(key: str) -> None:
    assert Config.from_context({key: SHOWN[key]}) == Config.from_context({})


@pytest.mark.parametrize(
    "context",
    [
        {"url_lifetime": 3600},
        {"url_lifetime": 60, "url_lifetime_min": 60, "url_lifetime_max": 60},
        {"stack_name": "A" * 61},
        {"stack_name": "Awkward-Ssmall"},
        {"files_folder": "f" * 254},
        {"signing_keys": "k" * 40},
        {"cdn_url": "https://files.example.com:65535"},
        {"api_key_expires": "2027-06-30"},
        {"bucket_name": "b" * 63, "bucket_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/mrk-0f"},
        {"signing_key_max_age": 0},
        {"distribution_id": "E1A2B3C4D5E6F7", "alarm_email": "first.last+alarms@mail.example.com"},
        DOMAIN | {"custom_domain": "files.xn--p1ai"},
        DOMAIN | {"custom_domain": ".".join(["l" * 63] * 3 + ["l" * 61])},
    ],
    ids=json.dumps,
)
def test_value_at_the_limit_is_accepted(context: dict[str, Any]) -> None:
    config = Config.from_context(context)
    assert {key: getattr(config, key) for key in context} == context


@pytest.mark.parametrize(
    ("context", "words"),
    [
        ({"enviroment": "prod"}, ["key enviroment is unknown", "Did you mean environment?"]),
        ({"ulr_lifetime": 60}, ["key ulr_lifetime is unknown", "Did you mean url_lifetime?"]),
        ({"url_lifetme": 60}, ["key url_lifetme is unknown", "Did you mean url_lifetime?"]),
        ({"url-lifetime": 60}, ["key url-lifetime is unknown", "Did you mean url_lifetime?"]),
        ({"urlLifetimeMax": 60}, ["key urlLifetimeMax is unknown", "Did you mean url_lifetime_max?"]),
        ({"Auth": "on"}, ["key Auth is unknown", "Did you mean auth?"]),
        ({"auht": "on"}, ["key auht is unknown", "Did you mean auth?"]),
        ({"ReST": "on"}, ["key ReST is unknown", "Did you mean rest?"]),
        ({"signing_key": "1,2"}, ["key signing_key is unknown", "Did you mean signing_keys?"]),
        ({"retain-data": "off"}, ["key retain-data is unknown", "Did you mean retain_data?"]),
        ({"revoked": "1"}, ["key revoked is unknown", "Did you mean revoke?"]),
        ({"edge_origin": "https://a.example"}, ["key edge_origin is unknown", "Did you mean cdn_url?"]),
        ({"auth": "on", "frontent": "on"}, ["key frontent is unknown", "Did you mean frontend?"]),
        ({"auth": "maybe"}, ["key auth cannot be 'maybe'", "on or off"]),
        ({"auth": ""}, ["key auth cannot be ''", "on or off"]),
        ({"auth": None}, ["key auth cannot be None", "on or off"]),
        ({"retain_data": 1}, ["key retain_data cannot be 1", "on or off"]),
        ({"url_lifetime": 0}, ["key url_lifetime cannot be 0", "a whole number of seconds from 1 to 604800, a week"]),
        ({"url_lifetime": -1}, ["key url_lifetime cannot be -1", "a whole number"]),
        ({"url_lifetime": 1.5}, ["key url_lifetime cannot be 1.5", "a whole number"]),
        ({"url_lifetime": "1.5"}, ["key url_lifetime cannot be '1.5'", "a whole number"]),
        ({"url_lifetime": "15m"}, ["key url_lifetime cannot be '15m'", "a whole number"]),
        ({"url_lifetime": True}, ["key url_lifetime cannot be True", "a whole number"]),
        (
            {"url_lifetime": 604_801},
            ["key url_lifetime cannot be 604801", "a whole number of seconds from 1 to 604800, a week"],
        ),
        (
            {"url_lifetime_min": 0},
            ["key url_lifetime_min cannot be 0", "a whole number of seconds from 1 to 604800, a week"],
        ),
        (
            {"url_lifetime_max": 604_801},
            ["key url_lifetime_max cannot be 604801", "a whole number of seconds from 1 to 604800, a week"],
        ),
        ({"url_lifetime_max": "1h"}, ["key url_lifetime_max cannot be '1h'", "a whole number"]),
        ({"url_lifetime": 3601}, ["key url_lifetime cannot be 3601", "from url_lifetime_min to url_lifetime_max"]),
        (
            {"url_lifetime_min": 901},
            ["key url_lifetime cannot be 900", "url_lifetime_min to url_lifetime_max, 901 to 3600"],
        ),
        (
            {"url_lifetime_max": 899},
            ["key url_lifetime cannot be 900", "url_lifetime_min to url_lifetime_max, 1 to 899"],
        ),
        (
            {"url_window": 86_401},
            ["key url_window cannot be 86401", "a whole number of seconds from 0 to 86400, a day"],
        ),
        ({"url_window": -1}, ["key url_window cannot be -1", "a whole number"]),
        ({"url_window": "off"}, ["key url_window cannot be 'off'", "a whole number"]),
        (
            {"key_settling": 86_401},
            ["key key_settling cannot be 86401", "a whole number of seconds from 0 to 86400, a day"],
        ),
        ({"key_settling": "10m"}, ["key key_settling cannot be '10m'", "a whole number"]),
        ({"revoke": "1"}, ["key revoke cannot be '1'", "no longer in signing_keys, which still holds 1"]),
        ({"signing_keys": "1,2", "revoke": "0, 2"}, ["key revoke cannot be '0, 2'", "which still holds 2"]),
        ({"revoke": 1}, ["key revoke cannot be 1", "text"]),
        ({"user_pool_id": "AbCdEfGhI"}, ["key user_pool_id cannot be 'AbCdEfGhI'", "such as eu-west-1_AbCdEfGhI"]),
        ({"user_pool_id": "eu-west-1_Ab\n"}, ["key user_pool_id cannot be"]),
        ({"user_pool_id": "eu-west-1_Ab", "auth": "off"}, ["with auth=off there are no users"]),
        *(
            ({"bucket_name": name}, [f"key bucket_name cannot be {name!r}: it takes the name of an existing bucket"])
            for name in (
                "ab",
                "b" * 64,
                "Bucket",
                "a.b",
                "a_b",
                "-ab",
                "ab-",
                "xn--ab",
                "ab-s3alias",
                "s3://ab",
                "ab\n",
            )
        ),
        ({"bucket_name": "ab1", "bucket_key_arn": "0f4c1d2e"}, ["key bucket_key_arn cannot be '0f4c1d2e'"]),
        ({"bucket_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/0f"}, ["bucket_key_arn is set and bucket_name is"]),
        ({"mfa": "on"}, ["key mfa cannot be 'on'", "off or optional or required"]),
        ({"custom_domain": "files.example.com"}, ["custom_domain is set and certificate_arn is not"]),
        ({"certificate_arn": CERTIFICATE}, ["certificate_arn is set and custom_domain is not"]),
        (
            DOMAIN | {"certificate_arn": CERTIFICATE.replace("us-east-1", "eu-west-1")},
            ["key certificate_arn cannot be", "in us-east-1"],
        ),
        (DOMAIN | {"certificate_arn": "0f4c1d2e"}, ["key certificate_arn cannot be '0f4c1d2e'", "in us-east-1"]),
        (
            DOMAIN | {"custom_domain": "https://a.example"},
            ["key custom_domain cannot be", "a host name of your own"],
        ),
        (
            DOMAIN | {"custom_domain": "localhost"},
            ["key custom_domain cannot be 'localhost'", "a host name of your own"],
        ),
        ({"cdn_url": "https://a.example/files"}, ["key cdn_url cannot be", "without a path"]),
        ({"cdn_url": "https://a.example/"}, ["key cdn_url cannot be", "without a path"]),
        ({"cdn_url": "https://a.example?x=1"}, ["key cdn_url cannot be", "scheme and host"]),
        ({"cdn_url": "a.example"}, ["key cdn_url cannot be 'a.example'", "scheme and host"]),
        ({"cdn_url": "ftp://a.example"}, ["key cdn_url cannot be", "scheme and host"]),
        ({"cdn_url": "https://A.example"}, ["key cdn_url cannot be", "as browsers write them"]),
        ({"cdn_url": "https://a.example:443"}, ["key cdn_url cannot be", "as browsers write them"]),
        ({"cdn_url": "http://a.example:80"}, ["key cdn_url cannot be", "as browsers write them"]),
        ({"cdn_url": "https://a.example:port"}, ["key cdn_url cannot be", "as browsers write them"]),
        ({"cdn_url": "https://a b"}, ["key cdn_url cannot be", "as browsers write them"]),
        ({"cdn_url": 'https://a"b'}, ["key cdn_url cannot be", "as browsers write them"]),
        ({"cdn_url": "https://me@a.example"}, ["key cdn_url cannot be", "as browsers write them"]),
        ({"cdn_url": "https://"}, ["key cdn_url cannot be 'https://'", "scheme and host"]),
        ({"signing_keys": ""}, ["key signing_keys cannot be ''", "letters, digits and hyphens"]),
        ({"signing_keys": "1,"}, ["key signing_keys cannot be ''", "letters, digits and hyphens"]),
        ({"signing_keys": "a/b"}, ["key signing_keys cannot be 'a/b'", "letters, digits and hyphens"]),
        ({"signing_keys": "1,2,1"}, ["key signing_keys cannot be '1,2,1'", "each name once"]),
        ({"signing_keys": "1:rsa-2048,1"}, ["key signing_keys cannot be", "each name once"]),
        ({"signing_keys": "1,2,3,4,5,6"}, ["key signing_keys cannot be", "at most 5 keys"]),
        (
            {"signing_keys": "1:rsa-4096"},
            ["key signing_keys cannot be 'rsa-4096'", "or rsa-2048-sha1"],
        ),
        ({"signing_keys": 1}, ["key signing_keys cannot be 1", "text"]),
        ({"files_folder": "/"}, ["key files_folder cannot be '/'", "without a slash at either end"]),
        ({"files_folder": ""}, ["key files_folder cannot be ''", "a folder such as"]),
        ({"files_folder": "../x"}, ["key files_folder cannot be '../x'", "a folder such as"]),
        ({"files_folder": "a/../x"}, ["key files_folder cannot be 'a/../x'", "a folder such as"]),
        ({"files_folder": "a//b"}, ["key files_folder cannot be 'a//b'", "a folder such as"]),
        ({"files_folder": "a/"}, ["key files_folder cannot be 'a/'", "without a slash at either end"]),
        ({"files_folder": "/a"}, ["key files_folder cannot be '/a'", "without a slash at either end"]),
        ({"files_folder": "a b"}, ["key files_folder cannot be 'a b'", "a folder such as"]),
        ({"files_folder": "a\n"}, [r"key files_folder cannot be 'a\n'", "a folder such as"]),
        ({"stack_name": "my_stack"}, ["key stack_name cannot be 'my_stack'", "letters, digits and hyphens"]),
        ({"stack_name": "aws-files"}, ["key stack_name cannot be 'aws-files'", "not with aws, ssm"]),
        ({"stack_name": "AwsFiles"}, ["key stack_name cannot be 'AwsFiles'", "in any case"]),
        ({"stack_name": "SSM-files"}, ["key stack_name cannot be 'SSM-files'", "in any case"]),
        ({"stack_name": "Xn--files"}, ["key stack_name cannot be 'Xn--files'"]),
        ({"stack_name": "sthree-files"}, ["key stack_name cannot be 'sthree-files'"]),
        ({"stack_name": "amzn-s3-demo-files"}, ["key stack_name cannot be 'amzn-s3-demo-files'"]),
        ({"stack_name": "CDKToolkit"}, ["key stack_name cannot be 'CDKToolkit'", "not CDKToolkit"]),
        ({"stack_name": "A" * 62}, ["key stack_name cannot be", "at most 61"]),
        ({"stack_name": "Files\n"}, ["key stack_name cannot be"]),
        ({"stack_name": "Fileſ"}, ["key stack_name cannot be"]),
        ({"files_folder": "f" * 255}, ["key files_folder cannot be", "at most 254 characters"]),
        ({"signing_keys": "k" * 41}, ["key signing_keys cannot be", "at most 40 letters"]),
        ({"revoke": "old key"}, ["key revoke cannot be 'old key'", "letters, digits and hyphens"]),
        ({"api_key_expires": "next year"}, ["key api_key_expires cannot be 'next year'", "a date such as"]),
        ({"api_key_expires": "2027-6-1"}, ["key api_key_expires cannot be '2027-6-1'", "a date such as"]),
        (DOMAIN | {"custom_domain": "l" * 64 + ".example"}, ["key custom_domain cannot be", "a host name"]),
        (DOMAIN | {"custom_domain": "a." * 125 + "example"}, ["key custom_domain cannot be", "a host name"]),
        (DOMAIN | {"custom_domain": "a.cloudfront.net"}, ["key custom_domain cannot be", "of your own"]),
        (DOMAIN | {"custom_domain": "127.0.0.1"}, ["key custom_domain cannot be", "a host name"]),
        (DOMAIN | {"custom_domain": "*.example.com"}, ["key custom_domain cannot be", "a host name"]),
        (DOMAIN | {"custom_domain": "a.example."}, ["key custom_domain cannot be", "a host name"]),
        (DOMAIN | {"certificate_arn": CERTIFICATE + " "}, ["key certificate_arn cannot be", "in us-east-1"]),
        ({"cdn_url": "https://a.example:65536"}, ["key cdn_url cannot be", "scheme and host"]),
        ({"cdn_url": "https://a.example:0"}, ["key cdn_url cannot be", "scheme and host"]),
        ({"cdn_url": "https://a..example"}, ["key cdn_url cannot be", "scheme and host"]),
        ({"cdn_url": "https://-a.example"}, ["key cdn_url cannot be", "scheme and host"]),
        ({"stack_name": "1st"}, ["key stack_name cannot be '1st'", "letters, digits and hyphens"]),
        ({"architecture": "arm"}, ["key architecture cannot be 'arm'", "arm64 or x86_64"]),
        ({"alarm_email": "ops"}, ["key alarm_email cannot be 'ops'", "an e-mail address such as"]),
        ({"alarm_email": "a@b.example, c@d.example"}, ["key alarm_email cannot be", "an e-mail address such as"]),
        ({"alarm_email": "a@b.example\n"}, ["key alarm_email cannot be", "an e-mail address such as"]),
        ({"distribution_id": "d111111abcdef8"}, ["key distribution_id cannot be", "the output DistributionId"]),
        ({"signing_key_max_age": 3651}, ["key signing_key_max_age cannot be 3651", "a whole number of days"]),
        ({"monitoring": "some"}, ["key monitoring cannot be 'some'", "on or off"]),
        ({"log_level": "info"}, ["key log_level cannot be 'info'", "DEBUG or INFO or WARNING or ERROR or CRITICAL"]),
        ({"log_level": "TRACE"}, ["key log_level cannot be 'TRACE'", "DEBUG or INFO"]),
    ],
    ids=lambda part: json.dumps(part) if isinstance(part, dict) else "",
)
def test_refusal_names_the_key_and_what_it_takes(context: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        Config.from_context(context)
    for word in words:
        assert word in str(refused.value)


def test_user_pool_of_another_region_is_refused() -> None:
    config = Config.from_context({"user_pool_id": "eu-west-1_AbCdEfGhI"})
    config.check_region("eu-west-1")
    config.check_region("")
    with pytest.raises(InvalidConfiguration, match="it takes a pool in us-east-1, the Region of the stack"):
        config.check_region("us-east-1")


def test_key_of_the_bucket_must_be_in_the_region_of_the_stack() -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/0f"
    config = Config.from_context({"bucket_name": "their-bucket", "bucket_key_arn": key})
    config.check_region("eu-west-1")
    config.check_region("")
    with pytest.raises(InvalidConfiguration, match="it takes a key in eu-north-1, the Region of the stack"):
        config.check_region("eu-north-1")

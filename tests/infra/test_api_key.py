"""When the API key of auth=off expires, which AppSync does not tell anybody."""

import datetime

import pytest

from infra import api_key
from infra.config import InvalidConfiguration
from tests.synthesized import only, synthesized

TODAY = datetime.date(2026, 11, 25)


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("today", "expires"),
    [
        ("2026-11-01", "2027-10-01"),
        ("2026-11-30", "2027-10-01"),
        ("2026-12-01", "2027-11-01"),
        ("2027-01-31", "2027-12-01"),
        ("2027-02-01", "2028-01-01"),
        ("2028-02-29", "2029-01-01"),
    ],
)
def test_without_a_setting_the_key_expires_on_the_same_day_for_all_deployments_of_a_month(
    today: str, expires: str
) -> None:
    assert api_key.expiry("", day(today)) == day(expires)


def test_default_is_always_a_time_that_appsync_takes() -> None:
    for today in (TODAY + datetime.timedelta(days=number) for number in range(4 * 366)):
        assert datetime.timedelta(days=300) < api_key.expiry("", today) - today <= datetime.timedelta(days=365)


@pytest.mark.parametrize("setting", ["2026-11-27", "2027-06-30", "2027-11-25"])
def test_setting_is_the_day(setting: str) -> None:
    assert api_key.expiry(setting, TODAY) == day(setting)


@pytest.mark.parametrize("setting", ["2026-11-24", "2026-11-26", "2027-11-26", "2027-02-30", "0000-00-00"])
def test_day_that_appsync_refuses_is_refused_before_the_deployment(setting: str) -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        api_key.expiry(setting, TODAY)
    assert str(refused.value) == (
        f"The context key api_key_expires cannot be {setting!r}: it takes a date from 2026-11-27 to 2027-11-25, when "
        "the API key of auth=off expires, or nothing for 11 months after each deployment."
    )


@pytest.mark.parametrize(("expires", "warned"), [("2026-11-27", True), ("2026-12-25", True), ("2026-12-26", False)])
def test_key_that_expires_within_a_month_is_announced(expires: str, warned: bool) -> None:
    text = api_key.warning(day(expires), TODAY)
    assert bool(text) == warned
    assert text is None or f"expires on {expires}" in text


def test_template_and_output_name_the_day() -> None:
    expires = synthesized("auth-off")["Outputs"]["ApiKeyExpires"]["Value"]
    midnight = datetime.datetime.combine(day(expires), datetime.time(), datetime.UTC)
    assert only("AWS::AppSync::ApiKey", "auth-off")[1]["Expires"] == midnight.timestamp()
    assert "ApiKeyExpires" not in synthesized("default")["Outputs"]

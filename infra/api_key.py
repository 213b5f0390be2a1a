"""When the API key of an API without users expires."""

import datetime

from infra.config import InvalidConfiguration

# https://docs.aws.amazon.com/appsync/latest/APIReference/API_CreateApiKey.html
SOONEST, LATEST = datetime.timedelta(days=2), datetime.timedelta(days=365)
NEAR = datetime.timedelta(days=30)


def expiry(setting: str, today: datetime.date) -> datetime.date:
    """Return the day on which the key expires, at 0:00 UTC: the setting `api_key_expires` or, if it is empty, the first
    day of a month, 11 months from now.

    So templates differ once a month instead of at every synth, and each month's first deployment renews the key.

    Raises InvalidConfiguration if the setting is not a date that AppSync takes.
    """
    if not setting:
        months = today.year * 12 + (today.month - 1) + 11
        return datetime.date(months // 12, months % 12 + 1, 1)
    try:
        day = datetime.date.fromisoformat(setting)
    except ValueError:
        day = today
    if not today + SOONEST <= day <= today + LATEST:
        raise InvalidConfiguration(
            f"The context key api_key_expires cannot be {setting!r}: it takes a date from {today + SOONEST} to "
            f"{today + LATEST}, when the API key of auth=off expires, or nothing for 11 months after each deployment."
        )
    return day


def warning(day: datetime.date, today: datetime.date) -> str | None:
    """Return what to tell the owner of a key that expires soon."""
    if day - today > NEAR:
        return None
    return f"The API key expires on {day}, and then the API refuses every request: choose a later api_key_expires."

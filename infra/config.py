"""The configuration: every key of the CDK context that this application reads."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from infra import access_rules
from infra.access_rules import InvalidRule
from resolvers.access import AccessRules, Rule

# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
MAX_PUBLIC_KEYS_IN_A_GROUP = 5
_KEY_NAME = r"[A-Za-z0-9-]{1,40}"
_KEY_NAMES = "names of at most 40 letters, digits and hyphens, comma-separated"
_FORMER_NAMES = {"edge_origin": "cdn_url"}
EVERYTHING = Rule("anyone", ("read", "write", "delete"), "")
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_RETENTIONS = f"a number of days that CloudWatch can keep logs: {', '.join(map(str, RETENTION_DAYS))}"
KEY_ALGORITHMS = ("ecdsa-p256", "rsa-2048", "rsa-2048-sha1")


class InvalidConfiguration(ValueError):
    """A context key is unknown or its value invalid; the message names the key, the value and what the key takes."""


@dataclass(frozen=True)
class KeyGeneration:
    """A signing key as the configuration names it: its name, never used again, and its algorithm."""

    name: str
    algorithm: str


def _on_or_off(value: object) -> bool:
    words = {"on": True, "true": True, "off": False, "false": False}
    word = str(value).lower()
    if word not in words:
        raise ValueError(word)
    return words[word]


def _digits(value: object) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"\d+", str(value)):
        raise ValueError(str(value))
    return int(str(value))


def _days_that_logs_can_keep(days: int) -> int:
    if days not in RETENTION_DAYS:
        raise ValueError(days)
    return days


def _matching(pattern: str, takes: str) -> Any:
    return Field(pattern=rf"\A(?:{pattern})\Z", description=takes)


_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
# What each value must be. The description ends the message that refuses another: "The key … cannot be …: it takes …"
OnOff = Annotated[bool, BeforeValidator(_on_or_off), Field(description="on or off")]
Digits = Annotated[int, BeforeValidator(_digits)]
Lifetime = Annotated[Digits, Field(ge=1, le=604_800, description="a whole number of seconds from 1 to 604800, a week")]
Access = Annotated[AccessRules, BeforeValidator(access_rules.parse)]
UploadSize = Annotated[
    Digits,
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
    Field(ge=1, le=5 * 1024**4, description="a whole number of bytes from 1 to 5497558138880, S3's 5 TiB"),
]
KeyAge = Annotated[Digits, Field(le=3650, description="a whole number of days from 0, which turns it off, to 3650")]
UpToADay = Annotated[Digits, Field(le=86_400, description="a whole number of seconds from 0 to 86400, a day")]
StackName = Annotated[
    str,
    _matching(
        # SSM refuses the first two in any case, S3 the next three: CloudFormation names the buckets after the stack.
        r"(?i:(?!aws|ssm|xn--|sthree-|amzn-s3-demo-|cdktoolkit\Z))[A-Za-z][A-Za-z0-9-]{0,60}",
        "at most 61 letters, digits and hyphens, starting with a letter, but not with aws, ssm, xn--, sthree- or "
        "amzn-s3-demo- in any case, and not CDKToolkit",
    ),
]
Folder = Annotated[
    str,
    _matching(
        # https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_Origin.html, with the slash before it
        r"(?=.{1,254}\Z)(?!\.)[A-Za-z0-9._-]+(/(?!\.)[A-Za-z0-9._-]+)*",
        "a folder such as files or public/files, without a slash at either end, at most 254 characters",
    ),
]
HostName = Annotated[
    str,
    _matching(
        # CloudFront refuses the domains that it hands out itself.
        rf"|(?=.{{1,253}}\Z)(?!.*\.cloudfront\.net\Z)({_LABEL}\.)+(?!\d+\Z){_LABEL}",
        "a host name of your own such as files.example.com",
    ),
]
Email = Annotated[
    str,
    _matching(r"|[^\s@,;<>\x00-\x1f]{1,64}@[^\s@,;<>\x00-\x1f]{1,189}", "an e-mail address such as ops@example.com"),
]
DistributionId = Annotated[str, _matching(r"|[A-Z0-9]{12,14}", "the output DistributionId, such as E1A2B3C4D5E6F7")]
# Compared with today in `infra.api_key`.
Day = Annotated[str, _matching(r"|[0-9]{4}-[0-9]{2}-[0-9]{2}", "a date such as 2027-06-30")]
# https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UserPoolType.html
UserPoolId = Annotated[
    str,
    _matching(r"|[a-z]{2,}(-[a-z]+)+-[0-9]_[0-9A-Za-z]{1,46}", "the id of a user pool such as eu-west-1_AbCdEfGhI"),
]
BackupDays = Annotated[
    Digits,
    # https://docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html
    Field(ge=1, le=36_500, description="a whole number of days from 1 to 36500, a hundred years"),
]
BucketName = Annotated[
    str,
    _matching(
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, without dots: certificates for
        # host names such as bucket.s3.amazonaws.com cover one label.
        r"|(?!xn--|sthree-|amzn-s3-demo-)(?!.*(-s3alias|--ol-s3|--x-s3|--table-s3)\Z)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
        "the name of an existing bucket: 3 to 63 lowercase letters, digits and hyphens",
    ),
]
KeyArn = Annotated[
    str,
    _matching(
        r"|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9A-Za-z-]+",
        "the ARN of a KMS key such as arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ),
]
CertificateArn = Annotated[
    str,
    _matching(
        r"|arn:aws[a-z-]*:acm:us-east-1:[0-9]{12}:certificate/[0-9A-Za-z_-]+",
        "the ARN of an ACM certificate in us-east-1, the only Region in which CloudFront finds it",
    ),
]
WebAclArn = Annotated[
    str,
    _matching(
        r"|arn:aws[a-z-]*:wafv2:us-east-1:[0-9]{12}:global/webacl/[0-9A-Za-z_-]+/[0-9a-f-]+",
        "the ARN of a web ACL with the scope CLOUDFRONT, which is in us-east-1",
    ),
]
Concurrency = Annotated[Digits, Field(le=1000, description="a whole number from 1 to 1000, or 0 to reserve nothing")]
# https://docs.aws.amazon.com/waf/latest/APIReference/API_RateBasedStatement.html
WafRateLimit = Annotated[
    Digits, Field(ge=10, le=2_000_000_000, description="a whole number of requests from 10 to 2000000000")
]
LogRetention = Annotated[Digits, AfterValidator(_days_that_logs_can_keep), Field(description=_RETENTIONS)]
# Browsers lower the case of a host and drop the port that its scheme implies; the signature covers both.
BaseUrl = Annotated[
    str,
    _matching(
        r"|(?=.{1,300}\Z)(http(?!.*:80\Z)|https(?!.*:443\Z))"
        rf"://({_LABEL}(\.{_LABEL})*|\[[0-9a-f:]+\])(:{_PORT})?",
        "scheme and host as browsers write them, such as https://files.example.com, without a path",
    ),
]


class Config(BaseModel):
    """The settings. The defaults are the secure ones; `cdk.json` repeats them so that users can see them."""

    model_config = ConfigDict(frozen=True, regex_engine="python-re", arbitrary_types_allowed=True)

    stack_name: StackName = "PrivateFiles"
    environment: str = ""  # `infra.environments` reads its settings
    auth: OnOff = True
    user_pool_id: UserPoolId = ""
    mfa: Literal["off", "optional", "required"] = "optional"
    ignore_email_case: OnOff = True
    access: Access = AccessRules()
    api_key_expires: Day = ""
    rest: OnOff = False
    uploads: OnOff = False
    upload_max_size: UploadSize = 5 * 1024**3
    bucket_name: BucketName = ""
    bucket_key_arn: KeyArn = ""
    files_folder: Folder = "files"
    url_lifetime: Lifetime = 900
    url_lifetime_min: Lifetime = 1
    url_lifetime_max: Lifetime = 3600
    url_window: UpToADay = 300
    custom_domain: HostName = ""
    certificate_arn: CertificateArn = ""
    cdn_url: BaseUrl = ""
    signing_keys: str = "1"
    key_settling: UpToADay = 600
    revoke: str = ""
    signing_key_max_age: KeyAge = 365
    retain_data: OnOff = True
    backup: OnOff = False
    backup_retention: BackupDays = 35
    architecture: Literal["arm64", "x86_64"] = "arm64"
    snap_start: OnOff = False
    monitoring: OnOff = True
    alarm_email: Email = ""
    distribution_id: DistributionId = ""
    tracing: OnOff = False
    frontend: OnOff = False
    introspection: OnOff = True
    reserved_concurrency: Concurrency = 50
    waf: OnOff = False
    waf_rate_limit: WafRateLimit = 3000
    web_acl_arn: WebAclArn = ""
    access_logs: OnOff = True
    log_retention: LogRetention = 90
    log_key: OnOff = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Config:
        """Return the configuration in this CDK context; `-c key=value` gives text, `cdk.json` has types.

        Raises InvalidConfiguration for an invalid value, or a key that looks like a misspelt one of these.
        """
        for key in context:
            if key not in cls.model_fields and (meant := cls._meant_by(key)):
                raise InvalidConfiguration(f"The context key {key} is unknown. Did you mean {meant}?")
        try:
            return cls(**{key: context[key] for key in cls.model_fields if key in context})
        except ValidationError as invalid:
            error = invalid.errors()[0]
        if isinstance(cause := error.get("ctx", {}).get("error"), InvalidRule):
            raise InvalidConfiguration(f"The context key access cannot be used. {cause}")
        if not error["loc"]:
            raise error["ctx"]["error"]  # from one of the validators below, with its own message
        key = str(error["loc"][0])
        field = cls.model_fields[key]
        takes = field.description or " or ".join(get_args(field.annotation))
        if error["type"] == "string_type":
            takes = "text"
        raise _invalid(key, error["input"], takes)

    @classmethod
    def _meant_by(cls, key: str) -> str | None:
        # Others write to the context, too: `cdk acknowledge`, `cdk cli-telemetry` and other constructs. The keys of the
        # CDK itself contain a colon or start with an at sign.
        if ":" in key or key.startswith("@"):
            return None
        if key in _FORMER_NAMES:
            return _FORMER_NAMES[key]
        names = {_letters(name): name for name in cls.model_fields}
        close = difflib.get_close_matches(_letters(key), names, n=1, cutoff=0.81)
        swapped = [name for name in names if sorted(name) == sorted(_letters(key))]
        return next((names[name] for name in (*close, *swapped)), None)

    def check_region(self, region: str) -> None:
        """Raise InvalidConfiguration if a setting does not fit the stack's Region; an empty one is unknown."""
        if self.user_pool_id and region and self.user_pool_id.partition("_")[0] != region:
            takes = f"a pool in {region}, the Region of the stack"
            raise _invalid("user_pool_id", self.user_pool_id, takes)
        if self.bucket_key_arn and region and self.bucket_key_arn.split(":")[3] != region:
            raise _invalid("bucket_key_arn", self.bucket_key_arn, f"a key in {region}, the Region of the stack")
        if self.distribution_id and region == "us-east-1":
            raise InvalidConfiguration(
                "distribution_id is for a stack in another Region; in us-east-1 the stack itself has the alarms on "
                "CloudFront: remove distribution_id."
            )

    @property
    def key_generations(self) -> list[KeyGeneration]:
        """The signing keys, oldest → newest: `1,2:rsa-2048` is an ECDSA P-256 key and, after it, an RSA-2048 key."""
        pairs = (entry.strip().partition(":") for entry in self.signing_keys.split(","))
        return [KeyGeneration(name, algorithm or KEY_ALGORITHMS[0]) for name, _, algorithm in pairs]

    @property
    def revoked(self) -> list[str]:
        """The names of signing keys that may be removed although URLs still need them."""
        return [name.strip() for name in self.revoke.split(",") if name.strip()]

    @property
    def effective_access(self) -> AccessRules:
        """The access rules; with uploads and without rules, every caller may do everything."""
        return self.access if self.access.rules or not self.uploads else AccessRules((EVERYTHING,))

    @property
    def longest_url(self) -> int:
        """The longest life of a URL, in seconds."""
        return self.url_lifetime_max + self.url_window

    @model_validator(mode="after")
    def _check_signing_keys(self) -> Config:
        names = [generation.name for generation in self.key_generations]
        for generation in self.key_generations:
            if not re.fullmatch(_KEY_NAME, generation.name):
                raise _invalid("signing_keys", generation.name, _KEY_NAMES)
            if generation.algorithm not in KEY_ALGORITHMS:
                raise _invalid("signing_keys", generation.algorithm, " or ".join(KEY_ALGORITHMS))
        for name in self.revoked:
            if not re.fullmatch(_KEY_NAME, name):
                raise _invalid("revoke", name, _KEY_NAMES)
        if kept := set(names) & set(self.revoked):
            raise _invalid(
                "revoke", self.revoke, f"keys no longer in signing_keys, which still holds {', '.join(kept)}"
            )
        if len(set(names)) != len(names):
            raise _invalid("signing_keys", self.signing_keys, "each name once")
        if len(names) > MAX_PUBLIC_KEYS_IN_A_GROUP:
            raise _invalid(
                "signing_keys",
                self.signing_keys,
                f"at most {MAX_PUBLIC_KEYS_IN_A_GROUP} keys, the limit of a key group",
            )
        return self

    @model_validator(mode="after")
    def _check_combinations(self) -> Config:
        if not self.url_lifetime_min <= self.url_lifetime <= self.url_lifetime_max:
            bounds = f"url_lifetime_min to url_lifetime_max, {self.url_lifetime_min} to {self.url_lifetime_max}"
            raise _invalid("url_lifetime", self.url_lifetime, f"seconds from {bounds}")
        access_rules.check_principals(self.access, auth=self.auth)
        if self.user_pool_id and not self.auth:
            raise InvalidConfiguration("user_pool_id is set, but with auth=off there are no users: remove one of them.")
        if self.bucket_key_arn and not self.bucket_name:
            raise InvalidConfiguration(
                "bucket_key_arn is set and bucket_name is not: the stack's own bucket has a key of its own."
            )
        domain = {"custom_domain": self.custom_domain, "certificate_arn": self.certificate_arn}
        for given, missing in (list(domain), list(domain)[::-1]):
            if domain[given] and not domain[missing]:
                raise InvalidConfiguration(f"{given} is set and {missing} is not; CloudFront needs both or neither.")
        return self


def _letters(key: str) -> str:
    return re.sub(r"[-_. ]", "", key).lower()


def _invalid(key: str, value: object, takes: str) -> InvalidConfiguration:
    return InvalidConfiguration(f"The context key {key} cannot be {value!r}: it takes {takes}.")

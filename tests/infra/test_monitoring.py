"""What is watched: every alarm, the topic, the dashboard and the saved queries, and that each watches what exists."""

import importlib
import io
import json
import re
from types import SimpleNamespace
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Annotations, Match, Template

from infra.config import Config, InvalidConfiguration
from infra.edge_stack import EdgeStack, announce_edge_stack
from resolvers.appsync import UnknownField
from resolvers.aws_http import RequestFailed
from tests import PROJECT, emf
from tests.lambda_events import Context, appsync_event
from tests.signing_keys import P256, pem, public_key_sha256
from tests.synthesized import Resource, only, plain, resources, synthesized

ALARM = "AWS::CloudWatch::Alarm"
OF_A_REQUEST = "Sum >= 1 in 1 of 1 x 300 s, else notBreaching"
TWO_OF_THREE = "Sum >= 1 in 2 of 3 x 300 s, else notBreaching"
SLOW = "p99 >= 27000 in 1 of 1 x 300 s, else notBreaching"
COMPARISONS = {"GreaterThanOrEqualToThreshold": ">=", "GreaterThanThreshold": ">"}
OF_DEPLOYMENTS = {
    "MintFunctionFailed": f"PrivateFiles/Failed {OF_A_REQUEST}",
    "MintFunctionErrors": f"AWS/Lambda/Errors {OF_A_REQUEST}",
    "RotationFunctionFailed": f"PrivateFiles/Failed {OF_A_REQUEST}",
    "RotationFunctionErrors": f"AWS/Lambda/Errors {OF_A_REQUEST}",
}
OF_REQUESTS = {
    f"{name}{kind}": watched
    for name in ("FilesFunction", "UrlFunction")
    for kind, watched in (
        ("Failed", f"PrivateFiles/Failed {OF_A_REQUEST}"),
        ("Throttles", f"AWS/Lambda/Throttles {OF_A_REQUEST}"),
        ("Slow", f"AWS/Lambda/Duration {SLOW}"),
        ("Down", "IF(calls >= 10 AND errors == calls, 1, 0) >= 1 in 3 of 3, else notBreaching"),
    )
}
OF_THE_EDGE = {
    "EdgeErrors": "IF(requests >= 100, rate, 0) >= 5 in 3 of 3, else notBreaching",
    "EdgeRefusals": "IF(requests >= 100, rate, 0) >= 50 in 3 of 3, else notBreaching",
}
OF_THE_STACK = {
    "SigningKeyUnavailable": f"PrivateFiles/SigningKeyUnavailable {OF_A_REQUEST}",
    "SigningKeyOld": "PrivateFiles/SigningKeyAgeDays Minimum > 365 in 1 of 1 x 86400 s, else ignore",
    "GraphqlErrors": f"AWS/AppSync/5XXError {TWO_OF_THREE}",
}
OF_UPLOADS = {key.replace("Files", "Upload"): value for key, value in OF_REQUESTS.items() if "Files" in key}


def alarms(variant: str = "default") -> dict[str, Resource]:
    """The properties of every alarm, by its name without the stack's."""
    found = [resource["Properties"] for resource in resources(ALARM, variant).values()]
    return {properties["AlarmName"].removeprefix("PrivateFiles-"): properties for properties in found}


def condition(alarm: Resource) -> str:
    """When the alarm starts, in one line."""
    if "Metrics" in alarm:
        [watched] = [each["Expression"] for each in alarm["Metrics"] if each.get("ReturnData", True)]
        period = ""
    else:
        statistic = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        watched, period = f"{alarm['Namespace']}/{alarm['MetricName']} {statistic}", f" x {alarm['Period']} s"
    comparison = f"{COMPARISONS[alarm['ComparisonOperator']]} {alarm['Threshold']}"
    within = f"{alarm['DatapointsToAlarm']} of {alarm['EvaluationPeriods']}{period}"
    return f"{watched} {comparison} in {within}, else {alarm['TreatMissingData']}"


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("default", OF_DEPLOYMENTS | OF_REQUESTS | OF_THE_STACK | OF_THE_EDGE),
        (
            "watched",
            OF_DEPLOYMENTS
            | OF_REQUESTS
            | OF_UPLOADS
            | OF_THE_STACK
            | OF_THE_EDGE
            | {"HttpErrors": f"AWS/ApiGateway/5xx {TWO_OF_THREE}"},
        ),
    ],
)
def test_every_alarm_starts_exactly_then(variant: str, expected: dict[str, str]) -> None:
    assert {name: condition(alarm) for name, alarm in alarms(variant).items()} == expected


def test_alarms_notify_the_topic_when_they_start_and_when_they_end() -> None:
    topic, _ = only("AWS::SNS::Topic")
    for alarm in alarms().values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]
        assert alarm.get("ActionsEnabled", True)


def anchors() -> set[str]:
    headings = re.findall(r"^## (.+)$", (PROJECT / "docs" / "runbook.md").read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_alarm_says_what_it_means_and_names_its_section_of_the_runbook_which_has_no_other() -> None:
    named = set()
    for name, alarm in alarms("watched").items():
        meaning, _, section = alarm["AlarmDescription"].partition(" What to do: docs/runbook.md#")
        assert meaning.endswith("."), name
        named.add(section)
    assert named == anchors() - {"if-it-fails"}


# That each alarm watches a metric that exists


def emitted(handler: str, environment: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the function with this environment, and have it fail: the key cannot be read, then nothing works."""
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    module = importlib.import_module(f"resolvers.{handler}")
    importlib.reload(module)
    module.logger.registered_handler.setStream(io.StringIO())
    if handler in ("signing_key_handler", "rotation_handler"):
        monkeypatch.setattr("resolvers.custom_resource._put", lambda *_: None)
        event = dict.fromkeys(("StackId", "RequestId", "LogicalResourceId", "ResponseURL"), "")
        module.handler({"RequestType": "Update", **event}, Context())
        return
    if handler == "url_handler":
        keys = f"K1 0 ecdsa-p256 /1 {public_key_sha256(P256)}, K2 0 ecdsa-p256 /2 0"
        for name in ("URL_LIFETIME", "URL_LIFETIME_MIN", "URL_LIFETIME_MAX", "URL_WINDOW"):
            monkeypatch.setenv(name, "1")
        monkeypatch.setenv("CDN_URL", "https://files.example.com")
        monkeypatch.setenv("SIGNING_KEYS", keys)
        monkeypatch.setenv("ACCESS", "no rules")

        def read(parameter: str, _seconds: float) -> str:
            if parameter == "/2":
                raise RequestFailed("AccessDeniedException", "", transient=False)
            return pem(P256).decode()

        monkeypatch.setattr(module, "Parameters", lambda _: SimpleNamespace(read=read))
        module.handler(appsync_event("getUrl", {"file": "a"}), Context())
    with pytest.raises(UnknownField, match=r"^a-function does not resolve Query\.noSuchField;"):
        module.handler(appsync_event("noSuchField", {}), Context())


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What the functions of the stack really print, each with the environment that its template gives it."""
    for name in ("error_metrics", "key_store", "custom_resource"):
        importlib.import_module(f"resolvers.{name}").logger.registered_handler.setStream(io.StringIO())
    for resource in resources("AWS::Lambda::Function", "watched").values():
        handler = resource["Properties"]["Handler"].split(".")
        if handler[0] == "resolvers":
            environment = resource["Properties"]["Environment"]["Variables"]
            texts = {name: value for name, value in environment.items() if isinstance(value, str)}
            emitted(handler[1], texts, monkeypatch)
    return capsys.readouterr().out


def test_every_alarm_on_our_own_metrics_watches_one_that_a_function_really_writes(printed: str) -> None:
    own_metrics = set(emf.metrics(printed))
    watched = {
        emf.Metric(alarm["Namespace"], alarm["MetricName"], tuple((d["Name"], d["Value"]) for d in alarm["Dimensions"]))
        for alarm in alarms("watched").values()
        if alarm.get("Namespace") == "PrivateFiles"
    }
    assert len(watched) == 7
    assert watched <= own_metrics
    searched = {metric for metric in own_metrics if [name for name, _ in metric.dimensions] == ["reason", "service"]}
    assert {metric.name for metric in searched} == {"Failed"}


def test_alarms_on_metrics_of_aws_name_resources_of_this_stack() -> None:
    found = synthesized("watched")["Resources"]
    kinds = {
        "AWS/Lambda": ("FunctionName", "AWS::Lambda::Function"),
        "AWS/AppSync": ("GraphQLAPIId", "AWS::AppSync::GraphQLApi"),
        "AWS/ApiGateway": ("ApiId", "AWS::ApiGatewayV2::Api"),
    }
    for name, alarm in alarms("watched").items():
        if alarm.get("Namespace") in kinds:
            [dimension] = alarm["Dimensions"]
            key, kind = kinds[alarm["Namespace"]]
            [resource] = re.findall(r"\$\{(\w+)", plain(dimension["Value"]))
            assert (dimension["Name"], found[resource]["Type"]) == (key, kind), name
            if kind.startswith("AWS::Lambda"):
                assert re.sub("Errors|Throttles|Slow", "", name) in resource


def test_alarm_on_a_function_that_only_fails_compares_its_own_calls_and_errors() -> None:
    for name in ("FilesFunction", "UrlFunction", "UploadFunction"):
        queries = alarms("watched")[f"{name}Down"]["Metrics"]
        stats = {each["Id"]: each["MetricStat"] for each in queries if "MetricStat" in each}
        metrics = {key: (stat["Metric"]["MetricName"], stat["Stat"], stat["Period"]) for key, stat in stats.items()}
        assert metrics == {"calls": ("Invocations", "Sum", 300), "errors": ("Errors", "Sum", 300)}
        for stat in stats.values():
            [dimension] = stat["Metric"]["Dimensions"]
            assert dimension["Name"] == "FunctionName" and name in dimension["Value"]["Ref"]


# CloudFront


def of_the_edge(alarm: Resource, distribution: Any) -> None:
    rate, requests = (each["MetricStat"] for each in alarm["Metrics"] if "MetricStat" in each)
    dimensions = [{"Name": "DistributionId", "Value": distribution}, {"Name": "Region", "Value": "Global"}]
    for stat in (rate, requests):
        assert (stat["Period"], stat["Metric"]["Namespace"]) == (300, "AWS/CloudFront")
        assert stat["Metric"]["Dimensions"] == dimensions
    assert (requests["Metric"]["MetricName"], requests["Stat"]) == ("Requests", "Sum")
    assert rate["Stat"] == "Average"


def test_alarms_on_cloudfront_are_created_only_in_us_east_1_where_its_metrics_are() -> None:
    distribution, _ = only("AWS::CloudFront::Distribution")
    here = {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}
    conditions = synthesized("default")["Conditions"]
    for resource in resources(ALARM).values():
        is_edge = resource["Properties"]["AlarmName"].startswith("PrivateFiles-Edge")
        assert ("Condition" in resource) == is_edge
        if is_edge:
            assert conditions[resource["Condition"]] == here
            of_the_edge(resource["Properties"], {"Ref": distribution})
    rates = [alarms()[name]["Metrics"][1]["MetricStat"]["Metric"]["MetricName"] for name in OF_THE_EDGE]
    assert rates == ["5xxErrorRate", "4xxErrorRate"]


def test_stack_in_us_east_1_watches_the_distribution_of_a_stack_elsewhere() -> None:
    app = cdk.App()
    config = Config.from_context({"distribution_id": "E1A2B3C4D5E6F7", "alarm_email": "ops@example.com"})
    stack = EdgeStack(app, config=config)
    assert (stack.stack_name, stack.region) == ("PrivateFiles-us-east-1", "us-east-1")
    template = Template.from_stack(stack)
    found = [each["Properties"] for each in template.find_resources(ALARM).values()]
    # Names of their own: a stack of the same name in us-east-1 has these alarms, too.
    assert [alarm["AlarmName"] for alarm in found] == [f"PrivateFiles-us-east-1-{name}" for name in OF_THE_EDGE]
    assert [condition(alarm) for alarm in found] == list(OF_THE_EDGE.values())
    for alarm in found:
        of_the_edge(alarm, "E1A2B3C4D5E6F7")
    template.resource_count_is("AWS::SNS::Topic", 1)
    template.has_resource_properties("AWS::SNS::Subscription", {"Protocol": "email", "Endpoint": "ops@example.com"})


def test_distribution_id_is_refused_where_the_stack_has_the_alarms_itself() -> None:
    config = Config.from_context({"distribution_id": "E1A2B3C4D5E6F7"})
    config.check_region("")
    config.check_region("eu-west-1")
    with pytest.raises(InvalidConfiguration, match="in us-east-1 the stack itself has the alarms"):
        config.check_region("us-east-1")


@pytest.mark.parametrize(
    ("region", "context", "told"),
    [
        ("eu-west-1", {}, True),
        ("us-east-1", {}, False),
        ("", {}, False),
        ("eu-west-1", {"monitoring": "off"}, True),  # the access log of CloudFront is there, too
        ("eu-west-1", {"monitoring": "off", "access_logs": "off"}, False),
        ("eu-west-1", {"distribution_id": "E1A2B3C4D5E6F7"}, False),
    ],
)
def test_stack_in_another_region_says_how_to_have_alarms_on_cloudfront(
    region: str, context: dict[str, str], *, told: bool
) -> None:
    stack = cdk.Stack()
    announce_edge_stack(stack, config=Config.from_context(context), region=region)
    command = "cdk deploy PrivateFiles-us-east-1 -c distribution_id="
    found = Annotations.from_stack(stack).find_info("*", Match.string_like_regexp(re.escape(command)))
    assert bool(found) is told


# The topic


def test_only_alarms_of_this_account_may_publish_and_only_with_tls() -> None:
    topic, _ = only("AWS::SNS::Topic")
    _, properties = only("AWS::SNS::TopicPolicy")
    assert properties["Topics"] == [{"Ref": topic}]
    denied, allowed = plain(properties["PolicyDocument"]["Statement"])
    assert (denied["Effect"], denied["Principal"], denied["Condition"]) == (
        "Deny", "*", {"Bool": {"aws:SecureTransport": "false"}},
    )  # fmt: skip
    # Without this, the policy would refuse the alarms, too: it replaces the topic's default policy.
    assert (allowed["Effect"], allowed["Principal"]) == ("Allow", {"Service": "cloudwatch.amazonaws.com"})
    assert (allowed["Action"], allowed["Resource"]) == ("sns:Publish", f"${{{topic}}}")
    assert allowed["Condition"] == {
        "ArnLike": {"aws:SourceArn": "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"},
        "StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"},
    }


def test_topic_has_no_key_that_cloudwatch_may_not_use() -> None:
    _, properties = only("AWS::SNS::Topic")
    assert properties == {"TopicName": "PrivateFiles-alarms"}


def test_alarm_email_is_subscribed_and_without_it_nobody_is() -> None:
    _, subscription = only("AWS::SNS::Subscription", "watched")
    topic, _ = only("AWS::SNS::Topic", "watched")
    assert subscription == {"Endpoint": "ops@example.com", "Protocol": "email", "TopicArn": {"Ref": topic}}
    assert resources("AWS::SNS::Subscription") == {}


# The dashboard


def dashboard(variant: str = "default") -> list[Resource]:
    _, properties = only("AWS::CloudWatch::Dashboard", variant)
    widgets: list[Resource] = json.loads(plain(properties["DashboardBody"]))["widgets"]
    return widgets


def shown(variant: str = "default") -> dict[str, list[str]]:
    """The metrics of each graph by its title, with the Region if it is not the stack's."""
    graphs = [widget["properties"] for widget in dashboard(variant) if widget["type"] == "metric"]
    return {graph["title"]: [described(metric) for metric in graph["metrics"]] for graph in graphs}


def described(metric: list[Any]) -> str:
    if isinstance(metric[0], dict):
        return str(metric[0]["expression"])
    options = metric[-1] if isinstance(metric[-1], dict) else {}
    where = f" in {options['region']}" if "region" in options else ""
    of = "" if metric[0].startswith("AWS/") else f" of {metric[3]}"
    return f"{metric[0]}/{metric[1]}{of}{where}"


def test_dashboard_shows_what_tells_us_the_edge_and_s3_apart() -> None:
    functions = 4
    assert shown() == {
        "Served": ["PrivateFiles/UrlsSigned of url_handler", "PrivateFiles/FilesListed of files_handler"],
        "Refused, by reason": ["SEARCH('{\"PrivateFiles\",reason,service} MetricName=\"Refused\"', 'Sum', 300)"],
        "Failed, by reason": ["SEARCH('{\"PrivateFiles\",reason,service} MetricName=\"Failed\"', 'Sum', 300)"],
        "Us: functions not started": ["AWS/Lambda/Throttles"] * functions,
        "Us: duration p99": ["AWS/Lambda/Duration"] * functions,
        "Us: errors of the APIs": ["AWS/AppSync/5XXError", "AWS/AppSync/4XXError"],
        "The edge: requests": ["AWS/CloudFront/Requests in us-east-1"],
        "The edge: percentage of errors": [
            "AWS/CloudFront/4xxErrorRate in us-east-1",
            "AWS/CloudFront/5xxErrorRate in us-east-1",
        ],
        "The edge: bytes sent": ["AWS/CloudFront/BytesDownloaded in us-east-1"],
        "S3: files and their versions": ["AWS/S3/NumberOfObjects"],
        "S3: bytes": ["AWS/S3/BucketSizeBytes"],
        "The signing key: days in use, and failures to read it": [
            "PrivateFiles/SigningKeyAgeDays of url_handler",
            "PrivateFiles/SigningKeyUnavailable of url_handler",
        ],
    }
    with_everything = shown("watched")
    assert with_everything["Us: errors of the APIs"][2:] == ["AWS/ApiGateway/5xx", "AWS/ApiGateway/4xx"]
    assert "PrivateFiles/UploadsStarted of upload_handler" in with_everything["Served"]


def test_dashboard_shows_the_state_of_every_alarm_that_exists_in_each_region() -> None:
    [widget] = [each["properties"] for each in dashboard() if each["type"] == "alarm"]
    everywhere = {logical_id for logical_id, resource in resources(ALARM).items() if "Condition" not in resource}
    assert set(re.findall(r"\$\{(\w+)\.Arn\}", " ".join(widget["alarms"]))) == everywhere


def test_dashboards_of_two_regions_have_two_names() -> None:
    _, properties = only("AWS::CloudWatch::Dashboard")
    assert plain(properties["DashboardName"]) == "PrivateFiles-${AWS::Region}"


# The saved queries


def test_queries_are_saved_for_the_logs_that_they_read() -> None:
    queries = [each["Properties"] for each in resources("AWS::Logs::QueryDefinition").values()]
    read = {
        query["Name"].removeprefix("PrivateFiles/"): {each["Ref"] for each in query["LogGroupNames"]}
        for query in queries
    }
    functions = [each["Properties"] for each in resources("AWS::Lambda::Function").values()]
    groups = {
        each["Handler"]: each["LoggingConfig"]["LogGroup"]["Ref"] for each in functions if "LoggingConfig" in each
    }
    assert read.pop("Who got a link to this file") == {groups["resolvers.url_handler.handler"]}
    for name in ("Refusals by reason", "Failures", "Slowest calls"):
        assert read.pop(name) == set(groups.values())
    assert set(read) == {"Who opened this file", "Who else used the bucket"}  # of the access logs


def test_query_of_reasons_reads_the_fields_that_the_functions_write(printed: str) -> None:
    [query] = [
        each["Properties"]["QueryString"]
        for each in resources("AWS::Logs::QueryDefinition").values()
        if each["Properties"]["Name"].endswith("by reason")
    ]
    assert {"Refused.0", "service", "reason"} <= set(re.findall(r"[\w.]+", query))
    # Refusals are written as these failures are; `.0` is the first element of a list in Logs Insights.
    failures = [record for line in printed.splitlines() if "reason" in (record := json.loads(line))]
    assert failures
    for record in failures:
        assert isinstance(record["Failed"][0], float) and isinstance(record["service"], str)


# Off


def test_monitoring_off_leaves_nothing() -> None:
    kinds = {resource["Type"] for resource in synthesized("unwatched")["Resources"].values()}
    assert not [kind for kind in kinds if re.match("AWS::(CloudWatch|SNS|Logs::QueryDefinition)", kind)]


# X-Ray


def test_tracing_is_on_for_the_api_and_every_function_by_setting_only() -> None:
    for variant, expected in (("default", None), ("watched", {"Mode": "Active"})):
        functions = [each["Properties"] for each in resources("AWS::Lambda::Function", variant).values()]
        ours = [each for each in functions if each["Handler"].startswith("resolvers.")]
        assert [each.get("TracingConfig") for each in ours] == [expected] * len(ours)
        _, api = only("AWS::AppSync::GraphQLApi", variant)
        assert api.get("XrayEnabled", False) is (expected is not None)

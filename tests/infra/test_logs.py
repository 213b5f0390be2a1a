"""Log groups and access logs in the synthesized stack: what is recorded, for how long, and that it opens no file."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from infra.access_logs import CLOUDFRONT_FIELDS, S3_FIELDS
from infra.config import Config
from infra.edge_stack import EdgeStack
from tests.synthesized import VARIANTS, only, plain, resources, synthesized

# Fields that hold a URL with its query, or a header in which one may be: AWS's names for them.
SECRET_FIELDS = {"cs-uri-query", "cs(Referer)", "cs(Cookie)", "request_uri", "referer"}


@pytest.mark.parametrize("fields", [CLOUDFRONT_FIELDS, S3_FIELDS])
def test_no_field_of_an_access_log_can_hold_a_signed_url(fields: tuple[str, ...]) -> None:
    assert len(set(fields)) == len(fields)
    assert not SECRET_FIELDS.intersection(fields)


def test_requests_to_the_bucket_are_logged_with_who_did_what_to_which_file() -> None:
    bucket_id, _ = only("AWS::S3::Bucket")
    deliveries = [each["Properties"] for each in resources("AWS::Logs::Delivery").values()]
    [delivery] = [each for each in deliveries if each["RecordFields"] == list(S3_FIELDS)]
    sources = resources("AWS::Logs::DeliverySource")
    source = sources[delivery["DeliverySourceName"]["Ref"]]["Properties"]
    assert source["LogType"] == "S3_SERVER_ACCESS_LOGS"
    assert plain(source["ResourceArn"]) == f"${{{bucket_id}.Arn}}"
    assert {"requester", "operation", "key_name", "remote_ip", "http_status"} < set(delivery["RecordFields"])
    destination = resources("AWS::Logs::DeliveryDestination")[delivery["DeliveryDestinationArn"]["Fn::GetAtt"][0]]
    assert destination["Properties"]["OutputFormat"] == "json"
    group, attribute = destination["Properties"]["DestinationResourceArn"]["Fn::GetAtt"]
    assert (group in resources("AWS::Logs::LogGroup"), attribute) == (True, "Arn")


def test_requests_for_files_are_logged_in_us_east_1_with_who_opened_which() -> None:
    deliveries = [each for each in resources("AWS::Logs::Delivery").values() if each.get("Condition")]
    [delivery] = deliveries
    assert delivery["Properties"]["RecordFields"] == list(CLOUDFRONT_FIELDS)
    assert {"c-ip", "cs-uri-stem", "sc-status", "date", "time", "sc-range-start"} < set(CLOUDFRONT_FIELDS)
    source = resources("AWS::Logs::DeliverySource")[delivery["Properties"]["DeliverySourceName"]["Ref"]]
    distribution_id, _ = only("AWS::CloudFront::Distribution")
    assert source["Properties"]["LogType"] == "ACCESS_LOGS"
    arn = f"arn:${{AWS::Partition}}:cloudfront::${{AWS::AccountId}}:distribution/${{{distribution_id}}}"
    assert plain(source["Properties"]["ResourceArn"]) == arn
    conditions = synthesized("default")["Conditions"]
    assert conditions[delivery["Condition"]] == {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}
    of_the_log = [
        each["Condition"] for name, each in synthesized("default")["Resources"].items() if "CdnAccess" in name
    ]
    assert of_the_log == [delivery["Condition"]] * 6


def test_another_region_gets_the_same_log_by_a_stack_in_us_east_1(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path))
    edge = EdgeStack(app, config=Config(distribution_id="E1ABCDEFGHIJKL", retain_data=True))
    found = app.synth().get_stack_by_name(edge.stack_name).template["Resources"].values()
    [delivery] = [each for each in found if each["Type"] == "AWS::Logs::Delivery"]
    assert delivery["Properties"]["RecordFields"] == list(CLOUDFRONT_FIELDS)
    [source] = [each for each in found if each["Type"] == "AWS::Logs::DeliverySource"]
    assert plain(source["Properties"]["ResourceArn"]).endswith(":distribution/E1ABCDEFGHIJKL")
    assert edge.termination_protection is True


def test_queries_for_who_opened_a_file_are_saved_with_the_log_that_they_search() -> None:
    queries = {
        each["Properties"]["Name"]: each["Properties"] for each in resources("AWS::Logs::QueryDefinition").values()
    }
    groups = resources("AWS::Logs::LogGroup")
    for name, owner in (("Who opened this file", "CdnAccess"), ("Who else used the bucket", "FilesAccess")):
        [group] = queries[f"PrivateFiles/{name}"]["LogGroupNames"]
        assert group["Ref"] in groups
        assert owner in group["Ref"]


def test_only_deliveries_of_this_account_may_write_to_the_log_group_of_an_access_log() -> None:
    for policy in resources("AWS::Logs::ResourcePolicy").values():
        [statement] = json.loads(plain(policy["Properties"]["PolicyDocument"]))["Statement"]
        assert statement["Principal"] == {"Service": "delivery.logs.amazonaws.com"}
        assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
        assert statement["Resource"].endswith(":log-stream:*")
        assert statement["Condition"] == {
            "StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"},
            "ArnLike": {"aws:SourceArn": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:*"},
        }


def test_a_delivery_is_made_after_its_permission() -> None:
    policies = resources("AWS::Logs::ResourcePolicy")
    for delivery in resources("AWS::Logs::Delivery").values():
        assert policies.keys() & set(delivery["DependsOn"])


def test_without_access_logs_nothing_is_delivered() -> None:
    kinds = {resource["Type"] for resource in synthesized("unwatched")["Resources"].values()}
    assert not {kind for kind in kinds if kind.startswith("AWS::Logs::Delivery") or kind == "AWS::Logs::ResourcePolicy"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_logs_outlive_the_stack_if_its_data_does(variant: str) -> None:
    kept = "Delete" if variant == "throwaway" else "Retain"
    for group in resources("AWS::Logs::LogGroup", variant).values():
        assert (group["DeletionPolicy"], group["UpdateReplacePolicy"]) == (kept, kept)


def test_log_groups_have_a_key_of_their_own_if_log_key_is_on() -> None:
    assert not [group for group in resources("AWS::Logs::LogGroup").values() if "KmsKeyId" in group["Properties"]]
    keys = {plain(group["Properties"]["KmsKeyId"]) for group in resources("AWS::Logs::LogGroup", "watched").values()}
    [key_id] = [name for name in resources("AWS::KMS::Key", "watched") if name.startswith("LogGroups")]
    assert keys == {f"${{{key_id}.Arn}}"}
    key: dict[str, Any] = resources("AWS::KMS::Key", "watched")[key_id]
    assert (key["DeletionPolicy"], key["Properties"]["EnableKeyRotation"]) == ("Retain", True)
    statement = plain(key["Properties"]["KeyPolicy"]["Statement"][-1])
    assert statement["Principal"] == {"Service": "logs.${AWS::Region}.${AWS::URLSuffix}"}
    assert statement["Condition"] == {
        "ArnLike": {
            "kms:EncryptionContext:aws:logs:arn": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:*"
        }
    }

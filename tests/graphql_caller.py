"""A caller of the running stack's GraphQL API, and file names that are easy to get wrong."""

from __future__ import annotations

from typing import Any

from gql import Client, GraphQLRequest
from gql.transport.requests import RequestsHTTPTransport
from pycognito.aws_srp import AWSSRP

from tests.running_stack import Stack

AWKWARD_NAMES = [
    "plain.txt",
    "with space.txt",
    "a+b.txt",
    "100%.txt",
    "100%25.txt",
    "%41.txt",
    "question?.txt",
    "hash#tag.txt",
    "this&that=other.txt",
    'it\'s "quoted".txt',
    "folder/[brackets]/{braces}.txt",
    "back\\slash.txt",
    "été/naïve café.txt",
    "日本語/写真.txt",
    "👩‍🚀 emoji.txt",
    "e\u0301 decomposed.txt",
    "semi;colon,comma:colon@at$dollar!.txt",
    "~tilde_-.txt",
    "...three dots",
]


def sign_in(stack: Stack, pool_id: str = "", client_id: str = "", user: str = "", password: str = "") -> dict[str, Any]:
    """Return the tokens of a user, by default the demo user of the stack."""
    srp = AWSSRP(
        username=user or stack.outputs.demo_user,
        password=password or stack.outputs.demo_password,
        pool_id=pool_id or stack.outputs.user_pool_id,
        client_id=client_id or stack.outputs.user_pool_client_id,
        client=stack.client("cognito-idp"),
    )
    tokens: dict[str, Any] = srp.authenticate_user()["AuthenticationResult"]
    return tokens


def execute(stack: Stack, query: str, headers: dict[str, str], **variables: Any) -> dict[str, Any]:
    """Return the data of a query. Raises gql's TransportQueryError if there are errors."""
    transport = RequestsHTTPTransport(stack.outputs.graphql_url, headers=headers, timeout=30)
    with Client(transport=transport) as session:
        data: dict[str, Any] = session.execute(GraphQLRequest(query, variable_values=variables))
        return data

"""The server keeps what its own OpenAPI description promises, whatever is sent to it."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from minigpt4.serving.engine import Engine
from minigpt4.serving.guard import Keys
from serving.running import serving

KEY = "sk-a-key-for-tests"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def server(model) -> Iterator[Any]:
    with serving(Engine(model, max_batch=8), keys=Keys([KEY])) as running:
        yield running


@pytest.fixture(scope="module")
def description(server) -> Any:
    address = server.base_url.removesuffix("/v1") + "/openapi.json"
    with urllib.request.urlopen(address) as response:
        return json.load(response)


def send_anything(server: Any, description: Any, *, num_examples: int) -> Counter[str]:
    """Send generated requests to every operation; count them, by path and status of the answer."""
    schema: Any = schemathesis.openapi.from_dict(description)
    counted: Counter[str] = Counter()

    for operation in schema.get_all_operations():

        @given(case=operation.ok().as_strategy())
        @settings(
            max_examples=num_examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def send(case: Any) -> None:
            if isinstance(case.body, dict) and "model" in case.body:
                # No generator guesses the model's name or writes a long answer quickly.
                case.body["model"] = "tiny"
                case.body["max_tokens"] = case.body["max_completion_tokens"] = 2
                case.body["num_beams"] = 1
                if counted.total() % 2:
                    # Generated conversations rarely make sense; the other fields are tried too.
                    case.body["messages"] = [{"role": "user", "content": "Hi"}]
            response = case.call_and_validate(
                base_url=server.base_url.removesuffix("/v1"),
                headers={"Authorization": f"Bearer {KEY}"},
                checks=CHECKS,
            )
            counted[f"{case.path} {response.status_code}"] += 1

        send()
    return counted


def test_generated_requests_meet_the_schema(server, description):
    counted = send_anything(server, description, num_examples=15)
    assert counted.total() >= 5
    # Else nothing of what an answer looks like would have been compared with the description.
    assert counted["/v1/chat/completions 200"] >= 1


@pytest.mark.slow
def test_many_generated_requests_meet_the_schema(server, description):
    counted = send_anything(server, description, num_examples=500)
    assert counted.total() >= 500
    assert counted["/v1/chat/completions 200"] >= 10


def test_the_description_names_what_is_there(description):
    assert set(description["paths"]) == {
        "/v1/chat/completions", "/v1/models", "/v1/models/{model}", "/health", "/metrics"
    }  # fmt: skip
    assert description["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert "422" not in json.dumps(description)
    fields = description["components"]["schemas"]["ChatRequest"]
    assert fields["additionalProperties"] is False
    assert {"n", "stop", "seed", "logprobs", "stream_options"} <= set(fields["properties"])

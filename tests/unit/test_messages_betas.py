"""What goes beside a body of POST /v1/messages: every field, tool and block that needs a beta has it in the header."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.types import message_create_params
from anthropic.types.beta import message_create_params as beta_message_create_params

from tests.typed_dict_samples import Sample, hints, name_of, reached, samples
from tests.unit.messages_requests import HI, WEATHER, body_of, encoded
from tikhub_ai import InvalidRequestError, Message, Opaque, Tool
from tikhub_ai.apis.messages.betas import headers_of

PLAIN = message_create_params.MessageCreateParamsNonStreaming
BETA = beta_message_create_params.MessageCreateParamsNonStreaming
KNOWN = {(name_of(kind), field) for kind in reached(PLAIN) for field in hints(kind)}
"""The fields that need no beta, each with its type."""
NEEDS_NONE = {("MessageCreateParamsNonStreaming", "betas"), ("CitationsConfigParam", "enabled")}
"""What only the types with betas have, and yet needs none: it names them, and is called `CitationsConfig` elsewhere."""


def only_with_betas() -> list[Sample]:
    found: dict[tuple[str, str], Sample] = {}
    for sample in samples(BETA):
        place = (sample.owner, sample.field)
        if place not in KNOWN | NEEDS_NONE:
            found.setdefault(place, sample)
    return list(found.values())


@pytest.mark.parametrize("sample", only_with_betas(), ids=lambda sample: f"{sample.owner}.{sample.field}")
def test_all_that_the_sdk_types_among_its_betas_alone_names_a_beta(sample: Sample) -> None:
    assert headers_of(dict(sample.value)).get("anthropic-beta")


def test_what_it_types_without_betas_names_none_but_those_that_older_versions_of_the_wire_ask_for() -> None:
    named = {headers_of(dict(sample.value)).get("anthropic-beta") for sample in samples(PLAIN)}
    assert named == {None, "context-management-2025-06-27", "fast-mode-2026-02-01", "user-profiles-2026-03-24"}


def change(tool: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "system", "content": [{"type": "tool_addition", "tool": tool}]}]}


MCP = {"type": "mcp_toolset", "mcp_server_name": "m"}
INLINE = {"type": "tool_definition", "definition": {"name": "f", "input_schema": {"type": "object"}}}


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (change({"type": "tool_reference", "name": "f"}), "mid-conversation-tool-changes-2026-07-01"),
        (change(INLINE), "inline-tools-2026-09-15"),
        (
            {**change({"type": "tool_reference", "name": "f"}), "betas": ["inline-tools-2026-09-15"]},
            "inline-tools-2026-09-15",
        ),
        (change({"type": "tool_definition", "definition": MCP}), "inline-tools-2026-09-15,mcp-client-2026-09-15"),
        ({"tools": [MCP], "betas": ["mcp-client-2025-04-04"]}, "mcp-client-2025-04-04"),
        ({"betas": "a-2025-01-01, mcp-client-2025-04-04", "tools": [MCP]}, "a-2025-01-01, mcp-client-2025-04-04"),
        (
            {"compaction": {"type": "summarize"}, "betas": ["compact-2026-01-12"]},
            "compact-2026-01-12,compact-2026-09-04",
        ),
        (
            {"user_profile_id": "u", "betas": ["user-profiles-billing-2026-10-01"]},
            "user-profiles-billing-2026-10-01,user-profiles-2026-03-24",
        ),
        ({"output_config": {"task_budget": {"type": "tokens", "total": 9}}}, "task-budgets-2026-03-13"),
        ({"thinking": {"type": "adaptive", "display": "updates"}}, "thinking-display-updates-2026-08-18"),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, None),
        ({"output_config": {"effort": "low", "task_budget": None}, "mcp_servers": None}, None),
    ],
)
def test_which_betas_are_named_beside_those_of_the_caller(body: dict[str, Any], header: str | None) -> None:
    assert headers_of(body).get("anthropic-beta") == header
    assert "betas" not in body


def test_values_that_look_like_blocks_in_what_a_tool_was_given_need_nothing() -> None:
    call = {"type": "tool_use", "id": "a", "name": "f", "input": {"type": "compaction"}}
    odd: Any = ["x", None, {"type": ["compaction"]}]
    assert "anthropic-beta" not in headers_of({"messages": [{"role": "assistant", "content": [call, *odd]}, *odd]})


def test_what_the_sdk_sends_as_headers_goes_as_headers() -> None:
    for asked in (
        {"native": {"user_profile_id": "uprof_1"}, "extra_body": {"workspace_id": "wrkspc_1"}},
        {
            "extra_body": {
                "user_profile_id": "uprof_1",
                "workspace_id": "wrkspc_1",
                "betas": ["user-profiles-2026-09-04"],
            }
        },
    ):
        outgoing = encoded(**asked)
        assert outgoing.headers["anthropic-user-profile-id"] == "uprof_1"
        assert outgoing.headers["anthropic-workspace-id"] == "wrkspc_1"
        assert "user-profiles-" in outgoing.headers["anthropic-beta"]
        assert outgoing.body.keys() == {"model", "max_tokens", "messages"}


@pytest.mark.parametrize("value", ["a\r\nx: y", "", "ä", 5, "a b"])
def test_no_other_header_can_be_written_by_them(value: Any) -> None:
    with pytest.raises(InvalidRequestError, match="user_profile_id"):
        encoded(native={"user_profile_id": value})


def test_betas_are_found_in_the_finished_body() -> None:
    block = {"type": "tool_addition", "tool": INLINE}
    later = Message("system", [Opaque(block)])
    assert "inline-tools" in encoded(HI, later, model="claude-opus-5").headers["anthropic-beta"]
    tool = {"type": "memory_20250818", "name": "memory"}
    assert "context-management" in encoded(tools=[WEATHER, Tool(raw=tool)]).headers["anthropic-beta"]
    assert body_of(extra_body={"tools": [tool]})["tools"] == [tool]

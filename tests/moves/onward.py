"""What the vendors' classes made of our histories, as `make_histories` stored it, judged by the same rules as ours."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

from tests.moves import wires
from tests.moves.checks import arrived, missing_from
from tests.moves.moving import HERE
from tikhub_ai.apis.generate_content.names import camelised

TOLD = json.dumps(list(wires.SAID), ensure_ascii=False)
NO_REFUSAL = "the refusal's words are not sent"
NO_SIGNATURE = "thoughts are sent without the signature that Claude demands"
BLOCKS_OF_V1 = "blocks that LangChain's v1 has for the search and the refusal are sent as they are; the API knows none"
FOREIGN_SEARCH = "Claude's search is sent as one of OpenAI's own, with an id that is none"


@cache
def rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((HERE / "onward.json").read_text())["rows"]
    return found


def made() -> str:
    """The day on which the vendors' classes were asked."""
    return str(json.loads((HERE / "onward.json").read_text())["made"])


def versions() -> dict[str, str]:
    """Of the packages that made the stored histories and bodies."""
    found: dict[str, str] = {}
    for row in rows():
        found |= row["versions"]
    for path in (HERE / "histories").glob("*.json"):
        found |= json.loads(path.read_text())["versions"]
    return dict(sorted(found.items()))


def defects(row: dict[str, Any]) -> list[str]:
    """What is wrong with what a class made of one of our histories, in a few words each; nothing where it goes on."""
    if row["body"] is None:
        return [f"it raises {row.get('error')}"]
    body = tidied(row["path"], row["body"])
    found = arrived(row["path"], body)
    lost = missing_from(found, TOLD)
    out = [NO_REFUSAL] if wires.REFUSAL in lost else []
    out += [f"lost: {words}" for words in lost if words != wires.REFUSAL]
    if any("no signature" in problem for problem in found.problems):
        out.append(NO_SIGNATURE)
    if _holds_blocks_of_v1(body):
        out.append(BLOCKS_OF_V1)
        return out
    known = {"a thought has no signature"}
    if wires.REFUSAL in lost:  # Claude's wire takes them for one turn
        known.add("two turns of user follow each other")
    if '"type": "web_search_call"' in json.dumps(body) and "messages" in row["history"]:
        out.append(FOREIGN_SEARCH)
        return out
    return out + [problem for problem in found.problems if problem not in known]


def _holds_blocks_of_v1(body: Any) -> bool:
    text = json.dumps(body)
    return any(f'"type": "{kind}"' in text for kind in ("server_tool_call", "server_tool_result", "non_standard"))


def tidied(path: str, body: Any) -> Any:
    """The body as the specification has it, where all bodies of the class differ and its API takes it.

    Fields that are null, Google's names with underscores and base64 for URLs, and what OpenAI's document requires of
    inputs though its API does not.
    """
    body = {key: value for key, value in copy.deepcopy(body).items() if value is not None}
    if "enerateContent" in path:
        body = camelised(body)
        for content in body["contents"]:
            for part in content["parts"]:
                if "inlineData" in part:
                    part["inlineData"]["data"] = part["inlineData"]["data"].replace("-", "+").replace("_", "/")
    for item in body.get("input", ()):
        if item.get("role") == "assistant" and isinstance(item["content"], list):
            item |= {"type": "message", "id": "msg_0", "status": "completed"}
        for block in item.get("content", ()):
            if isinstance(block, dict) and block["type"] == "input_image":
                block.setdefault("detail", "auto")
            if isinstance(block, dict) and block["type"] == "output_text":
                block |= {"annotations": [_annotation(one) for one in block.get("annotations", ())], "logprobs": []}
    return body


def _annotation(given: dict[str, Any]) -> dict[str, Any]:
    return {"start_index": 0, "end_index": 0, "title": "", **given}

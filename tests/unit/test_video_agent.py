"""Agents that make videos: limits that they cannot exceed, and words that never make them create a second time."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from llama_index.core.agent.workflow import FunctionAgent

from langchain_tikhub import ChatTikHub, TikHubVideoToolkit
from llama_index_tikhub import TikHub, TikHubVideoToolSpec
from tests.scripted_server import Answer, Request, ScriptedServer
from tests.standard.llama_index_columns import Call, DeepSeekColumn, Said
from tests.video_gateway import KEY, MODELS, MP4, Gateway
from tikhub_ai import ConfigurationError, VideoAgent, VideoJob, Videos

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODEL = "kling-v2-6"
each_twin = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


@pytest.fixture
def gateway(server: ScriptedServer) -> Gateway:
    server.answer = made = Gateway(url=server.url)
    return made


@pytest.fixture(autouse=True)
def _quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tikhub_ai.waiting.FIRST_PAUSE", 0.01)
    monkeypatch.setattr("tikhub_ai.waiting.GROWTH", 1.0)


def agent_at(gateway: Gateway, folder: Path, **limits: Any) -> VideoAgent:
    return VideoAgent(Videos(api_key=KEY, base_url=gateway.url, max_retries=0), folder=folder, **limits)


def do(agent: VideoAgent, is_async: bool, tool: str, *given: Any) -> Any:
    if is_async:
        return asyncio.run(getattr(agent, f"a{tool}")(*given))
    return getattr(agent, tool)(*given)


# --- the three tools ------------------------------------------------------------------------------------------------


@each_twin
@pytest.mark.parametrize("model", MODELS.values())
def test_a_video_is_made_checked_and_saved(gateway: Gateway, tmp_path: Path, is_async: bool, model: str) -> None:
    agent = agent_at(gateway, tmp_path)
    made = do(agent, is_async, "create_video", model, "A rabbit", {"sora-2": 4, MODELS["veo"]: 8}.get(model, 5))
    assert not made.is_error
    assert isinstance(made.job, VideoJob)
    assert made.job.id in made.text
    assert "do not create it again" in made.text
    going = do(agent, is_async, "check_video", made.job.id)
    assert "running" in going.text
    assert not going.is_error
    done = do(agent, is_async, "check_video", made.job.id, 30)
    assert "has succeeded" in done.text
    saved = do(agent, is_async, "download_video", made.job.id, "clips/rabbit.mp4")
    assert saved.path == tmp_path / "clips/rabbit.mp4"
    assert saved.path.read_bytes() == MP4
    again = do(agent, is_async, "download_video", made.job.id, "clips/rabbit.mp4")
    assert again.is_error
    assert "is there already" in again.text
    assert "create it again" in again.text
    assert gateway.creates == 1


@each_twin
@pytest.mark.parametrize("ending", ["failed", "blocked"])
def test_a_job_that_failed_is_told_in_words_and_not_made_again(
    gateway: Gateway, tmp_path: Path, is_async: bool, ending: str
) -> None:
    gateway.ending = ending
    agent = agent_at(gateway, tmp_path)
    job_id = do(agent, is_async, "create_video", MODEL, "A rabbit").job.id
    for answer in (do(agent, is_async, "check_video", job_id, 30), do(agent, is_async, "download_video", job_id, "v")):
        assert answer.is_error
        assert "Do not create it again" in answer.text
    assert gateway.creates == 1


@each_twin
def test_a_lost_create_counts_and_says_not_to_create_again(
    server: ScriptedServer, gateway: Gateway, tmp_path: Path, is_async: bool
) -> None:
    server.answer = lambda request: Answer(b"", 502)
    agent = agent_at(gateway, tmp_path, max_jobs=1)
    lost = do(agent, is_async, "create_video", MODEL, "A rabbit")
    assert lost.is_error
    assert "Do not create it again" in lost.text
    assert "No more videos" in do(agent, is_async, "create_video", MODEL, "A rabbit").text
    assert len(server.requests) == 1


@each_twin
def test_what_made_nothing_does_not_count(
    server: ScriptedServer, gateway: Gateway, tmp_path: Path, is_async: bool
) -> None:
    normal = gateway
    server.answer = lambda request: Answer({"error": {"message": "no"}}, 400)
    agent = agent_at(gateway, tmp_path, max_jobs=1)
    refused = do(agent, is_async, "create_video", MODEL, "A rabbit")
    assert refused.is_error
    assert "No video was made, and none is billed" in refused.text
    server.answer = normal
    assert not do(agent, is_async, "create_video", MODEL, "A rabbit").is_error


@each_twin
@pytest.mark.parametrize("wait", [0, 0.3])
def test_a_check_never_blocks_longer_than_it_was_told(
    gateway: Gateway, server: ScriptedServer, tmp_path: Path, is_async: bool, wait: float
) -> None:
    agent = agent_at(gateway, tmp_path)
    job_id = agent.create_video(MODEL, "A rabbit").job.id  # type: ignore[union-attr]  # it was made
    gateway.answers = [Answer({}, held=True)]
    answer = do(agent, is_async, "check_video", job_id, wait)
    assert "do not create it again" in answer.text
    assert not answer.is_error
    monkey: dict[str, Any] = {}
    agent._jobs[job_id] = FakeJob(monkey)  # type: ignore[assignment]  # it is waited for alone
    for told, waited in ((0, 0), (5, 5), ("7", 7), (10_000, 600), (None, 0)):
        agent.check_video(job_id, told)  # type: ignore[arg-type]  # what models say
        assert monkey["timeout"] == waited
    for wrong in (-1, float("nan"), "soon", True):
        assert "wait_seconds" in agent.check_video(job_id, wrong).text  # type: ignore[arg-type]  # likewise


class FakeJob:
    id, status, progress, is_finished = "1", "running", None, False

    def __init__(self, seen: dict[str, Any]) -> None:
        self.seen = seen

    def result(self, timeout: float) -> None:
        self.seen["timeout"] = timeout


def test_a_job_that_is_not_the_agents_is_not_asked_for(
    gateway: Gateway, server: ScriptedServer, tmp_path: Path
) -> None:
    mine = Videos(api_key=KEY, base_url=gateway.url).create(MODEL, "A rabbit")
    asked = len(server.requests)
    agent = agent_at(gateway, tmp_path)
    for answer in (agent.check_video(mine.id), agent.download_video(mine.id, "v.mp4"), agent.check_video("")):
        assert answer.is_error
        assert "There is no video job" in answer.text
    assert len(server.requests) == asked
    assert "running" in agent_at(gateway, tmp_path, jobs=[mine]).check_video(mine.id).text


# --- limits ---------------------------------------------------------------------------------------------------------

BEYOND: dict[str, tuple[Any, ...]] = {
    "another model": ("kling-v3", "A rabbit", 5),
    "a model by another case": ("KLING-V2-6", "A rabbit", 5),
    "no model": ("", "A rabbit", 5),
    "too long": (MODEL, "A rabbit", 5.5),
    "too long as text": (MODEL, "A rabbit", "10"),
    "endless": (MODEL, "A rabbit", float("inf")),
    "no number": (MODEL, "A rabbit", float("nan")),
    "negative": (MODEL, "A rabbit", -5),
    "nothing": (MODEL, "A rabbit", 0),
    "true": (MODEL, "A rabbit", True),
    "another size": (MODEL, "A rabbit", 5, "1:1"),
    "an option within the prompt": (MODEL, "A rabbit --dur 60 --rs 1080p", 5),
    "an option at the start": (MODEL, "--duration 60", None),
}


@each_twin
@pytest.mark.parametrize("case", BEYOND)
def test_nothing_beyond_a_limit_is_sent(
    gateway: Gateway, server: ScriptedServer, tmp_path: Path, is_async: bool, case: str
) -> None:
    agent = agent_at(gateway, tmp_path, models=[MODEL], max_seconds=5, sizes=["16:9", "9:16"], max_jobs=1)
    answer = do(agent, is_async, "create_video", *BEYOND[case])
    assert answer.is_error
    assert "nothing was made" in answer.text
    assert server.requests == []
    assert not do(agent, is_async, "create_video", MODEL, "A rabbit", 5, "9:16").is_error, "a refusal costs no job"
    assert gateway.jobs[next(iter(gateway.jobs))].asked["aspect_ratio"] == "9:16"


@pytest.mark.parametrize(("family", "field", "sent"), [
    ("videos", "seconds", "4"), ("seedance", "duration", 4), ("kling", "duration", "4"), ("veo", "durationSeconds", 4),
])  # fmt: skip
def test_a_video_without_a_length_gets_the_longest_that_is_allowed(
    gateway: Gateway, tmp_path: Path, family: str, field: str, sent: Any
) -> None:
    agent_at(gateway, tmp_path, max_seconds=4).create_video(MODELS[family], "A rabbit")
    (job,) = gateway.jobs.values()
    assert job.asked[field] == sent


def test_the_number_of_jobs_holds_however_many_ask_at_once(gateway: Gateway, tmp_path: Path) -> None:
    agent = agent_at(gateway, tmp_path, max_jobs=3)
    gate = threading.Barrier(12)

    def ask(_: int) -> Any:
        gate.wait()
        return agent.create_video(MODEL, "A rabbit")

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(12)))
    assert gateway.creates == 3
    assert sum(not answer.is_error for answer in answers) == 3
    assert all("No more videos may be made" in answer.text for answer in answers if answer.is_error)


async def test_the_number_of_jobs_holds_for_tasks_and_for_copies(gateway: Gateway, tmp_path: Path) -> None:
    agent = agent_at(gateway, tmp_path, max_jobs=3)
    agents = [agent, copy.copy(agent), copy.deepcopy(agent)] * 4
    answers = await asyncio.gather(*(one.acreate_video(MODEL, "A rabbit") for one in agents))
    assert gateway.creates == 3
    assert sum(not answer.is_error for answer in answers) == 3


def test_a_pickled_agent_goes_on_counting_where_it_was(gateway: Gateway, tmp_path: Path) -> None:
    agent = agent_at(gateway, tmp_path, max_jobs=1)
    agent.create_video(MODEL, "A rabbit")
    assert "No more videos" in pickle.loads(pickle.dumps(agent)).create_video(MODEL, "A rabbit").text


def test_a_dry_run_makes_nothing_and_needs_no_key(server: ScriptedServer, tmp_path: Path) -> None:
    agent = VideoAgent(Videos(base_url=server.url), folder=tmp_path, dry_run=True, max_jobs=1, models=[MODEL])
    for _ in range(2):
        answer = agent.create_video(MODEL, "A rabbit", 5)
        assert "nothing was made" in answer.text
        assert "text2video" in answer.text
    assert agent.create_video("kling-v3", "A rabbit").is_error
    assert server.requests == []


OUTSIDE = [
    "../v.mp4",
    "/etc/v.mp4",
    "a/../../v.mp4",
    "..",
    ".",
    "",
    " ",
    "C:\\v.mp4",
    "a\\..\\v",
    "c:v.mp4",
    "a\0b",
    "link/v.mp4",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_file_is_written_outside_the_folder(gateway: Gateway, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    agent = agent_at(gateway, folder)
    job_id = agent.create_video(MODEL, "A rabbit").job.id  # type: ignore[union-attr]  # it was made
    agent.check_video(job_id, 30)
    answer = agent.download_video(job_id, name)
    assert answer.is_error
    assert answer.path is None
    assert "rabbit.mp4" in answer.text
    assert {path.name for path in tmp_path.rglob("*")} == {"clips", "link"}


@pytest.mark.parametrize(
    "wrong",
    [
        *({"max_jobs": value} for value in (-1, True, 1.5, "2")),
        *({"max_seconds": value} for value in (0, -1, "5", float("nan"))),
        {"models": MODEL},
        {"sizes": "16:9"},
    ],
    ids=str,
)
def test_a_limit_that_cannot_work_is_refused_at_construction(wrong: dict[str, Any]) -> None:
    for make in (VideoAgent, TikHubVideoToolkit, TikHubVideoToolSpec):
        with pytest.raises(ConfigurationError):
            make(**wrong)
    with pytest.raises(TypeError):
        TikHubVideoToolkit(nonsense=1)
    with pytest.raises(TypeError, match="give it to the client"):
        TikHubVideoToolSpec(Videos(), api_key="sk-x")


# --- whole agents ---------------------------------------------------------------------------------------------------

COLUMN = DeepSeekColumn()


def said_of(server: ScriptedServer, gateway: Gateway, request: Request, turns: list[Callable[[str], Said]]) -> Answer:
    """The model's next turn; everything else is the gateway of videos."""
    if not request.path.endswith("/chat/completions"):
        return gateway(request)
    chats = [one for one in server.requests if one.path.endswith("/chat/completions")]
    job_id = next(iter(gateway.jobs), "")
    return COLUMN.answer(request, turns[min(len(chats), len(turns)) - 1](job_id))


def call(name: str, **arguments: Any) -> Said:
    return Said("", "", [Call(f"call_{name}", name, json.dumps(arguments))])


TURNS: list[Callable[[str], Said]] = [
    lambda _: call("create_video", model=MODEL, prompt="A rabbit", seconds=60),
    lambda _: call("create_video", model=MODEL, prompt="A rabbit", seconds=5),
    lambda job_id: call("check_video", job_id=job_id, wait_seconds=30),
    lambda _: call("create_video", model=MODEL, prompt="Another rabbit"),
    lambda job_id: call("download_video", job_id=job_id, filename="rabbit.mp4"),
    lambda _: Said("Here is your rabbit.", ""),
]
LIMITS: dict[str, Any] = {"models": [MODEL], "max_seconds": 5, "max_jobs": 1}


@pytest.fixture
def scripted(server: ScriptedServer, gateway: Gateway) -> Gateway:
    server.answer = lambda request: said_of(server, gateway, request, TURNS)
    return gateway


def check_told(told: list[str], gateway: Gateway, folder: Path) -> None:
    too_long, made, done, no_more, saved = told
    assert "60 seconds is too long" in too_long
    assert "was made" in made
    assert "has succeeded" in done
    assert "No more videos may be made" in no_more
    assert "Saved as rabbit.mp4" in saved
    assert gateway.creates == 1
    assert (folder / "rabbit.mp4").read_bytes() == MP4
    assert all(len(text) < 600 for text in told)


@each_twin
async def test_a_langchain_agent_makes_one_clip_within_its_limits(
    scripted: Gateway, tmp_path: Path, is_async: bool
) -> None:
    toolkit = TikHubVideoToolkit(api_key=KEY, base_url=scripted.url, folder=tmp_path, **LIMITS)
    llm = ChatTikHub(model="deepseek-reasoner", api_key=KEY, base_url=scripted.url)
    agent = create_agent(llm, toolkit.get_tools(), checkpointer=InMemorySaver())
    asked: Any = {"messages": [("user", "Make me a rabbit.")]}
    config: Any = {"configurable": {"thread_id": "1"}}
    result = await agent.ainvoke(asked, config) if is_async else agent.invoke(asked, config)
    assert result["messages"][-1].text == "Here is your rabbit."
    answers = [message for message in result["messages"] if isinstance(message, ToolMessage)]
    check_told([str(message.content) for message in answers], scripted, tmp_path)
    assert isinstance(answers[2].artifact, VideoJob)
    assert answers[2].artifact.status == "succeeded"
    for message in answers:
        assert KEY not in message.model_dump_json()


def test_a_job_in_a_checkpoint_holds_no_key_and_says_how_it_is_taken_up(gateway: Gateway, tmp_path: Path) -> None:
    agent = agent_at(gateway, tmp_path)
    job = agent.create_video(MODEL, "A rabbit").job
    kind, saved = JsonPlusSerializer().dumps_typed(job)
    assert KEY.encode() not in saved
    again = JsonPlusSerializer().loads_typed((kind, saved))
    assert again == job
    with pytest.raises(ConfigurationError, match=r"videos\.load\(job\.to_json\(\)\)"):
        again.result(timeout=0)
    assert agent.videos.load(again.to_json()).result(timeout=300).status == "succeeded"


async def test_a_llama_index_agent_makes_one_clip_within_its_limits(scripted: Gateway, tmp_path: Path) -> None:
    spec = TikHubVideoToolSpec(api_key=KEY, base_url=scripted.url, folder=tmp_path, **LIMITS)
    llm = TikHub(model="deepseek-reasoner", api_key=KEY, base_url=scripted.url)
    tools: Any = spec.to_tool_list()
    output: Any = await FunctionAgent(tools=tools, llm=llm).run("Make me a rabbit.")
    assert output.response.content == "Here is your rabbit."
    check_told([str(one.tool_output.content) for one in output.tool_calls], scripted, tmp_path)
    job = output.tool_calls[2].tool_output.raw_output.job
    assert job.status == "succeeded"


def test_the_tools_tell_a_model_their_limits_and_nothing_that_it_may_not_choose(gateway: Gateway) -> None:
    given: dict[str, Any] = {"api_key": KEY, "base_url": gateway.url, **LIMITS}
    tools = TikHubVideoToolkit(**given).get_tools()
    specs = TikHubVideoToolSpec(**given).to_tool_list()
    assert [tool.name for tool in tools] == [spec.metadata.name for spec in specs]
    for tool, spec in zip(tools, specs, strict=True):
        assert tool.description == spec.metadata.description
        assert set(tool.args) == set(spec.metadata.get_parameters_dict()["properties"])
    assert set(tools[0].args) == {"model", "prompt", "seconds"}
    assert "At most 5" in tools[0].args["seconds"]["description"]
    assert MODEL in tools[0].args["model"]["description"]
    sized = TikHubVideoToolkit(**given, sizes=["16:9"]).get_tools()
    assert set(sized[0].args) == {"model", "prompt", "seconds", "size"}
    assert set(tools[1].args) == {"job_id", "wait_seconds"}
    assert set(tools[2].args) == {"job_id", "filename"}

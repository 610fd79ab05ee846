"""Making, checking and fetching videos, through the core and as an agent's tools of both frameworks."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.faults.answers import JOBS
from tests.faults.lanes import DEFAULTS
from tests.video_gateway import MODELS
from tikhub_ai import VideoAnswer, VideoJob, Videos
from tikhub_ai.video_job import VideoFile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

ABROAD = "http://127.0.0.1:9"
"""A gateway that is not asked, of which a file is elsewhere."""


def videos_of(settings: dict[str, Any]) -> Videos:
    return Videos(**DEFAULTS | settings)


def job_of(family: str, settings: dict[str, Any], *, is_done: bool = False) -> VideoJob:
    """A job that was made before; one that is done has its file at the gateway, beside it, elsewhere, or in a poll."""
    kind = "text2video" if family == "kling" else ""
    base_url = settings["base_url"]
    client = videos_of({**settings, "base_url": ABROAD} if is_done and family == "kling" else settings)
    job: VideoJob = client._held(JOBS[family][0], family, kind, MODELS[family])  # type: ignore[arg-type]  # a family's name
    if is_done:
        job.status = "succeeded"
        job.videos = [VideoFile(f"{base_url}/v.mp4")] if family in {"seedance", "kling"} else []
    return job


# --- the core -------------------------------------------------------------------------------------------------------


async def core_create(family: str, **settings: Any) -> str:
    return videos_of(settings).create(MODELS[family], "A rabbit").id


async def core_acreate(family: str, **settings: Any) -> str:
    return (await videos_of(settings).acreate(MODELS[family], "A rabbit")).id


async def core_poll(family: str, **settings: Any) -> str:
    return job_of(family, settings).refresh().id


async def core_apoll(family: str, **settings: Any) -> str:
    return (await job_of(family, settings).arefresh()).id


@contextmanager
def a_folder() -> Iterator[Path]:
    """Where a download goes. Whatever happens, nothing but the whole file may be in it afterwards."""
    with tempfile.TemporaryDirectory() as name:
        folder, left = Path(name), list[str]()
        try:
            yield folder
            left = ["v.mp4"]
        finally:
            assert [path.name for path in folder.iterdir()] == left


async def core_download(family: str, **settings: Any) -> bytes:
    with a_folder() as folder:
        return job_of(family, settings, is_done=True).download(folder / "v.mp4").read_bytes()


async def core_adownload(family: str, **settings: Any) -> bytes:
    with a_folder() as folder:
        return (await job_of(family, settings, is_done=True).adownload(folder / "v.mp4")).read_bytes()


# --- an agent's tools -----------------------------------------------------------------------------------------------


def told(answer: VideoAnswer, content: str) -> VideoAnswer:
    """What a tool answered, and what its model read, are one; the reason is in the words of an error.

    Raises:
        TikHubAIError: What the tool has words for.
    """
    assert content == answer.text
    if answer.error is not None:
        assert "reate it again" in content or content.startswith("No video was made, and none is billed: ")
        assert answer.path is None
        raise answer.error
    assert not answer.is_error
    return answer


async def langchain_tool(tool: str, limits: dict[str, Any], is_async: bool, given: dict[str, Any]) -> VideoAnswer:
    from langchain_tikhub import TikHubVideoToolkit

    toolkit = TikHubVideoToolkit(**limits)
    answers: list[VideoAnswer] = []
    name = f"a{tool}" if is_async else tool
    operation = getattr(toolkit.agent, name)

    def run(**arguments: Any) -> VideoAnswer:
        answers.append(operation(**arguments))
        return answers[0]

    async def arun(**arguments: Any) -> VideoAnswer:
        answers.append(await operation(**arguments))
        return answers[0]

    setattr(toolkit.agent, name, arun if is_async else run)
    [called] = [found for found in toolkit.get_tools() if found.name == tool]
    call = {"type": "tool_call", "id": "1", "name": tool, "args": given}
    message = await called.ainvoke(call) if is_async else called.invoke(call)
    [answer] = answers
    assert message.artifact is answer.job
    return told(answer, message.content)


async def llama_index_tool(tool: str, limits: dict[str, Any], is_async: bool, given: dict[str, Any]) -> VideoAnswer:
    from llama_index_tikhub import TikHubVideoToolSpec

    tools = TikHubVideoToolSpec(**limits).to_tool_list()
    [called] = [found for found in tools if found.metadata.name == tool]
    output = await called.acall(**given) if is_async else called.call(**given)
    assert isinstance(output.raw_output, VideoAnswer)
    return told(output.raw_output, output.content)


def tool_calls(framework: str, run: Callable[..., Awaitable[VideoAnswer]]) -> dict[tuple[str, str], Any]:
    """The calls of a framework's tools."""

    def calls(is_async: bool) -> dict[str, Any]:
        async def create(family: str, **settings: Any) -> str:
            given = {"model": MODELS[family], "prompt": "A rabbit"}
            answer = await run("create_video", DEFAULTS | settings, is_async, given)
            assert answer.job is not None
            return answer.job.id

        async def poll(family: str, **settings: Any) -> str:
            job = job_of(family, settings)
            limits = {"videos": job._client, "jobs": [job]}
            answer = await run("check_video", limits, is_async, {"job_id": job.id})
            assert answer.job is job
            return job.id

        async def download(family: str, **settings: Any) -> bytes:
            job = job_of(family, settings, is_done=True)
            with a_folder() as folder:
                limits = {"videos": job._client, "jobs": [job], "folder": folder}
                answer = await run("download_video", limits, is_async, {"job_id": job.id, "filename": "v.mp4"})
                assert answer.path is not None
                return answer.path.read_bytes()

        return {"create": create, "poll": poll, "download": download}

    return {
        (framework, f"a{name}" if is_async else name): call
        for is_async in (False, True)
        for name, call in calls(is_async).items()
    }


VIDEO_CALLS: dict[tuple[str, str], Callable[..., Awaitable[Any]]] = {
    ("core", "create"): core_create,
    ("core", "acreate"): core_acreate,
    ("core", "poll"): core_poll,
    ("core", "apoll"): core_apoll,
    ("core", "download"): core_download,
    ("core", "adownload"): core_adownload,
    **tool_calls("LangChain", langchain_tool),
    **tool_calls("LlamaIndex", llama_index_tool),
}

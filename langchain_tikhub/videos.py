"""TikHubVideoToolkit: an agent's tools to make, check and fetch videos, over `tikhub_ai.VideoAgent`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from langchain_core.tools import BaseTool, BaseToolkit, StructuredTool
from pydantic import ConfigDict, Field

from langchain_tikhub.errors import model_errors
from tikhub_ai import VIDEO_TOOLS, VideoAgent, VideoJob, Videos, seal, video_agent_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tikhub_ai import VideoAnswer


class TikHubVideoToolkit(BaseToolkit):
    """Tools by which an agent has videos made: `create_video`, `check_video`, `download_video`, sync and async.

    ```python
    from langchain.agents import create_agent
    from langchain_tikhub import ChatTikHub, TikHubVideoToolkit

    toolkit = TikHubVideoToolkit(folder="clips", models=["kling-v2-6"], max_seconds=5, max_jobs=2)
    agent = create_agent(ChatTikHub(model="gpt-4.1-mini"), toolkit.get_tools())
    ```

    Each tool's content is a short text for the model, and its artifact the `tikhub_ai.VideoJob`. What goes wrong is
    told in words that say not to create again; no tool raises for it.

    Args:
        videos: A `tikhub_ai.Videos`; None makes one from the keywords.
        **kwargs: The limits: `folder` (files go nowhere else), `models`, `max_seconds`, `sizes`, `max_jobs`
            (counted before sending), `dry_run`, `jobs`, `fields`; see `tikhub_ai.VideoAgent`. The others are settings
            of the client: `api_key`, `base_url`, `family`, `paths`, ...

    Raises:
        ConfigurationError: A limit or a setting cannot work.
        TypeError: A keyword is not known.
    """

    agent: VideoAgent = Field(exclude=True, repr=False)
    """What the tools do."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    def __init__(self, videos: Videos | None = None, **kwargs: Any) -> None:
        kwargs = seal(kwargs)
        with model_errors():
            agent = video_agent_of(videos, kwargs)
        super().__init__(agent=agent)  # type: ignore[call-arg]  # BaseToolkit's own __init__ is pydantic's

    def get_tools(self) -> list[BaseTool]:
        """The tools."""
        return [self._tool(name, description) for name, description in VIDEO_TOOLS.items()]

    def _tool(self, name: str, description: str) -> BaseTool:
        return StructuredTool.from_function(
            func=_sync(getattr(self.agent, name)),
            coroutine=_async(getattr(self.agent, f"a{name}")),
            name=name,
            description=description,
            args_schema=self.agent.arguments(name),
            response_format="content_and_artifact",
        )


def _sync(operation: Callable[..., VideoAnswer]) -> Callable[..., tuple[str, VideoJob | None]]:
    def run(**arguments: Any) -> tuple[str, VideoJob | None]:
        answer = operation(**arguments)
        return answer.text, answer.job

    return run


def _async(operation: Callable[..., Awaitable[VideoAnswer]]) -> Callable[..., Awaitable[tuple[str, VideoJob | None]]]:
    async def run(**arguments: Any) -> tuple[str, VideoJob | None]:
        answer = await operation(**arguments)
        return answer.text, answer.job

    return run

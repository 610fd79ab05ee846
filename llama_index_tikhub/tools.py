"""TikHubVideoToolSpec: an agent's tools to make, check and fetch videos, over `tikhub_ai.VideoAgent`."""

from __future__ import annotations

from typing import Any

from llama_index.core.tools.function_tool import FunctionTool
from llama_index.core.tools.tool_spec.base import BaseToolSpec

from tikhub_ai import VIDEO_TOOLS, VideoAnswer, Videos, seal, video_agent_of


class TikHubVideoToolSpec(BaseToolSpec):
    """Tools by which an agent has videos made: `create_video`, `check_video`, `download_video`, sync and async.

    ```python
    from llama_index.core.agent.workflow import FunctionAgent
    from llama_index_tikhub import TikHub, TikHubVideoToolSpec

    spec = TikHubVideoToolSpec(folder="clips", models=["kling-v2-6"], max_seconds=5, max_jobs=2)
    agent = FunctionAgent(tools=spec.to_tool_list(), llm=TikHub(model="gpt-4.1-mini"))
    ```

    Each tool's content is a short text for the model, and its `raw_output` a `tikhub_ai.VideoAnswer` with the job. What
    goes wrong is told in words that say not to create again; no tool raises for it.

    Args:
        videos: A `tikhub_ai.Videos`; None makes one from the keywords.
        **kwargs: The limits: `folder` (files go nowhere else), `models`, `max_seconds`, `sizes`, `max_jobs`
            (counted before sending), `dry_run`, `jobs`, `fields`; see `tikhub_ai.VideoAgent`. The others are settings
            of the client: `api_key`, `base_url`, `family`, `paths`, ...

    Raises:
        ConfigurationError: A limit or a setting cannot work.
        TypeError: A keyword is not known.
    """

    spec_functions = [(name, f"a{name}") for name in VIDEO_TOOLS]  # noqa: RUF012 - core's own form

    def __init__(self, videos: Videos | None = None, **kwargs: Any) -> None:
        kwargs = seal(kwargs)
        self.agent = video_agent_of(videos, kwargs)

    def create_video(
        self, model: str, prompt: str, seconds: float | None = None, size: str | None = None
    ) -> VideoAnswer:
        """Start making a video. See `tikhub_ai.VideoAgent.create_video`."""
        return self.agent.create_video(model, prompt, seconds, size)

    async def acreate_video(
        self, model: str, prompt: str, seconds: float | None = None, size: str | None = None
    ) -> VideoAnswer:
        """`create_video`, async."""
        return await self.agent.acreate_video(model, prompt, seconds, size)

    def check_video(self, job_id: str, wait_seconds: float = 0) -> VideoAnswer:
        """Tell how far a job is. See `tikhub_ai.VideoAgent.check_video`."""
        return self.agent.check_video(job_id, wait_seconds)

    async def acheck_video(self, job_id: str, wait_seconds: float = 0) -> VideoAnswer:
        """`check_video`, async."""
        return await self.agent.acheck_video(job_id, wait_seconds)

    def download_video(self, job_id: str, filename: str) -> VideoAnswer:
        """Save the video of a job. See `tikhub_ai.VideoAgent.download_video`."""
        return self.agent.download_video(job_id, filename)

    async def adownload_video(self, job_id: str, filename: str) -> VideoAnswer:
        """`download_video`, async."""
        return await self.agent.adownload_video(job_id, filename)

    def to_tool_list(self, spec_functions: Any = None, func_to_metadata_mapping: Any = None) -> list[FunctionTool]:
        """The tools.

        Args:
            spec_functions: Names of those that are wanted; None is all.
            func_to_metadata_mapping: LlamaIndex's metadata by name, in place of ours.
        """
        if func_to_metadata_mapping:
            return super().to_tool_list(spec_functions, func_to_metadata_mapping)
        wanted = {entry if isinstance(entry, str) else entry[0] for entry in spec_functions or self.spec_functions}
        return [
            FunctionTool.from_defaults(
                fn=getattr(self, name),
                async_fn=getattr(self, f"a{name}"),
                name=name,
                description=description,
                fn_schema=self.agent.arguments(name),
            )
            for name, description in VIDEO_TOOLS.items()
            if name in wanted
        ]

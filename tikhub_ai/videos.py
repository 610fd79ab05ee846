"""Videos: have a film made, take its job up again, list, remix and delete. Sync and async, four protocols."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from tikhub_ai.apis import videos as videos_api
from tikhub_ai.apis.jobs.errors import lost_create
from tikhub_ai.apis.jobs.paths import checked_paths
from tikhub_ai.errors import InvalidRequestError, TikHubAIError
from tikhub_ai.field_docs import documented
from tikhub_ai.http.sources import image_of
from tikhub_ai.interrupts import told_if_interrupted
from tikhub_ai.media_client import MediaClient
from tikhub_ai.secret_values import SecretHeaders, secret_kind
from tikhub_ai.video_families import VideoFamily, checked_family, choose_family, codec_of, new_job
from tikhub_ai.video_job import VideoJobData, VideoRequest
from tikhub_ai.video_jobs import VideoJob, read_update
from tikhub_ai.video_json import from_json

if TYPE_CHECKING:
    from tikhub_ai.video_job import JobUpdate
    from tikhub_ai.wire import ApiRequest, ApiResponse


@documented
class Videos(MediaClient):
    """Makes videos with any video model of the gateway: Seedance, Kling, Veo, and all that `/v1/videos` serves.

    ```python
    from tikhub_ai import Videos

    job = Videos().create("kling-v2-6", "A rabbit reading a newspaper", duration=5, mode="pro")
    job.save("job.json")  # holds no key
    job.result(timeout=1800).download("rabbit.mp4")
    ```

    A create costs money: it is never sent again once the server may have acted on it. Every method that asks the
    gateway has an async twin with `a` before its name.

    Raises:
        ConfigurationError: An argument cannot work.
        TypeError: An argument is not known.
    """

    family: VideoFamily | None = None
    """The protocol of every model: `videos`, `seedance`, `kling` or `veo`. Default: by the model's name. `kling*`,
    `doubao-seedance*`, `dreamina-seedance*`, `seedance*` and `veo*` speak their makers' own, all others `videos`."""
    extra_body: Mapping[str, Any] | None = Field(default=None)
    """Fields of every create that are sent as they are."""

    if TYPE_CHECKING:  # else checkers see the fields, which are stricter: a key may be plain text, a name an alias

        def __init__(self, **given: Any) -> None: ...

    # --- create -----------------------------------------------------------------------------------------------------

    def create(
        self,
        model: str,
        prompt: str | None = None,
        *,
        image: Any = None,
        last_image: Any = None,
        references: Sequence[Any] = (),
        family: VideoFamily | None = None,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        timeout: Any = None,
        **fields: Any,
    ) -> VideoJob:
        """Have a video made. This costs money.

        Args:
            model: Model name.
            prompt: What the video shows.
            image: The first frame: a path, bytes, an open binary file, a URL, a `data:` URI or base64; or a mapping in
                the provider's own form.
            last_image: The last frame, likewise.
            references: Images, films or sounds that the video follows, likewise.
            family: The protocol, in place of the class's.
            extra_body: Fields that are sent as they are, and win over all others.
            extra_headers: Further headers. Secret.
            timeout: Of the create, in the forms that the class takes.
            **fields: Fields by the provider's names, such as Kling's `duration` and `mode`. A known one of the wrong
                type is converted; one that is known to belong to another family is refused before money is spent.

        Returns:
            The job. It has only begun: see `VideoJob.result`.

        Raises:
            InvalidRequestError: It cannot be sent. Nothing was sent.
            LostCreateError: The job may have been made and billed, but no usable answer came. It is not sent again.
            TikHubAIError: Another member of the tree: no job was made.
        """
        extra_headers = _secret(extra_headers)
        given = (image, last_image, references, fields)
        order = self._order(model, prompt, given, family, extra_body, extra_headers)
        return self._make(*order, timeout)

    async def acreate(
        self,
        model: str,
        prompt: str | None = None,
        *,
        image: Any = None,
        last_image: Any = None,
        references: Sequence[Any] = (),
        family: VideoFamily | None = None,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        timeout: Any = None,  # noqa: ASYNC109 - HTTP's
        **fields: Any,
    ) -> VideoJob:
        """`create`, async."""
        extra_headers = _secret(extra_headers)
        given = (image, last_image, references, fields)
        order = await asyncio.to_thread(self._order, model, prompt, given, family, extra_body, extra_headers)
        return await self._amake(*order, timeout)

    def preview(
        self,
        model: str,
        prompt: str | None = None,
        *,
        image: Any = None,
        last_image: Any = None,
        references: Sequence[Any] = (),
        family: VideoFamily | None = None,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        timeout: Any = None,  # noqa: ARG002 - as in `create`
        **fields: Any,
    ) -> dict[str, Any]:
        """What `create` would send, with the same arguments. Nothing is sent, and no key is needed.

        Returns:
            `family`, `method`, `url`, and `body`, the JSON value, or `form`, the fields of a multipart form by name.
            Long base64 is cut short.

        Raises:
            InvalidRequestError: It cannot be sent.
        """
        extra_headers = _secret(extra_headers)
        given = (image, last_image, references, fields)
        outgoing, _, chosen = self._order(model, prompt, given, family, extra_body, extra_headers)
        shown: dict[str, Any] = {"family": chosen, "method": outgoing.method, "url": f"{self._address}{outgoing.path}"}
        if outgoing.form is None:
            return shown | {"body": _shortened(outgoing.body)}
        form: dict[str, Any] = {}
        for part in outgoing.form:
            said = getattr(part, "value", None)
            form[part.name] = _shortened(said) if said is not None else f"{part.filename}, {part.upload.size} bytes"  # type: ignore[union-attr]  # a part without a value is a file
        return shown | {"form": form}

    # --- jobs that are there already --------------------------------------------------------------------------------

    def get(self, job_id: str, *, family: VideoFamily | None = None, kind: str = "", model: str = "") -> VideoJob:
        """A job by its id, asked for once.

        Args:
            job_id: The provider's id.
            family: Its protocol. Default: the class's, else the model's, else `videos`.
            kind: For Kling `text2video` or `image2video`: ids of the one are not known to the other.
            model: Model name, which Veo's path needs, unless the id holds it.

        Raises:
            InvalidRequestError: More than the id is needed, or it is none.
            NotFoundError: The gateway knows no such job.
            TikHubAIError: Another member of the tree.
        """
        return self._held(job_id, family, kind, model).refresh()

    async def aget(
        self, job_id: str, *, family: VideoFamily | None = None, kind: str = "", model: str = ""
    ) -> VideoJob:
        """`get`, async."""
        return await self._held(job_id, family, kind, model).arefresh()

    def load(self, source: str | os.PathLike[str] | bytes | Mapping[str, Any]) -> VideoJob:
        """A job that `VideoJob.save` or `VideoJob.to_json` wrote. Asks nobody.

        Args:
            source: The file's path; or the JSON itself, as text, bytes or a mapping.

        Raises:
            InvalidRequestError: It is not there, cut short, no job, of another version, or of another gateway: the key
                goes to no address that a file names.
        """
        return VideoJob.of(from_json(_json_in(source), self._address), self)

    def list(
        self, *, limit: int | None = None, after: str | None = None, order: str | None = None
    ) -> Iterator[VideoJob]:
        """The account's jobs of the family `videos`, over as many pages as it takes.

        Args:
            limit: How many in all; None lists every one.
            after: Id of the job after which to begin.
            order: `asc` or `desc`, by the time of creation. Default: the server's, the newest first.

        Raises:
            ValueError: `limit` is less than 1.
            TikHubAIError: A member of the tree.
        """
        _check_limit(limit)
        return self._pages(limit, after, order)

    def alist(
        self, *, limit: int | None = None, after: str | None = None, order: str | None = None
    ) -> AsyncIterator[VideoJob]:
        """`list`, async."""
        _check_limit(limit)
        return self._apages(limit, after, order)

    def remix(
        self, job: VideoJob | str, prompt: str, *, extra_body: Mapping[str, Any] | None = None, timeout: Any = None
    ) -> VideoJob:
        """Have a new video made out of a finished one, of the family `videos`. This costs money.

        Args:
            job: The job, or its id.
            prompt: What changes.
            extra_body: Further fields.
            timeout: Of the call, in the forms that the class takes.

        Raises:
            InvalidRequestError: It cannot be sent, or the job is of another family.
            LostCreateError: The job may have been made and billed, but no usable answer came.
            TikHubAIError: Another member of the tree.
        """
        outgoing, request = self._remixing(job, prompt, extra_body)
        return self._make(outgoing, request, "videos", timeout)

    async def aremix(
        self,
        job: VideoJob | str,
        prompt: str,
        *,
        extra_body: Mapping[str, Any] | None = None,
        timeout: Any = None,  # noqa: ASYNC109 - HTTP's
    ) -> VideoJob:
        """`remix`, async."""
        outgoing, request = self._remixing(job, prompt, extra_body)
        return await self._amake(outgoing, request, "videos", timeout)

    def delete(self, job: VideoJob | str) -> bool:
        """Delete a job of the family `videos` and its result.

        Args:
            job: The job, or its id.

        Returns:
            Whether the server says that it is deleted.

        Raises:
            InvalidRequestError: The job is of another family, which has no such operation at this gateway.
            TikHubAIError: Another member of the tree.
        """
        return self.transport().send(self._deleting(job), videos_api.decode_deleted)

    async def adelete(self, job: VideoJob | str) -> bool:
        """`delete`, async."""
        return await self.transport().asend(self._deleting(job), videos_api.decode_deleted)

    # --- ours -------------------------------------------------------------------------------------------------------

    @property
    def _paths(self) -> dict[str, str]:
        return checked_paths(self.paths)

    @property
    def _address(self) -> str:
        return str(self.transport().settings.base_url)

    def _order(  # noqa: PLR0917 - what `create` was given
        self,
        model: str,
        prompt: str | None,
        given: tuple[Any, Any, Sequence[Any], Mapping[str, Any]],
        family: VideoFamily | None,
        extra_body: Mapping[str, Any] | None,
        extra_headers: Any,
    ) -> tuple[ApiRequest, VideoRequest, VideoFamily]:
        """What `create` sends, for what it was given: image, last image, references and fields among that."""
        image, last_image, references, fields = given
        if settings := sorted(name for name in fields if name in type(self).model_fields or secret_kind(name)):
            raise TypeError(
                f"{', '.join(map(repr, settings))} is no field of a video but a setting: give it to "
                f"{type(self).__name__}()."
            )
        if isinstance(references, (str, bytes, os.PathLike, Mapping)):
            references = (references,)
        request = VideoRequest(
            model=model,
            prompt=prompt,
            image=_media(image),
            last_image=_media(last_image),
            references=tuple(_media(reference) for reference in references),
            fields=dict(fields),
            extra_body={**(self.extra_body or {}), **(extra_body or {})},
            extra_headers=extra_headers,
        )
        chosen = choose_family(model, family, self.family)
        return codec_of(chosen).encode(request, self._paths), request, chosen

    def _make(self, outgoing: ApiRequest, request: VideoRequest, family: VideoFamily, timeout: Any) -> VideoJob:
        read = partial(_created, family, request)
        try:
            with told_if_interrupted(_lost_words(request)):
                update = self.transport(timeout=timeout).send(outgoing, read)
        except TikHubAIError as failure:
            error = lost_create(failure, request)
        else:
            return VideoJob.made(new_job(update, request, family, self._address), self)
        raise error

    async def _amake(  # as `_make`
        self,
        outgoing: ApiRequest,
        request: VideoRequest,
        family: VideoFamily,
        timeout: Any,  # noqa: ASYNC109 - HTTP's
    ) -> VideoJob:
        read = partial(_created, family, request)
        try:
            with told_if_interrupted(_lost_words(request)):
                update = await self.transport(timeout=timeout).asend(outgoing, read)
        except TikHubAIError as failure:
            error = lost_create(failure, request)
        else:
            return VideoJob.made(new_job(update, request, family, self._address), self)
        raise error

    def _held(self, job_id: str, family: VideoFamily | None, kind: str, model: str) -> VideoJob:
        chosen = choose_family(model, family, self.family)
        codec_of(chosen).get(job_id, model=model, kind=kind, paths=self._paths)  # says so where more is needed
        return VideoJob.of(VideoJobData(job_id, chosen, kind, model, base_url=self._address), self)

    def _remixing(
        self, job: VideoJob | str, prompt: str, extra_body: Mapping[str, Any] | None
    ) -> tuple[ApiRequest, VideoRequest]:
        job_id = _id_of(job, "remix")
        model = job.model if isinstance(job, VideoJobData) else ""
        body = {**(self.extra_body or {}), **(extra_body or {})}
        request = VideoRequest(model=model, prompt=prompt, extra_body=body)
        return videos_api.remix(job_id, prompt, request=request, paths=self._paths), request

    def _deleting(self, job: VideoJob | str) -> ApiRequest:
        return videos_api.delete(_id_of(job, "delete"), paths=self._paths)

    def _pages(self, limit: int | None, after: str | None, order: str | None) -> Iterator[VideoJob]:
        pages = _Pages(limit, after, order, self._paths)
        while (request := pages.request()) is not None:
            for update in pages.take(self.transport().send(request, videos_api.decode_list)):
                yield self._listed(update)

    async def _apages(self, limit: int | None, after: str | None, order: str | None) -> AsyncIterator[VideoJob]:
        pages = _Pages(limit, after, order, self._paths)
        while (request := pages.request()) is not None:
            for update in pages.take(await self.transport().asend(request, videos_api.decode_list)):
                yield self._listed(update)

    def _listed(self, update: JobUpdate) -> VideoJob:
        job = VideoJobData(update.id or "", "videos", base_url=self._address)
        job.take(update)
        return VideoJob.of(job, self)


class _Pages:
    """A list's pages: what is asked for next, and how many jobs are still wanted. No I/O."""

    def __init__(self, limit: int | None, after: str | None, order: str | None, paths: Mapping[str, str]) -> None:
        self._left = limit
        self._after = after
        self._order = order
        self._paths = paths
        self._seen = {after}
        self._is_over = False

    def request(self) -> ApiRequest | None:
        """The request for the next page; None where no more is wanted, or there."""
        if self._is_over or self._left == 0:
            return None
        return videos_api.list_page(after=self._after, limit=self._left, order=self._order, paths=self._paths)

    def take(self, page: tuple[Sequence[JobUpdate], str | None]) -> Sequence[JobUpdate]:
        """Take a page, and return those of its jobs that are wanted."""
        jobs, after = page
        self._is_over = after is None or after in self._seen  # a server that ignores `after` has one page
        self._after = after
        self._seen.add(after)
        if self._left is not None:
            jobs = jobs[: self._left]
            self._left -= len(jobs)
        return jobs


def _created(family: VideoFamily, request: VideoRequest, response: ApiResponse) -> JobUpdate:
    return read_update(response, partial(codec_of(family).decode_created, request=request))


def _lost_words(request: VideoRequest) -> str:
    own = f" by external_task_id {request.external_task_id!r}" if request.external_task_id else ""
    return (
        f"The create of a video by {request.model} was interrupted: it may have been made and billed. Look for it{own} "
        "in the gateway's console before you create it again."
    )


def _secret(headers: Any) -> Any:
    """Headers that no frame shows."""
    return SecretHeaders.of(headers)


def _media(given: Any) -> Any:
    """Media of what a caller gave; a mapping is the provider's own form."""
    return given if given is None or isinstance(given, Mapping) else image_of(given)


def _id_of(job: VideoJob | str, operation: str) -> str:
    if not isinstance(job, VideoJobData):
        return job
    if checked_family(job.family) != "videos":
        raise InvalidRequestError(
            f"There is no {operation} for a {job.family} job: only /v1/videos has one at this gateway."
        )
    return job.id


def _check_limit(limit: int | None) -> None:
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ValueError(f"limit must be a whole number from 1 up, or None, not {limit!r}.")


def _json_in(source: str | os.PathLike[str] | bytes | Mapping[str, Any]) -> str | bytes | dict[str, Any]:
    if isinstance(source, Mapping):
        return dict(source)
    if isinstance(source, bytes) or (isinstance(source, str) and source.lstrip()[:1] == "{"):
        return source
    try:
        return Path(source).read_bytes()
    except (OSError, ValueError) as failure:
        fault = (failure.strerror if isinstance(failure, OSError) else None) or str(failure)
    raise InvalidRequestError(f"The job {os.fspath(source)!r} cannot be read: {fault}.")


def _shortened(value: Any) -> Any:
    """A value with its long texts cut short, for people to read."""
    if isinstance(value, str):
        return value if len(value) <= 2000 else f"{value[:100]}... ({len(value):,} characters)"
    if isinstance(value, Mapping):
        return {key: _shortened(item) for key, item in value.items()}
    return [_shortened(item) for item in value] if isinstance(value, (list, tuple)) else value

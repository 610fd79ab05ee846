"""A gateway of all four families' video jobs on loopback, which refuses what their documents refuse.

It stands in where no server at hand speaks the protocol (`aimock` has no Kling, no results, no list). What it refuses
is `media_api.md` §4 to 7: a number where the wire has text and the other way round, another family's field, a job asked
for at another kind's path, a Veo operation asked for by GET, a result before its time, any key but its own.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import python_multipart

from tests.scripted_server import Answer

if TYPE_CHECKING:
    from tests.scripted_server import Request

KEY = "sk-stand-in"
_FRAMES = bytes(range(256)) * 40
MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + (len(_FRAMES) + 8).to_bytes(4) + b"mdat" + _FRAMES
WEBP = b"RIFF\x10\0\0\0WEBPVP8 " + bytes(600)
OPERATION = "projects/p/locations/l/publishers/google/models/{model}/operations/{id}"


class RefusedError(Exception):
    """The answer to what is not served."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body)
        self.answer = answer


@dataclass
class Job:
    """A job as the gateway keeps it."""

    id: str
    family: str
    asked: dict[str, Any]
    kind: str = ""
    polls: int = 0
    is_deleted: bool = False


@dataclass
class Gateway:
    """A ScriptedServer's `answer`.

    Attributes:
        polls: After how many polls a job is done.
        ending: `succeeded`, `failed`, `blocked` or `never`.
        media: Origin of results, in place of the gateway's own.
        jobs: What was made.
        answers: What is answered in place of the next answers to polls, one each.
    """

    polls: int = 2
    ending: str = "succeeded"
    media: str | None = None
    url: str = ""
    jobs: dict[str, Job] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    creates: int = 0
    polled: list[str] = field(default_factory=list)
    page_size: int = 2

    def __call__(self, request: Request) -> Answer:
        try:
            return self._answer(request)
        except RefusedError as refusal:
            return refusal.answer

    def _answer(self, request: Request) -> Answer:
        parts = urlsplit(request.path)
        if parts.path.startswith("/media/"):
            return Answer(MP4, headers={"content-type": "video/mp4", "etag": '"1"', "accept-ranges": "bytes"})
        if request.headers.get("authorization") != f"Bearer {KEY}":
            raise RefusedError(Answer({"error": {"message": "Invalid token", "type": "new_api_error"}}, 401))
        for pattern, serve in (
            (r"/v1/videos(?:/([^/]+)(?:/(content|remix))?)?", self._videos),
            (r"/seedance/v3/contents/generations/tasks(?:/([^/]+))?", self._seedance),
            (r"/kling/v1/videos/(text2video|image2video)(?:/([^/]+))?", self._kling),
            (r"/v1beta/models/([^/:]+):(predictLongRunning|fetchPredictOperation)", self._veo),
        ):
            if found := re.fullmatch(pattern, parts.path):
                names: list[Any] = [None if part is None else unquote(part) for part in found.groups()]
                return serve(request, parse_qs(parts.query), *names)
        return Answer(b"<!doctype html><title>One API</title>", headers={"content-type": "text/html"})

    # --- /v1/videos -------------------------------------------------------------------------------------------------

    def _videos(self, request: Request, query: dict[str, list[str]], job_id: str | None, what: str | None) -> Answer:
        if job_id is None:
            return self._list(query) if request.method == "GET" else self._create_videos(request)
        job = self._job(job_id, "videos", _openai("No such video.", 404))
        if request.method == "DELETE":
            job.is_deleted = True
            return Answer({"id": job.id, "object": "video.deleted", "deleted": True})
        if what == "remix":
            body = request.json()
            _require(body.keys() == {"prompt"} and body["prompt"], _openai("prompt is required."))
            _require(self._state(job) == "succeeded", _openai("The video is not completed."))
            made = self._new("videos", {**job.asked, **body}, f"video_{len(self.jobs)}")
            return Answer({**self._video(made), "remixed_from_video_id": job.id})
        if what == "content":
            _require(self._state(job) == "succeeded", _openai("Task is not completed yet, current status: queued"))
            variant = query.get("variant", ["video"])[0]
            _require(variant in {"video", "thumbnail", "spritesheet"}, _openai(f"variant {variant!r}"))
            return Answer(MP4 if variant == "video" else WEBP, headers={"content-type": "application/octet-stream"})
        return self._poll(job, self._video)

    def _create_videos(self, request: Request) -> Answer:
        if request.headers["content-type"].startswith("multipart/form-data"):
            asked, image = form(request)
            _require(image in {None, *IMAGES}, _openai("input_reference is no image."))
        else:
            asked = request.json()
            reference = asked.get("input_reference")
            _require(reference is None or isinstance(reference, dict), _openai("input_reference must be an object."))
        _require(asked.get("prompt"), _openai("prompt is required."))
        _require(isinstance(asked.get("seconds", ""), str), _openai("seconds must be a string."))
        _require(isinstance(asked.get("size", ""), str), _openai("size must be a string."))
        _refuse_unknown(asked, {"model", "prompt", "seconds", "size", "input_reference", "metadata"}, _openai)
        job = self._new("videos", asked, f"video:{len(self.jobs)}/x")  # gateways' ids hold such characters
        return Answer(self._video(job))

    def _list(self, query: dict[str, list[str]]) -> Answer:
        jobs = [job for job in self.jobs.values() if job.family == "videos" and not job.is_deleted]
        if "after" in query:
            jobs = jobs[[job.id for job in jobs].index(query["after"][0]) + 1 :]
        limit = min(int(query.get("limit", [self.page_size])[0]), self.page_size)
        page = [self._video(job) for job in jobs[:limit]]
        last = page[-1]["id"] if page else None
        return Answer({"object": "list", "data": page, "last_id": last, "has_more": len(jobs) > limit})

    def _video(self, job: Job) -> dict[str, Any]:
        state = self._state(job)
        words = {"succeeded": "completed", "running": "in_progress", "blocked": "failed"}
        video = {
            "id": job.id,
            "object": "video",
            "status": words.get(state, state),
            "created_at": 1_700_000_000,
            "model": job.asked["model"],
            "seconds": job.asked.get("seconds", "4"),
            "size": "720x1280",
            "progress": {"queued": 0, "running": 50, "succeeded": 100}.get(state, 100),
        }
        if state in REASONS:
            video["error"] = {"code": REASONS[state][0], "message": REASONS[state][1]}
        return video

    # --- Seedance ---------------------------------------------------------------------------------------------------

    def _seedance(self, request: Request, _: object, job_id: str | None) -> Answer:
        if request.method == "POST" and job_id is None:
            asked = request.json()
            _require(isinstance(asked.get("content"), list) and asked["content"], _ark("content"))
            for item in asked["content"]:
                kind = item.get("type")
                _require(
                    kind in {"text", "image_url", "video_url", "audio_url"} and item.get(kind), _ark("content.type")
                )
                _require(kind == "text" or _is_address(item[kind]["url"]), _ark("content.url"))
            for name, kind in {"duration": int, "seed": int, "camera_fixed": bool, "watermark": bool}.items():
                _require(type(asked.get(name, kind())) is kind, _ark(name))
            _require(asked.get("ratio", "16:9") in RATIOS, _ark("ratio"))
            known = {"model", "content", "duration", "seed", "camera_fixed", "watermark", "ratio", "resolution"}
            _refuse_unknown(asked, known | {"return_last_frame", "generate_audio"}, _ark)
            return Answer({"id": self._new("seedance", asked, f"cgt-{len(self.jobs)}").id})
        return self._poll(self._job(job_id, "seedance", _ark("ResourceNotFound", 404)), self._task)

    def _task(self, job: Job) -> dict[str, Any]:
        state = self._state(job)
        task = {"id": job.id, "model": job.asked["model"], "created_at": 1_700_000_000, "error": None}
        if state == "succeeded":
            task |= {"content": {"video_url": self._address(job)}, "duration": job.asked.get("duration", 5)}
            if job.asked.get("return_last_frame"):
                task["content"]["last_frame_url"] = self._address(job, "last_frame.png")
        if state in REASONS:
            code = "OutputVideoSensitiveContentDetected" if state == "blocked" else "InternalServiceError"
            task["error"] = {"code": code, "message": REASONS[state][1]}
        return task | {"status": "failed" if state in REASONS else state}

    # --- Kling ------------------------------------------------------------------------------------------------------

    def _kling(self, request: Request, _: object, kind: str, job_id: str | None) -> Answer:
        if request.method == "GET":
            job = self._job(job_id, "kling", _kling(1203, 404))
            _require(job.kind == kind, _kling(1203, 404))
            return self._poll(job, self._envelope)
        asked = request.json()
        _require("model" not in asked and isinstance(asked.get("model_name"), str), _kling(1201))
        for name in ("duration", "mode", "sound", "aspect_ratio", "negative_prompt"):
            _require(isinstance(asked.get(name, ""), str), _kling(1201))
        _require(isinstance(asked.get("cfg_scale", 0.5), (int, float)), _kling(1201))
        _require(not str(asked.get("image", "")).startswith("data:"), _kling(1201))
        _require(("image" in asked or "image_tail" in asked) == (kind == "image2video"), _kling(1201))
        _require(asked.get("prompt") or kind == "image2video", _kling(1201))
        own = asked.get("external_task_id")
        _require(
            own is None or all(own != job.asked.get("external_task_id") for job in self.jobs.values()), _kling(1201)
        )
        known = {"model_name", "prompt", "image", "image_tail", "duration", "mode", "sound", "aspect_ratio"}
        _refuse_unknown(asked, known | {"cfg_scale", "negative_prompt", "external_task_id"}, lambda _: _kling(1201))
        job = self._new("kling", asked, str(831_922_345_719_271_433 + len(self.jobs)), kind)
        return Answer(self._envelope(job))

    def _envelope(self, job: Job) -> dict[str, Any]:
        state = self._state(job)
        words = {"queued": "submitted", "running": "processing", "succeeded": "succeed"}
        data: dict[str, Any] = {
            "task_id": job.id,
            "task_status": words.get(state, "failed"),
            "created_at": 1_700_000_000_000,
            "task_info": {"external_task_id": job.asked.get("external_task_id", "")},
        }
        if state == "succeeded":
            video = {"id": "v1", "url": self._address(job), "duration": "5.041"}
            data["task_result"] = {"videos": [video | {"watermark_url": self._address(job, "marked.mp4")}]}
        if state in REASONS:
            said = {"blocked": "Failure to pass the risk control system"}
            data["task_status_msg"] = said.get(state, REASONS[state][1])
        return {"code": 0, "message": "SUCCEED", "request_id": "r", "data": data}

    # --- Veo --------------------------------------------------------------------------------------------------------

    def _veo(self, request: Request, _: object, model: str, what: str) -> Answer:
        _require(request.method == "POST", _google("Method not found.", 404))
        asked = request.json()
        if what == "fetchPredictOperation":
            _require(asked.keys() == {"operationName"}, _google("operationName"))
            job = self._job(asked["operationName"], "veo", _google("Operation not found.", 404))
            _require(job.asked["model"] == model, _google("another model's operation"))
            return self._poll(job, self._operation)
        _require(len(asked["instances"]) == 1, _google("instances"))
        (instance,), parameters = asked["instances"], asked.get("parameters", {})
        for name, kind in {"durationSeconds": int, "sampleCount": int, "generateAudio": bool}.items():
            _require(type(parameters.get(name, kind())) is kind, _google(name))
        for name in ("image", "lastFrame"):
            image = instance.get(name)
            _require(
                image is None or {"mimeType"} < image.keys() <= {"bytesBase64Encoded", "gcsUri", "mimeType"},
                _google(name),
            )
        _refuse_unknown(instance, {"prompt", "image", "lastFrame", "referenceImages"}, _google)
        known = {"durationSeconds", "sampleCount", "generateAudio", "aspectRatio", "resolution", "seed"}
        _refuse_unknown(parameters, known, _google)
        job = self._new("veo", {"model": model, **parameters}, OPERATION.format(model=model, id=len(self.jobs)))
        return Answer({"name": job.id})

    def _operation(self, job: Job) -> dict[str, Any]:
        state = self._state(job)
        if state in {"queued", "running"}:
            return {"name": job.id}
        if state == "failed":
            return {"name": job.id, "done": True, "error": {"code": 13, "message": REASONS[state][1]}}
        if state == "blocked":
            held = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [REASONS[state][1]]}
            return {"name": job.id, "done": True, "response": held}
        video = {"bytesBase64Encoded": base64.b64encode(MP4).decode(), "mimeType": "video/mp4"}
        return {"name": job.id, "done": True, "response": {"videos": [video] * job.asked.get("sampleCount", 1)}}

    # --- jobs -------------------------------------------------------------------------------------------------------

    def _new(self, family: str, asked: dict[str, Any], job_id: str, kind: str = "") -> Job:
        self.creates += 1
        self.jobs[job_id] = job = Job(job_id, family, asked, kind)
        return job

    def _job(self, job_id: str | None, family: str, missing: Answer) -> Job:
        job = self.jobs.get(job_id or "")
        if job is None or job.family != family or job.is_deleted:
            raise RefusedError(missing)
        return job

    def _poll(self, job: Job, show: Any) -> Answer:
        self.polled.append(job.id)
        if self.answers:
            return self.answers.pop(0)
        job.polls += 1
        return Answer(show(job))

    def _state(self, job: Job) -> str:
        if job.polls < self.polls or self.ending == "never":
            return "queued" if job.polls == 0 else "running"
        return self.ending

    def _address(self, job: Job, name: str = "v.mp4") -> str:
        return f"{self.media or self.url}/media/{job.family}/{name}?sig=a+b%2fc"


REASONS = {
    "failed": ("video_generation_failed", "The model broke down."),
    "blocked": ("moderation_blocked", "Your request was blocked by our moderation system."),
}
RATIOS = {"16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive"}
IMAGES = {"image/jpeg", "image/png", "image/webp"}


def form(request: Request) -> tuple[dict[str, str], str | None]:
    """Fields of a multipart form, and the type of its file."""
    found: dict[str, str] = {}
    types: list[str] = []
    head: dict[str, str] = {}
    name, value = bytearray(), bytearray()
    content = bytearray()

    def end_header() -> None:
        head[name.decode().lower()] = value.decode()
        name.clear()
        value.clear()

    def end_part() -> None:
        said = head["content-disposition"]
        field_name = re.search(r'[; ]name="([^"]*)"', said)
        assert field_name
        if "filename=" in said:
            types.append(head["content-type"])
        else:
            found[field_name[1]] = content.decode()
        head.clear()
        content.clear()

    def add(to: bytearray) -> Any:
        return lambda data, start, end: to.extend(data[start:end])

    boundary = request.headers["content-type"].partition("boundary=")[2].strip('"')
    parser = python_multipart.MultipartParser(
        boundary,
        {
            "on_header_field": add(name),
            "on_header_value": add(value),
            "on_header_end": end_header,
            "on_part_data": add(content),
            "on_part_end": end_part,
        },
    )
    parser.write(request.body)
    parser.finalize()
    return found, types[0] if types else None


def _require(holds: Any, answer: Answer) -> None:
    if not holds:
        raise RefusedError(answer)


def _refuse_unknown(asked: dict[str, Any], known: set[str], refusal: Any) -> None:
    _require(not asked.keys() - known, refusal(f"unknown: {sorted(asked.keys() - known)}"))


def _is_address(url: str) -> bool:
    return url.startswith(("http://", "https://", "data:"))


def _openai(message: str, status: int = 400) -> Answer:
    return Answer({"error": {"message": message, "type": "invalid_request_error", "code": None}}, status)


def _ark(word: str, status: int = 400) -> Answer:
    code = word if status == 404 else "InvalidParameter"
    return Answer(
        {"error": {"code": code, "message": f"The parameter is not valid: {word}", "type": "BadRequest"}}, status
    )


def _kling(code: int, status: int = 400) -> Answer:
    return Answer({"code": code, "message": "refused", "request_id": "r"}, status)


def _google(message: str, status: int = 400) -> Answer:
    word = "NOT_FOUND" if status == 404 else "INVALID_ARGUMENT"
    return Answer({"error": {"code": status, "message": message, "status": word}}, status)


def with_results_at(value: Any, media: str) -> Any:
    """An answer of a document with addresses that lead to `media`, and a film in place of its base64."""
    if isinstance(value, dict):
        return {
            key: base64.b64encode(MP4).decode() if key == "bytesBase64Encoded" else with_results_at(item, media)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [with_results_at(item, media) for item in value]
    if isinstance(value, str) and value.startswith("data:video"):
        return f"data:video/mp4;base64,{base64.b64encode(MP4).decode()}"
    return re.sub(r"https?://[\w.-]+/", f"{media}/", value) if isinstance(value, str) else value


MODELS = {
    "videos": "sora-2",
    "seedance": "doubao-seedance-1-0-pro",
    "kling": "kling-v2-6",
    "veo": "veo-3.1-generate-001",
}
"""A model of each family."""

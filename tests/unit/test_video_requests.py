"""Every request of the four video families: as documented, with what is wrong in it refused before money is spent."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.media_examples import needs_examples, requests
from tests.openapi import problems
from tikhub_ai import InvalidRequestError
from tikhub_ai.apis import kling, veo, videos
from tikhub_ai.apis.jobs.fields import FIELDS
from tikhub_ai.apis.jobs.images import media_of_bytes, media_of_text
from tikhub_ai.apis.jobs.paths import DEFAULT_PATHS
from tikhub_ai.conversation import Media
from tikhub_ai.video_families import FAMILIES, codec_of
from tikhub_ai.video_job import VideoRequest
from tikhub_ai.wire import ApiRequest, FilePart

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
PNG_TEXT = base64.b64encode(PNG).decode()
LINK = "https://e.com/a.png"
MODELS = {"videos": "sora-2", "seedance": "doubao-seedance-1-5-pro-251215", "kling": "kling-v2-6", "veo": "veo-3.1"}


def png() -> Media:
    return media_of_bytes(PNG, "a.png")


def linked(url: str = LINK) -> Media:
    found = media_of_text(url)
    assert found is not None
    return found


def encode(family: str, **asked: Any) -> ApiRequest:
    asked = {"model": MODELS[family], "prompt": "p", **asked}
    return codec_of(family).encode(VideoRequest(**asked))


def form(request: ApiRequest) -> list[tuple[str, str]]:
    return [
        (part.name, f"FILE {part.filename} {part.content_type}") if isinstance(part, FilePart) else part
        for part in request.form or ()
    ]


# --- the documented requests, asked for by our names -----------------------------------------------------------------

ASKED: dict[str, VideoRequest] = {
    # kling
    "text2video, TikHub's page": VideoRequest(
        "kling-v2-6",
        "A cute little rabbit wearing glasses, sitting at a table, reading a newspaper",
        fields={"duration": 5, "mode": "pro", "sound": True, "aspect_ratio": "16:9"},
    ),
    "image2video": VideoRequest(
        "kling-v2-5-turbo",
        "p",
        image=Media("image", data="iVBORw0KGgo=", mime_type="image/png"),
        last_image=linked("https://e.com/last.png"),
        fields={
            "negative_prompt": "blurry",
            "duration": 5.0,
            "mode": "std",
            "sound": "off",
            "watermark_info": False,
            "external_task_id": "i2v-start-20260526-001",
        },
    ),
    "multi-shot (v3)": VideoRequest(
        "kling-v3",
        fields={
            "multi_shot": "true",
            "shot_type": "customize",
            "multi_prompt": [
                {"index": "1", "prompt": "a", "duration": 4},
                {"index": 2, "prompt": "b", "duration": "6"},
            ],
            "duration": 10,
            "mode": "pro",
        },
    ),
    # seedance
    "create, TikHub's page": VideoRequest(
        "doubao-seedance-1-5-pro-251215",
        "A girl walking through a sunlit meadow",
        fields={"ratio": "16:9", "duration": "5", "watermark": "false"},
    ),
    "first and last frame": VideoRequest(
        "doubao-seedance-1-5-pro-251215",
        "p",
        image=Media("image", data="iVBORw0KGgo=", mime_type="image/png"),
        last_image=linked("https://example.com/last.png"),
        fields={"resolution": "720p", "generate_audio": True, "seed": 42.0, "service_tier": "default"},
    ),
    "references (2.0)": VideoRequest(
        "doubao-seedance-2-0-260128",
        "p",
        references=(
            linked(),
            Media("video", url="https://e.com/a.mp4"),
            Media("audio", url="https://e.com/a.mp3"),
        ),
    ),
    # videos
    "create with an image, openai-python 3.57": VideoRequest("sora-2", "p", image=png()),
    "create with an image url": VideoRequest(
        "sora-2", "p", image=linked("https://example.com/a.png"), fields={"seconds": 8, "size": "1280x720"}
    ),
    # veo
    "create": VideoRequest(
        "veo-3.1-generate-001",
        "a calm ocean wave at sunset",
        fields={"durationSeconds": "8", "aspectRatio": "16:9", "sampleCount": 1.0},
    ),
    "image": VideoRequest(
        "veo-3.1-generate-001",
        "p",
        image=Media("image", data="iVBORw0KGgo=", mime_type="image/png"),
        last_image=Media("image", url="gs://b/l.png", mime_type="image/png"),
        fields={
            "resolution": "1080p",
            "generateAudio": "true",
            "personGeneration": "allow_adult",
            "negativePrompt": "n",
            "seed": "7",
            "resizeMode": "pad",
        },
    ),
}
SORA = VideoRequest("sora-2", "A calico cat playing a piano on stage")
OPERATION = (
    "projects/P/locations/us-central1/publishers/google/models/veo-3.1-generate-001/operations/"
    "a1b07c8e-7b5a-4aba-bb34-3e1ccb8afcc8"
)


def made(family: str, name: str) -> ApiRequest:
    if (family, name) == ("videos", "create, TikHub's page"):
        return videos.encode(SORA)
    if name == "remix":
        return videos.remix("video_123", "Extend the scene", request=SORA)
    if name == "fetch":
        return veo.get(OPERATION, model="veo-3.1-generate-001")
    return codec_of(family).encode(ASKED[name])


@needs_examples
@pytest.mark.parametrize(
    ("family", "example"),
    [
        pytest.param(family, param.values[0], id=f"{family}: {param.id}")
        for family in FAMILIES
        for param in requests(family)
    ],
)
def test_every_documented_request_is_what_ours_becomes(family: str, example: dict[str, Any]) -> None:
    request = made(family, example["name"])
    assert (request.method, request.path) == (example["method"], example["path"])
    if "multipart" in example:
        assert form(request) == [tuple(part) for part in example["multipart"]]
    else:
        assert request.body == example["json"]
        assert problems(request.path, request.body) == []


@pytest.mark.parametrize("seconds", [4, "4", 4.0])
@pytest.mark.parametrize("image", [None, LINK, "file"])
def test_a_create_of_v1_videos_is_what_the_specification_allows(seconds: Any, image: str | None) -> None:
    given = {"image": png() if image == "file" else linked(image)} if image else {}
    request = encode("videos", fields={"seconds": seconds, "size": "720x1280"}, **given)
    body = request.body or dict(form(request))
    assert problems("/v1/videos", body, is_form=request.form is not None) == []
    assert body["seconds"] == "4"
    assert (request.form is None) is (image != "file")


# --- what is never sent twice ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_a_create_is_sent_again_only_where_the_server_made_nothing_and_a_poll_always(family: str) -> None:
    create = encode(family)
    assert create.retry_when_sent is False
    assert create.made_nothing is not None
    poll = codec_of(family).get("id", model="m", kind="text2video")
    assert poll.retry_when_sent is True
    assert create.judge is not None
    assert poll.judge is not None
    assert videos.remix("id", "p", request=SORA).retry_when_sent is False


@pytest.mark.parametrize("family", FAMILIES)
def test_the_callers_headers_go_along_and_stay_out_of_sight(family: str) -> None:
    request = encode(family, extra_headers={"x-secret": "canary"})
    assert request.extra_headers == {"x-secret": "canary"}
    assert "canary" not in repr(request) + repr(VideoRequest("m", extra_headers={"x-secret": "canary"}))


# --- fields ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_a_field_that_nobody_knows_passes_through(family: str) -> None:
    request = encode(family, fields={"brand_new_field": {"a": 1}})
    assert {"a": 1} in [request.body.get("brand_new_field"), request.body.get("parameters", {}).get("brand_new_field")]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_field_of_none_is_not_sent(family: str) -> None:
    request = encode(family, fields=dict.fromkeys([*FIELDS[family], "brand_new_field"]))
    assert request.body == encode(family).body


FOREIGN = [
    (family, name, value)
    for name, value in {
        "durationSeconds": 8,
        "sampleCount": 1,
        "aspectRatio": "16:9",
        "generateAudio": True,
        "cfg_scale": 0.5,
        "camera_control": {"type": "simple"},
        "multi_shot": True,
        "camera_fixed": True,
        "return_last_frame": True,
        "execution_expires_after": 3600,
    }.items()
    for family in FAMILIES
    if name not in FIELDS[family]
]


@pytest.mark.parametrize(("family", "name", "value"), FOREIGN)
def test_a_field_of_another_family_alone_is_refused_and_extra_body_sends_it(family: str, name: str, value: Any) -> None:
    with pytest.raises(InvalidRequestError, match=f"{name} is a field of .*, not of {family}"):
        encode(family, fields={name: value})
    assert encode(family, extra_body={name: value}).body[name] == value


def test_the_refusal_names_the_field_to_use() -> None:
    with pytest.raises(InvalidRequestError, match="The name here is durationSeconds"):
        encode("veo", fields={"duration": 5})
    with pytest.raises(InvalidRequestError, match="The name here is duration"):
        encode("kling", fields={"seconds": "5"})


@pytest.mark.parametrize(
    ("family", "name", "given", "sent"),
    [
        ("kling", "duration", 5, "5"),
        ("kling", "cfg_scale", "0.5", 0.5),
        ("kling", "sound", False, "off"),
        ("kling", "external_task_id", 17, "17"),
        ("kling", "watermark_info", True, {"enabled": True}),
        ("kling", "image_tail", f"data:image/png;base64,{PNG_TEXT}", PNG_TEXT),
        ("seedance", "duration", "-1", -1),
        ("seedance", "seed", "4294967295", 4294967295),
        ("seedance", "camera_fixed", 1, True),
        ("videos", "seconds", 8, "8"),
        ("videos", "input_reference", LINK, {"image_url": LINK}),
    ],
)
def test_a_known_field_of_the_wrong_type_is_converted(family: str, name: str, given: Any, sent: Any) -> None:
    assert encode(family, fields={name: given}).body[name] == sent


@pytest.mark.parametrize(
    ("family", "name", "given"),
    [
        ("seedance", "duration", 5.5),
        ("seedance", "duration", "five"),
        ("seedance", "duration", [5]),
        ("seedance", "watermark", "perhaps"),
        ("veo", "durationSeconds", float("nan")),
        ("veo", "seed", float("inf")),
        ("kling", "duration", True),
        ("kling", "cfg_scale", "much"),
        ("kling", "multi_prompt", "a shot"),
        ("kling", "multi_prompt", [{"duration": [1]}]),
        ("videos", "seconds", {"n": 8}),
    ],
)
def test_what_cannot_be_converted_is_refused(family: str, name: str, given: Any) -> None:
    with pytest.raises(InvalidRequestError, match=f"{family} takes no {name}="):
        encode(family, fields={name: given})


def test_the_callers_own_fields_are_not_changed() -> None:
    shots = [{"index": 1, "prompt": "a", "duration": 4}]
    encode("kling", fields={"multi_prompt": shots})
    assert shots == [{"index": 1, "prompt": "a", "duration": 4}]
    content = [{"type": "draft_task", "draft_task": {"id": "d"}}]
    assert len(encode("seedance", fields={"content": content}).body["content"]) == 2
    assert len(content) == 1


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("asked", [{"model": ""}, {"model": None}, {"prompt": None}, {"prompt": "  "}, {"prompt": 3}])
def test_a_request_for_nothing_is_refused(family: str, asked: Any) -> None:
    with pytest.raises(InvalidRequestError):
        encode(family, **asked)


# --- images ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [PNG_TEXT, f"data:image/png;base64,{PNG_TEXT}", f"  {PNG_TEXT}\n"])
def test_text_of_an_image_is_the_image(given: str) -> None:
    assert media_of_text(given) == Media("image", data=PNG_TEXT, mime_type="image/png")


def test_a_wrong_label_yields_to_the_first_bytes() -> None:
    assert linked(f"data:image/jpeg;base64,{PNG_TEXT}").mime_type == "image/png"
    assert linked("data:image/x-new;base64,AAECAwQFBgcICQ==").mime_type == "image/x-new"


@pytest.mark.parametrize("given", ["a.png", "photos/cat.jpg", "cat", "AAAAAAAAAAAAAAAA", ""])
def test_text_that_may_be_a_path_is_no_image(given: str) -> None:
    assert media_of_text(given) is None


@pytest.mark.parametrize("given", ["data:image/png,raw", "data:image/png;base64,", "data:image/png;base64,!!!!"])
def test_a_data_uri_without_base64_is_refused(given: str) -> None:
    with pytest.raises(InvalidRequestError, match="holds no base64"):
        media_of_text(given)
    with pytest.raises(InvalidRequestError, match="empty"):
        media_of_bytes(b"")


def test_each_family_has_its_own_form_of_an_image() -> None:
    assert form(encode("videos", image=png()))[-1] == ("input_reference", "FILE a.png image/png")
    assert encode("videos", image=linked()).body["input_reference"] == {"image_url": LINK}
    assert encode("seedance", image=png()).body["content"][1] == {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{PNG_TEXT}"},
    }
    assert encode("kling", image=png()).body["image"] == PNG_TEXT
    assert encode("kling", image=linked()).body["image"] == LINK
    assert encode("veo", image=png()).body["instances"][0]["image"] == {
        "bytesBase64Encoded": PNG_TEXT,
        "mimeType": "image/png",
    }
    assert encode("veo", references=(png(),)).body["instances"][0]["referenceImages"] == [
        {"image": {"bytesBase64Encoded": PNG_TEXT, "mimeType": "image/png"}, "referenceType": "asset"}
    ]


def test_an_image_in_the_providers_own_form_goes_as_it_is() -> None:
    assert encode("videos", image={"file_id": "file-1"}).body["input_reference"] == {"file_id": "file-1"}
    assert encode("veo", image={"gcsUri": "gs://b/a"}).body["instances"][0]["image"] == {"gcsUri": "gs://b/a"}
    assert encode("seedance", image={"url": LINK}).body["content"][1]["image_url"] == {"url": LINK}


@pytest.mark.parametrize(
    ("family", "asked", "reason"),
    [
        ("veo", {"image": linked()}, "image is an http address, which Veo does not fetch"),
        ("veo", {"last_image": linked()}, "last_image is an http address"),
        ("veo", {"references": (linked(),)}, "references is an http address"),
        ("videos", {"last_image": linked()}, "nothing for last_image"),
        ("videos", {"references": (linked(),)}, "nothing for references"),
        ("kling", {"references": (linked(),)}, "element_list"),
        ("kling", {"image": {"file_id": "x"}}, "a URL or base64 alone"),
        ("seedance", {"image": Media("video", data="AAAA", mime_type="video/mp4")}, "image is video/mp4"),
    ],
)
def test_an_image_that_the_wire_cannot_carry_is_refused_with_the_reason(family: str, asked: Any, reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason):
        encode(family, **asked)


@pytest.mark.parametrize(
    "asked",
    [{"image": png()}, {"last_image": png()}, {"fields": {"image_tail": LINK}}, {"extra_body": {"image": LINK}}],
)
def test_kling_goes_by_its_images_to_another_path_and_kind(asked: Any) -> None:
    assert encode("kling", **asked).path == DEFAULT_PATHS["kling.image2video"]
    assert kling.kind_of(VideoRequest("kling-v3", "p", **asked)) == "image2video"
    assert kling.kind_of(VideoRequest("kling-v3", "p")) == "text2video"

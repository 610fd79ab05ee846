"""Addresses from outside: whose origin they have, and which of them nobody is led to."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from tikhub_ai import DownloadError
from tikhub_ai.http.addresses import Address, address_of, redirected

BASE = "https://ai.tikhub.io"


def is_own(address: Address, base_url: str = BASE) -> bool:
    return address.has_origin_of(address_of("/", base_url))


@pytest.mark.parametrize(
    ("url", "base_url", "expected", "own"),
    [
        ("/v1/videos/1/content", BASE, f"{BASE}/v1/videos/1/content", True),
        ("/v/1?a=b", "https://host/prefix", "https://host/v/1?a=b", True),
        ("v/1.mp4", "https://host/prefix", "https://host/prefix/v/1.mp4", True),
        ("?id=1", "https://host/prefix", "https://host/prefix/?id=1", True),
        ("//cdn.example.com/v", BASE, "https://cdn.example.com/v", False),
        ("https://ai.tikhub.io:443/v", BASE, "https://ai.tikhub.io:443/v", True),
        ("HTTPS://AI.TikHub.io/v", BASE, "https://AI.TikHub.io/v", True),
        ("http://ai.tikhub.io/v", BASE, "http://ai.tikhub.io/v", False),
        ("https://ai.tikhub.io:8443/v", BASE, "https://ai.tikhub.io:8443/v", False),
        ("https://ai.tikhub.io.evil.com/v", BASE, "https://ai.tikhub.io.evil.com/v", False),
        ("https://ai.tikhub.io./v", BASE, "https://ai.tikhub.io./v", False),
        ("https://cdn.example.com", BASE, "https://cdn.example.com/", False),
        ("https://cdn.example.com?a=1#t=3", BASE, "https://cdn.example.com/?a=1", False),
        ("  https://cdn.example.com/v\n", BASE, "https://cdn.example.com/v", False),
        (
            "https://b\u00fccher.example/\u00e4 b?c=\u4f60",
            BASE,
            "https://xn--bcher-kva.example/%C3%A4%20b?c=%E4%BD%A0",
            False,
        ),
        ("http://[2001:db8::1]:8080/v", BASE, "http://[2001:db8::1]:8080/v", False),
        ("http://127.0.0.1:3000/v", "http://127.0.0.1:3000", "http://127.0.0.1:3000/v", True),
        ("http://localhost:9000/v", "http://127.0.0.1:3000", "http://localhost:9000/v", False),
        ("http://192.168.0.5:9000/v", BASE, "http://192.168.0.5:9000/v", False),
        ("/v:1.mp4", BASE, f"{BASE}/v:1.mp4", True),
        ("/\u00e4", BASE, f"{BASE}/%C3%A4", True),
        ("/a b", BASE, f"{BASE}/a%20b", True),
        ("/\ud83d", BASE, f"{BASE}/%3F", True),  # half an emoji, which no encoding has
    ],
)
def test_an_address_is_joined_and_told_by_its_origin(url: str, base_url: str, expected: str, own: bool) -> None:
    address = address_of(url, base_url)
    assert address.url == expected
    assert is_own(address, base_url) is own


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (None, "names no address"),
        ("", "names no address"),
        (" \n", "names no address"),
        ("gs://bucket/video.mp4", "Google Cloud Storage.*storageUri"),
        ("s3://bucket/video.mp4", "AWS"),
        ("file:///etc/passwd", "only http and https"),
        ("FILE:///etc/passwd", "only http and https"),
        ("ftp://host/v", "only http and https"),
        ("javascript:alert(1)", "only http and https"),
        ("blob:https://host/1", "only http and https"),
        ("video:1.mp4", "only http and https"),
        ("http:/host/v", "malformed"),
        ("https:host/v", "malformed"),
        ("https://host/v\r\nX-Header: 1", "malformed"),
        ("https://host/\x00", "malformed"),
        ("https://", "host cannot be read"),
        ("https:///v", "host cannot be read"),
        ("https://user:secret@cdn.example.com/v", "credentials"),
        ("https://ai.tikhub.io@evil.com/v", "credentials"),
        ("https://evil.com\\@ai.tikhub.io/v", "credentials"),
        ("https://evil.com\\.ai.tikhub.io/v", "host cannot be read"),
        ("https://host name/v", "host cannot be read"),
        ("https://host:port/v", "host cannot be read"),
        ("https://host:99999/v", "host cannot be read"),
        ("https://host:0/v", "host cannot be read"),
        ("https://ho%73t/v", "host cannot be read"),
        ("https://2130706433/v", "host cannot be read"),
        ("https://0x7f.1/v", "host cannot be read"),
        ("https://127.1/v", "host cannot be read"),
        ("http://127.0.0.1:3000/v", "into this machine"),
        ("http://localhost/v", "into this machine"),
        ("http://x.localhost/v", "into this machine"),
        ("http://0.0.0.0/v", "into this machine"),
        ("http://[::1]/v", "into this machine"),
        ("http://[::ffff:127.0.0.1]/v", "into this machine"),
        ("http://169.254.169.254/latest/meta-data", "into this machine"),
        ("http://[fe80::1]/v", "into this machine"),
    ],
)
def test_an_address_that_leads_nowhere_good_is_refused_with_the_reason(url: str | None, words: str) -> None:
    with pytest.raises(DownloadError, match=words) as caught:
        address_of(url, BASE)
    assert "secret" not in str(caught.value)
    if url and url.startswith(("http:", "https:")) and url != "https://":
        with pytest.raises(DownloadError, match=words):
            redirected(url, address_of("/v", BASE), BASE)


def test_an_error_shows_no_signature() -> None:
    with pytest.raises(DownloadError) as caught:
        address_of("https://2130706433/v?X-Signature=hidden", BASE)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/other", f"{BASE}/other"),
        ("other?x=1", f"{BASE}/a/other?x=1"),
        ("//cdn.example.com/v?s=%2f+", "https://cdn.example.com/v?s=%2f+"),
        ("https://cdn.example.com/v?s=%2F&'[]|=", "https://cdn.example.com/v?s=%2F&'[]|="),
        ("http://cdn.example.com/v", "http://cdn.example.com/v"),
    ],
)
def test_a_redirect_is_joined_to_the_address_that_answered(location: str, expected: str) -> None:
    assert redirected(location, address_of("/a/b", BASE), BASE).url == expected


def test_a_redirect_of_the_gateway_to_itself_without_tls_is_refused() -> None:
    with pytest.raises(DownloadError, match=r"without TLS.*the key is not sent"):
        redirected("http://ai.tikhub.io/v", address_of("/v", BASE), BASE)


ALPHABET = "ai.tkhub/:@\\?#%[]0 \t" + "e\u00e4\u3002"


@given(st.text(ALPHABET, max_size=30))
@example("//ai.tikhub.io\\@evil")
@example("//ai.tikhub.io\u3002")
def test_the_http_libraries_read_the_same_host_as_we(rest: str) -> None:
    """Else the key could go where we believe that it does not."""
    try:
        address = address_of(f"https:{rest}", BASE)
    except DownloadError:
        return
    for host, port in (
        (httpx.URL(address.url).host, httpx.URL(address.url).port),
        (URL(address.url, encoded=True).host, URL(address.url, encoded=True).explicit_port),
    ):
        assert (host or "").strip("[]") == address.host.strip("[]")
        assert (port or 443) == address.port


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#")))
def test_path_and_query_stay_as_they_are(target: str) -> None:
    assert address_of(f"https://cdn.example.com/{target}", BASE).url == f"https://cdn.example.com/{target}"

"""`make release-check`: what can be told without building, and that it sees what it is there to see."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

import scripts.release_check as release

if TYPE_CHECKING:
    from pathlib import Path

VERSION = release.version_of_the_source()
METADATA = "\n".join(
    [
        "Metadata-Version: 2.4",
        "Name: tikhub-ai",
        *(f"Project-URL: {name}, https://github.com/tikhub/tikhub-ai" for name in release.URLS),
        "",
        "[a page](https://example.com) and [a place](#here)",
    ]
)


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The files of a wheel without a fault, to be spoilt."""
    files = dict.fromkeys((*release.NEEDED, "tikhub_ai/__init__.py"), b"x")
    monkeypatch.setattr(release, "_tracked", lambda: set(files))
    info = f"tikhub_ai-{VERSION}.dist-info/"
    return files | {
        f"{info}METADATA": METADATA.encode(),
        f"{info}entry_points.txt": b"[console_scripts]\ntikhub-ai = tikhub_ai.doctor.cli:main",
        f"{info}licenses/LICENSE": b"MIT",
    }


def faults_of(files: dict[str, bytes], folder: Path) -> list[str]:
    path = folder / "a.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    check = release.Check()
    release.inside_the_wheel(check, path, VERSION)
    return check.faults


def test_source_changelog_citation_classifiers_and_workflows_agree_now() -> None:
    check = release.Check()
    release.agree(check, VERSION, tag=None)
    assert check.faults == []
    assert release.notes_of(VERSION)


def test_another_tag_or_version_is_a_fault() -> None:
    check = release.Check()
    release.agree(check, "9.9.9", tag="v1.0.0")
    assert "the tag is v1.0.0, and the version 9.9.9" in check.faults
    assert "CITATION.cff names another version" in check.faults
    assert "the changelog says nothing of 9.9.9" in check.faults


def test_a_whole_wheel_has_no_fault(wheel: dict[str, bytes], tmp_path: Path) -> None:
    assert faults_of(wheel, tmp_path) == []


@pytest.mark.parametrize("name", release.NEEDED)
def test_a_file_that_is_missing_is_a_fault(wheel: dict[str, bytes], tmp_path: Path, name: str) -> None:
    del wheel[name]
    assert f"wheel lacks {name}" in faults_of(wheel, tmp_path)


@pytest.mark.parametrize(
    "name",
    ["tests/test_x.py", "tikhub_ai/.env", "tikhub_ai/notes.orig", "tikhub_ai/__pycache__/a.pyc", ".venv/bin/python"],
)
def test_a_stray_file_is_a_fault(wheel: dict[str, bytes], tmp_path: Path, name: str) -> None:
    assert any(name in fault for fault in faults_of({**wheel, name: b"x"}, tmp_path))


@pytest.mark.parametrize(
    "content",
    [
        b"key = 'sk-" + b"a1B2" * 10 + b"'",
        b"AKIA" + b"ABCDEFGH12345678",
        b"-----BEGIN RSA PRIVATE" + b" KEY-----",
        b"ghp_" + b"a" * 36,
    ],
)
def test_what_looks_like_a_secret_is_a_fault(wheel: dict[str, bytes], tmp_path: Path, content: bytes) -> None:
    wheel["tikhub_ai/__init__.py"] = content
    assert faults_of(wheel, tmp_path) == ["wheel has what looks like a secret in tikhub_ai/__init__.py"]


def test_a_link_that_leads_nowhere_on_pypi_is_a_fault(wheel: dict[str, bytes], tmp_path: Path) -> None:
    name = f"tikhub_ai-{VERSION}.dist-info/METADATA"
    wheel[name] = wheel[name].replace(b"https://example.com", b"docs/apis.md")
    assert faults_of(wheel, tmp_path) == ["what PyPI shows has a link that leads nowhere there: docs/apis.md"]


def test_an_sdist_with_what_the_repository_has_not_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = ["pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "tests/conftest.py", "Makefile"]
    monkeypatch.setattr(release, "_tracked", lambda: set(kept))
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in (*kept, "PKG-INFO", "secrets.txt"):
            member = tarfile.TarInfo(f"tikhub_ai-{VERSION}/{name}")
            archive.addfile(member, io.BytesIO())
    check = release.Check()
    release.inside_the_sdist(check, path, VERSION)
    assert check.faults == ["sdist has what the repository has not: secrets.txt"]

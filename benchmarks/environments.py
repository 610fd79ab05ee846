"""An environment for each competitor, so that none holds back what another stands on. Standard library only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACE = ROOT / ".venv-bench" / "competitors"

REQUIREMENTS: dict[str, list[str]] = {
    "floor-langchain": ["langchain-core", "httpx", "orjson"],
    "floor-llama-index": ["llama-index-core", "httpx", "orjson"],
    "tikhub-langchain": ["-e", f"{ROOT}[langchain]"],
    "tikhub-llama-index": ["-e", f"{ROOT}[llama-index]"],
    "tikhub-numpy": ["-e", f"{ROOT}[langchain]", "numpy"],
    "langchain-openai": ["langchain-openai>=1.7"],
    "langchain-anthropic": ["langchain-anthropic>=1.7"],
    "langchain-google-genai": ["langchain-google-genai>=4.4"],
    "langchain-deepseek": ["langchain-deepseek>=1.1"],
    "langchain-openrouter": ["langchain-openrouter>=0.2"],
    "langchain-litellm": ["langchain-litellm>=0.11"],
    "any-llm": ["any-llm-sdk[openai]>=1.40"],
    "llama-index-openai": ["llama-index-llms-openai>=0.8", "llama-index-embeddings-openai>=0.7"],
    "llama-index-anthropic": ["llama-index-llms-anthropic>=0.12", "anthropic<1"],  # with a newer one its calls fail
    "llama-index-google-genai": ["llama-index-llms-google-genai>=0.11"],
    "llama-index-openai-like": ["llama-index-llms-openai-like>=0.8"],
    "openai": ["openai>=2.50"],
    "anthropic": ["anthropic>=2.10"],
    "google-genai": ["google-genai>=3"],
}
"""By the name of the environment, what is installed into it: the newest that there is."""
SHOWN = frozenset(
    {"aiohttp", "anthropic", "any-llm-sdk", "google-genai", "httpx", "httpx2", "langchain-core", "litellm",
     "llama-index-core", "openai", "openrouter", "orjson", "pydantic"}
)  # fmt: skip
"""Packages whose versions the page tells, beside those that were asked for."""
_VERSIONS = (
    "import importlib.metadata as m, json; print(json.dumps({d.name.lower(): d.version for d in m.distributions()}))"
)
_CODE = frozenset({"pip", "setuptools", "__pycache__"})


def python(name: str) -> str:
    """The interpreter of an environment, which is made where it is missing or asks for something else by now."""
    place = PLACE / name
    stamp, wanted = place / "requirements.json", json.dumps(REQUIREMENTS[name])
    interpreter = str(place / "bin" / "python")
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Installing {name} ...", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", place], check=True)
        # uv links what several environments have in common, and takes seconds where pip takes minutes.
        install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", interpreter]
        subprocess.run([*install, *REQUIREMENTS[name]], check=True)
        stamp.write_text(wanted)
    return interpreter


def versions(name: str) -> dict[str, str]:
    """The versions of what was asked for in an environment, and of what is shown anyway."""
    run = subprocess.run([python(name), "-c", _VERSIONS], capture_output=True, text=True, check=True)
    asked = {one.partition(">")[0].partition("[")[0] for one in REQUIREMENTS[name]}
    return {package: version for package, version in json.loads(run.stdout).items() if package in asked | SHOWN}


def megabytes(name: str) -> float:
    """What an environment's packages take on the disk, ours included and compiled files left out."""
    (packages,) = (PLACE / name / "lib").glob("python3*/site-packages")
    total = _size(packages)
    if name.startswith("tikhub"):
        adapter = "langchain_tikhub" if name.endswith("langchain") else "llama_index_tikhub"
        total += _size(ROOT / "tikhub_ai") + _size(ROOT / adapter)
    return total / 1e6


def _size(place: Path) -> int:
    total = 0
    for folder, folders, files in os.walk(place):
        folders[:] = [one for one in folders if one not in _CODE and not one.startswith("pip-")]
        total += sum((Path(folder) / file).lstat().st_size for file in files if not file.endswith(".pyc"))
    return total


if __name__ == "__main__":
    for environment in REQUIREMENTS:
        python(environment)

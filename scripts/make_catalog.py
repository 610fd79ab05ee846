"""Make tikhub_ai/catalog.json from the model facts that LangChain's partner packages ship, and catalog_rules.toml.

`make catalog` does it in an environment of its own, since the packages (the group `catalog` of pyproject.toml) bring
the vendors' SDKs.

The same packages and rules give the same file but for its date, which `--date` sets. What it prints are the facts on
which a package and the rules disagree: the package wins, unless a correction in catalog_rules.toml says otherwise.
"""

from __future__ import annotations

import argparse
import json
import runpy
import sys
import tomllib
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tikhub_ai.catalog import FIELDS, ModelFacts, by_rules, family, matches, plain_name  # noqa: E402 - after it is on the path

RULES = ROOT / "scripts" / "catalog_rules.toml"
CATALOG = ROOT / "tikhub_ai" / "catalog.json"
ABOUT = (
    "Made by scripts/make_catalog.py: change scripts/catalog_rules.toml, not this. 'models' are whole; for other names "
    "each of the 'rules' that matches adds to those before it. What is not said is as ModelFacts has it."
)
PACKAGES = ("langchain-anthropic", "langchain-deepseek", "langchain-google-genai", "langchain-openai", "langchain-xai")
DEFAULTS = ModelFacts()


def profiles_of(package: str) -> dict[str, dict[str, Any]]:
    """The profiles that a package ships, by plain model name."""
    spec = find_spec(package.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed in {sys.prefix}.\n\n{__doc__}")
    shipped = runpy.run_path(str(Path(spec.origin).parent / "data" / "_profiles.py"))["_PROFILES"]
    return {plain_name(name): profile for name, profile in shipped.items()}


def read_rules() -> dict[str, Any]:
    """catalog_rules.toml, with its lists put in where they are named."""
    document = tomllib.loads(RULES.read_text())
    for entry in document["rule"] + document["correction"]:
        for key, value in entry.items():
            if key not in {*FIELDS, "match", "why"}:
                raise SystemExit(f"{RULES.name}: {key!r} is no field of ModelFacts.")
            if isinstance(value, list):
                named = [document["lists"][item[1:]] if item.startswith("@") else [item] for item in value]
                entry[key] = [item for items in named for item in items]
            elif value is False and getattr(DEFAULTS, key) is None:
                entry[key] = None
    return document


def said_by(profile: dict[str, Any]) -> dict[str, Any]:
    """A profile in the words of ModelFacts; empty where the package only has its own additions to a model unknown."""
    if "max_output_tokens" not in profile:
        return {}
    said: dict[str, Any] = {
        "context_window": profile.get("max_input_tokens"),
        "max_output_tokens": profile["max_output_tokens"],
        "outputs": [kind for kind in ("image", "audio", "video") if profile.get(f"{kind}_outputs")],
        "tools": profile.get("tool_calling"),
        "structured_output": profile.get("structured_output"),
        "reasoning": profile.get("reasoning_output"),
        "reasoning_efforts": profile.get("reasoning_effort_levels"),
        "reasoning_effort_default": profile.get("reasoning_effort_default"),
        "inputs": [kind for kind in ("image", "audio", "video") if profile.get(f"{kind}_inputs")],
    }
    # PDF input is said for a whole provider at once; models that cannot see do not have it.
    if profile.get("pdf_inputs") and profile.get("image_inputs"):
        said["inputs"].append("file")
    if profile.get("tool_choice") is False:
        said["forced_tool_choice"] = False
    return {key: value for key, value in said.items() if value is not None}


def whole(name: str, known: dict[str, Any]) -> dict[str, Any]:
    """A model's facts as they are listed: in the order of ModelFacts, without its defaults."""
    if not known.get("reasoning"):
        known = known | {"reasoning_by_default": False, "reasoning_efforts": [], "reasoning_effort_default": None}
    if (known.get("max_input_tokens") or 0) >= known.get("context_window", DEFAULTS.context_window):
        known = known | {"max_input_tokens": None}
    values = {key: known[key] for key in FIELDS if key in known}
    return {
        key: value
        for key, value in values.items()
        if value != (family(name) if key == "family" else _json(getattr(DEFAULTS, key)))
    }


def _json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def build(rules: dict[str, Any], profiles: dict[str, dict[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """The listed models, and the disagreements found on the way."""
    names = {*profiles, *rules["names"]["tikhub"], *rules["names"]["others"]}
    models: dict[str, Any] = {}
    notes: list[str] = []
    for name in sorted(names):
        if any(matches(name, pattern) for pattern in rules["names"]["left_out"]):
            continue
        by_name = by_rules(name, rules["rule"]) or {}
        said = said_by(profiles.get(name, {}))
        corrected = by_rules(name, rules["correction"]) or {}
        for key, value in said.items():
            if key in by_name and by_name[key] != value:
                wins = f"corrected to {corrected[key]!r}" if key in corrected else "the package wins"
                notes.append(f"{name}.{key}: rules {by_name[key]!r}, package {value!r}: {wins}")
        models[name] = whole(name, {**by_name, **said, **corrected})
    return models, notes


def text_of(document: dict[str, Any]) -> str:
    """The catalog as it is written: one line for each rule and each model."""
    rules = ",\n    ".join(json.dumps(rule) for rule in document["rules"])
    models = ",\n    ".join(f"{json.dumps(name)}: {json.dumps(known)}" for name, known in document["models"].items())
    head = "".join(f'  "{key}": {json.dumps(document[key])},\n' for key in ("about", "generated", "sources"))
    return f'{{\n{head}  "rules": [\n    {rules}\n  ],\n  "models": {{\n    {models}\n  }}\n}}\n'


def main() -> None:
    """Write the catalog."""
    parser = argparse.ArgumentParser(description="Make tikhub_ai/catalog.json.")
    parser.add_argument("--date", default=datetime.now(UTC).date().isoformat(), help="the date it bears; today's")
    date = parser.parse_args().date
    rules = read_rules()
    profiles = {name: profile for package in PACKAGES for name, profile in profiles_of(package).items()}
    models, notes = build(rules, profiles)
    sources = {package: version(package) for package in PACKAGES} | {"tikhub_api.md": "2.1, 2026-03-02"}
    document = {"about": ABOUT, "generated": date, "sources": sources, "rules": rules["rule"], "models": models}
    CATALOG.write_text(text_of(document))
    sys.stdout.write("\n".join([*notes, f"{len(models)} models and {len(rules['rule'])} rules: {CATALOG}"]) + "\n")


if __name__ == "__main__":
    main()

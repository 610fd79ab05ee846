"""A model some of whose arguments are chosen with each call's config, whatever name or kind they are of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import (
    ConfigurableField,
    ConfigurableFieldSpec,
    Runnable,
    RunnableConfig,
    RunnableSerializable,
)
from langchain_core.runnables.configurable import RunnableConfigurableFields, make_options_spec
from langchain_core.runnables.utils import AnyConfigurableField, get_unique_config_specs

from langchain_tikhub.profile import profile
from tikhub_ai import NATIVE_ARGUMENTS, ConfigurationError, field_named, warn

_SECRET_TEXTS = frozenset({"api_key", "proxy"})
"""Fields whose values LangChain would copy from a config into traces. Headers are no text, and so are not copied."""
_KEPT_OUT = "api_key"
"""The one id that LangChain keeps out of traces, and ids that begin with `__`."""


class ConfigurableModel(RunnableConfigurableFields):  # type: ignore[type-arg]  # see SecretBinding
    """LangChain's own, which may vary the arguments that only some wire APIs have, too: these are no fields."""

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """What can be configured."""
        model = type(self.default).model_fields
        own = {name: spec for name, spec in self.fields.items() if name in model}
        specs = RunnableConfigurableFields(default=self.default, fields=own).config_specs
        further = getattr(self.default, "model_kwargs", {})
        for name, spec in self.fields.items():
            if name in own:
                continue
            if not isinstance(spec, ConfigurableField):
                specs.append(make_options_spec(spec, None))
                continue
            specs.append(
                ConfigurableFieldSpec(
                    id=spec.id,
                    name=spec.name,
                    description=spec.description,
                    annotation=spec.annotation or Any,
                    default=further.get(name),
                    is_shared=spec.is_shared,
                )
            )
        return get_unique_config_specs(specs)

    def _prepare(self, config: RunnableConfig | None = None) -> tuple[Runnable[Any, Any], RunnableConfig]:
        """The model as a config wants it. LangChain makes it of all fields, the profile of the other model included."""
        found, config = super()._prepare(config)
        before: Any = self.default
        if isinstance(found, BaseChatModel) and found is not before and found.profile == profile(before.model):
            found.profile = found._resolve_model_profile()  # noqa: SLF001 - LangChain's hook, of whatever subclass
        return found, config

    @classmethod
    def lc_id(cls) -> list[str]:
        """The id in saved chains: that of LangChain's own class, which loads them."""
        return RunnableConfigurableFields.lc_id()


def configurable(
    model: RunnableSerializable[Any, Any], asked: Mapping[str, AnyConfigurableField]
) -> RunnableSerializable[Any, Any] | None:
    """A model with arguments to be configured, by their own names or by aliases.

    Args:
        model: The model.
        asked: What is to be configured.

    Returns:
        None where there is a name that is no argument of the model.

    Raises:
        ConfigurationError: Two names for one argument.
    """
    fields: dict[str, AnyConfigurableField] = {}
    said: dict[str, str] = {}
    for name, spec in asked.items():
        field = field_named(name, type(model).model_fields) or (name if name in NATIVE_ARGUMENTS else None)
        if field is None:
            return None
        if field in fields:
            raise ConfigurationError(f"{said[field]!r} and {name!r} are one argument: make one of them configurable.")
        if field in _SECRET_TEXTS and spec.id != _KEPT_OUT and not spec.id.startswith("__"):
            hidden = "api_key" if field == "api_key" else f"__{spec.id}"
            warn(
                f"LangChain writes what a config says for {spec.id!r} into traces: name it {hidden!r}, which it hides."
            )
        fields[field], said[field] = spec, name
    return ConfigurableModel(default=model, fields=fields)

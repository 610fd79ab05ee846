"""A model with arguments bound to it, which keeps secret what is secret among them."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import Runnable, RunnableBinding

from tikhub_ai import seal


class SecretBinding(RunnableBinding):  # type: ignore[type-arg]  # with types, LangChain would build two classes
    """LangChain's own binding, whose headers and key neither show, dump nor pickle themselves.

    What is bound to it in turn is kept likewise, since LangChain makes each further binding of the same class.
    """

    def __init__(self, *, kwargs: dict[str, Any] | None = None, **given: Any) -> None:
        super().__init__(kwargs=seal(kwargs or {}), **given)

    @classmethod
    def of(cls, binding: Runnable[Any, Any]) -> Runnable[Any, Any]:
        """A binding of LangChain's as one of these; anything else as it is."""
        if type(binding) is not RunnableBinding:
            return binding
        return cls(**{name: getattr(binding, name) for name in RunnableBinding.model_fields})

    @classmethod
    def lc_id(cls) -> list[str]:
        """The id in saved chains: that of LangChain's own class, which loads them."""
        return RunnableBinding.lc_id()

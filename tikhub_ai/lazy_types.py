"""Types of libraries that may not be installed, or would take long to import, for those who resolve type hints."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any


class LazyTypes(ModuleType):
    """Stands for a module in type hints: imported when a type of it is asked for. Where it is not installed, any is."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return getattr(import_module(self.__name__), name)
        except ImportError:
            return Any

"""The docstring below a field as its description, in JSON schemas and wherever else a model's fields are shown.

pydantic's own `use_attribute_docstrings` does this too, but looks at the files of all modules loaded so far: 60 ms of
each import, more than all else that importing the classes takes.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import re
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

Model = TypeVar("Model", bound="BaseModel")

_METHODS = re.compile(r"\n    (?:def|async def|@)\b.*", re.DOTALL)


def documented(model: type[Model]) -> type[Model]:
    """A class decorator: the docstrings of the class's fields, which stand before its methods, as their descriptions.

    Args:
        model: A class of the first level of its module. Where its source is not to be had, it stays as it is.
    """
    path = sys.modules[model.__module__].__file__ or ""
    _, _, body = "".join(linecache.getlines(path)).partition(f"\nclass {model.__name__}(")
    source = _METHODS.sub("", re.split(r"\n(?=\S)", body, maxsplit=1)[0])
    if not source:
        return model
    statements = [line for part in ast.parse(f"class _({source}").body for line in getattr(part, "body", ())]
    fields: dict[str, FieldInfo] = model.model_fields
    for field, docs in pairwise(statements):
        match field, docs:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                fields[name].description = inspect.cleandoc(text)
    return model

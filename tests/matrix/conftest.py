"""Tells which cell of the matrix a test is about."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _in_the_table(request: pytest.FixtureRequest) -> None:
    """Tells the table which cell a test is about; it travels with the report, so also between processes."""
    parameters = getattr(request.node, "callspec", None)
    if parameters is not None and "way" in parameters.params:
        from tests.matrix.table import cell

        feature, column = parameters.params["feature"], parameters.params["column"]
        told = {"feature": feature.name, "column": column.title, "cell": cell(feature.name, column)}
        request.node.user_properties += list(told.items())

"""A swapped browser library stops the start."""

from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from riskconsole.live import checks


def test_the_installed_libraries_are_the_reviewed_ones() -> None:
    assert checks.browser_libraries_are_the_pinned_ones() == []


def test_a_changed_or_missing_library_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    swapped = tmp_path / "htmx.js"
    swapped.write_text("alert(1)")
    found = {"django_htmx/htmx-2.min.js": str(swapped)}
    monkeypatch.setattr(finders, "find", found.get)

    messages = [error.msg for error in checks.browser_libraries_are_the_pinned_ones()]

    assert messages == [
        "The static file lightweight-charts/lightweight-charts.js is not the one that was reviewed",
        "The static file django_htmx/htmx-2.min.js is not the one that was reviewed",
    ]

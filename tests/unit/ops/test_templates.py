"""What a strict Content-Security-Policy forbids stands in no template."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.utils import get_app_template_dirs

FOLDER = settings.BASE_DIR / "templates"
# The chart that a replay writes is a file of its own and never a page.
PAGES = sorted(set(FOLDER.rglob("*.html")))
FORBIDDEN = {
    "a style attribute": re.compile(r"\sstyle\s*=", re.IGNORECASE),
    "an inline handler": re.compile(r"\son[a-z]+\s*=", re.IGNORECASE),
    # A block of data is no script: no browser runs it.
    "an inline script": re.compile(
        r"""<script(?![^>]*\s(?:src=|type="application/json"))""", re.IGNORECASE
    ),
    "an inline style": re.compile(r"<style", re.IGNORECASE),
    "a javascript address": re.compile(r"javascript:", re.IGNORECASE),
    "text that is not escaped": re.compile(r"\|\s*safe\b|autoescape\s+off", re.IGNORECASE),
    "an evaluated attribute": re.compile(r"\shx-on|\shx-vals\s*=\s*.js:", re.IGNORECASE),
}


def test_there_are_pages_to_look_at() -> None:
    assert len(PAGES) > 10


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_template_has(what: str) -> None:
    found = [page.relative_to(FOLDER) for page in PAGES if FORBIDDEN[what].search(page.read_text())]

    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(FOLDER)))
def test_every_include_and_parent_exists(page: Path) -> None:
    named = re.findall(r"""{% (?:include|extends) "([^"]+)""", page.read_text())

    assert [name for name in named if not _exists(name)] == []


def _exists(name: str) -> bool:
    """Return whether the project has the template, or an app that the console installs."""
    return any(
        Path(folder, name).exists() for folder in (FOLDER, *get_app_template_dirs("templates"))
    )


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    sprite = Path(settings.BASE_DIR / "riskconsole/static/riskconsole/icons.svg").read_text()
    drawn = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    text = "".join(page.read_text() for page in PAGES)
    named = set(re.findall(r'"_icon.html" with name="([^"]+)"', text))

    assert named
    assert named <= drawn

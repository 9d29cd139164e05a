"""Apply texts as files, and see every row that a file may change."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from breaker.models import Breaker
from oms.models import PaperOrder
from portfolio.models import Membership, Portfolio, Venue, VenueAccount
from riskconsole.audit.models import AuditEntry
from riskconsole.people.models import User


class Applying:
    """Applies texts as files, and tells what was printed or refused."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "desk.toml"

    def __call__(self, text: str, *options: str) -> str:
        out = StringIO()
        self.file.write_text(text)
        call_command("apply", str(self.file), *options, stdout=out)
        return out.getvalue()

    def refused(self, text: str, *options: str) -> str:
        with pytest.raises(CommandError) as caught:
            self(text, *options)
        assert caught.value.returncode == 2
        return str(caught.value).replace(f"{self.file}: ", "")


@pytest.fixture
def applying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Applying:
    monkeypatch.setenv("OPERATOR_PASSWORD", "correct horse staple")
    return Applying(tmp_path)


def contents() -> list[Any]:
    """Return every row that a file may change."""
    models = (Portfolio, Breaker, Venue, VenueAccount, Membership, User, PaperOrder, AuditEntry)
    return [list(model.objects.order_by("pk").values()) for model in models]

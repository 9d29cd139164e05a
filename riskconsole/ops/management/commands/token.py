"""`token create NAME --scope S... [--portfolio SLUG...]`, `token list`, `token revoke NAME`."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from portfolio.models import Portfolio
from riskconsole.command import ConsoleCommand
from riskconsole.kernel.clock import time_text
from riskconsole.people.models import ApiToken
from riskconsole.people.selectors import tokens
from riskconsole.people.services import BadToken, create_token, revoke_token


class Command(ConsoleCommand):
    help = "Make, list and revoke the API tokens of bots and scripts."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a token and print it, once")
        create.add_argument("name")
        create.add_argument(
            "--scope", nargs="+", action="extend", required=True, help="read, feed, gate, halt"
        )
        create.add_argument(
            "--portfolio", nargs="+", action="extend", default=[], help="slugs; none means all"
        )
        verbs.add_parser("list", help="every token, the revoked ones too")
        verbs.add_parser("revoke", help="end a token at once").add_argument("name")

    def handle(self, **options: Any) -> None:  # noqa: ANN401
        if options["verb"] == "create":
            self._create(options["name"], options["scope"], options["portfolio"])
        elif options["verb"] == "revoke":
            revoke_token(name=options["name"], now=timezone.now())
            self.stdout.write(f"Revoked {options['name']}")
        else:
            for token in tokens():
                self.stdout.write(_line(token))

    def _create(self, name: str, scopes: Sequence[str], slugs: Sequence[str]) -> None:
        refuse_unknown_slugs(slugs)
        now = timezone.now()
        self.stdout.write(create_token(name=name, scopes=scopes, portfolios=slugs, now=now))


def refuse_unknown_slugs(slugs: Sequence[str]) -> None:
    """Return if each slug is a portfolio's.

    :raises BadToken: naming the first that is not
    """
    known = set(Portfolio.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    for slug in slugs:
        if slug not in known:
            raise BadToken(f"There is no portfolio {slug!r}")


def _line(token: ApiToken) -> str:
    revoked = f" revoked {time_text(token.revoked_at)}" if token.revoked_at else ""
    portfolios = ",".join(token.portfolios) or "all portfolios"
    return (
        f"{token.name} {','.join(token.scopes)} {portfolios}"
        f" created {time_text(token.created_at)}{revoked}"
    )

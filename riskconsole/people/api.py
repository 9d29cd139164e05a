"""Bearer tokens: who calls, with which scopes, for which portfolios."""

from django.http import HttpRequest
from ninja.security import HttpBearer

from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.people.models import ApiToken, Scope
from riskconsole.people.services import authenticate_token


class TokenRequest(HttpRequest):
    """A request whose token has been checked."""

    auth: ApiToken


class ScopeMissing(RiskConsoleError):
    """The token is good, but not for this call."""


class LimitedToken(RiskConsoleError):
    """The call concerns every portfolio, and the token is limited to some."""


class BearerToken(HttpBearer):
    """A token with the scope of the call.

    :param is_site_wide: refuse a token that is limited to portfolios
    """

    def __init__(self, scope: Scope, *, is_site_wide: bool = False) -> None:
        super().__init__()
        self.scope = scope
        self.is_site_wide = is_site_wide

    def authenticate(self, _request: HttpRequest, token: str) -> ApiToken | None:
        found = authenticate_token(token)
        if found is None:
            return None
        if self.scope not in found.scopes:
            raise ScopeMissing(f"This call needs a token with the scope {self.scope}")
        if self.is_site_wide and found.is_limited:
            raise LimitedToken("This call needs a token that is not limited to portfolios")
        return found

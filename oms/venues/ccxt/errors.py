"""What ccxt and its parsers raise, in the words of the port; nothing secret in the text.

ccxt's classes are no rule for trying again: Kraken's "EService:Timeout" is a plain ExchangeError
and an invalid nonce a NetworkError. The venue's own text decides first, then the class; a class
without a row counts as its nearest base. Unknown is the safe answer, because the caller lists.
"""

import binascii
import re
from collections.abc import Callable, Iterable
from datetime import timedelta

from ccxt.base import errors as ccxt_errors

from oms.venues.base import (
    AuthFailed,
    Fatal,
    NoPermission,
    Rejected,
    Retryable,
    Suspended,
    Unknown,
    Unsupported,
    VenueError,
)

MAX_LENGTH = 180
SLOW = timedelta(seconds=1)
LOCKED_OUT = timedelta(seconds=15)
BLOCKED = timedelta(seconds=5)

# What ccxt's parsers are known to fall over with on a malformed answer.
PARSER_ERRORS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
RAISED = (ccxt_errors.BaseError, *PARSER_ERRORS)

_Maker = Callable[[str], VenueError]


def _slow(text: str) -> VenueError:
    return Retryable(text, after=SLOW)


def _locked_out(text: str) -> VenueError:
    return Retryable(text, after=LOCKED_OUT)


def _blocked(text: str) -> VenueError:
    return Retryable(text, after=BLOCKED)


_BY_TEXT: tuple[tuple[re.Pattern[str], _Maker], ...] = tuple(
    (re.compile(pattern), maker)
    for pattern, maker in (
        (r"EGeneral:Temporary lockout", _locked_out),
        (r"EAPI:Invalid (signature|key)|EAPI:Feature disabled", AuthFailed),
        (r"EService:\s*(Timeout|Deadline elapsed)|Deadline elapsed", Unknown),
        (r"EService:\s*Market in (cancel|post)_only mode", Rejected),
        (r"EQuery:Unknown asset pair|EOrder:(?!Rate limit)", Rejected),
        (r"\"error\":\s*\"accessDenied", NoPermission),
        (r"\"code\":\s*\"?604\b", NoPermission),
        (r"\"code\":\s*\"?513\b", Retryable),
        (r"\"code\":\s*\"?(700006|700007|30020)\b", NoPermission),
        (r"\"code\":\s*\"?(10072|402)\b", AuthFailed),
        (r"\s(400|403|404) [A-Z]", _blocked),
    )
)

_BY_CLASS: dict[type[BaseException], _Maker] = {
    ccxt_errors.BaseError: Unknown,
    ccxt_errors.AuthenticationError: AuthFailed,
    ccxt_errors.PermissionDenied: NoPermission,
    ccxt_errors.AccountSuspended: Suspended,
    ccxt_errors.ArgumentsRequired: Unsupported,
    ccxt_errors.NotSupported: Unsupported,
    ccxt_errors.BadRequest: Rejected,
    ccxt_errors.OperationRejected: Rejected,
    ccxt_errors.ManualInteractionNeeded: Fatal,
    ccxt_errors.RestrictedLocation: NoPermission,
    ccxt_errors.InsufficientFunds: Rejected,
    ccxt_errors.InvalidAddress: Rejected,
    ccxt_errors.InvalidOrder: Rejected,
    ccxt_errors.InvalidProxySettings: Fatal,
    ccxt_errors.DDoSProtection: _slow,
    ccxt_errors.RateLimitExceeded: _slow,
    ccxt_errors.InvalidNonce: Retryable,
}

_QUERY = re.compile(r"(https?://[^\s?]+)\?\S*")
_FIELD = re.compile(
    r"(?i)\b(signature|api-?sign|api-?key|authent|nonce|secret)(\"?\s*[=:]\s*)\"?[^\s&,}\"]+"
)
_TOKEN = re.compile(r"[A-Za-z0-9+/_]{32,}={0,2}")


def translate(error: BaseException, *, secrets: Iterable[str] = ()) -> VenueError:
    """Return what an error out of ccxt means at the port.

    :param secrets: texts that must not show, whatever form the venue gives them
    """
    if isinstance(error, VenueError):
        return error
    text = f"{type(error).__name__}: {redact(str(error), secrets=secrets)}"
    if isinstance(error, binascii.Error):
        return AuthFailed("the secret is not in the form that the venue gives it in")
    if not isinstance(error, ccxt_errors.BaseError):
        return Unknown(f"unverified, the answer could not be read: {text}"[:MAX_LENGTH])
    return _maker_for(error)(text[:MAX_LENGTH])


def redact(text: str, *, secrets: Iterable[str] = ()) -> str:
    """Return a venue's text on one line without keys, signatures and the queries of addresses."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    text = _QUERY.sub(r"\1", text)
    text = _FIELD.sub(r"\1\2***", text)
    return " ".join(_TOKEN.sub("***", text).split())


def _maker_for(error: BaseException) -> _Maker:
    text = str(error)
    for pattern, maker in _BY_TEXT:
        if pattern.search(text):
            return maker
    return next(_BY_CLASS[kind] for kind in type(error).__mro__ if kind in _BY_CLASS)

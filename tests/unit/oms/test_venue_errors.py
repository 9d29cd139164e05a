"""Every error of ccxt becomes one of the port's classes, and no secret is in its text."""

import ccxt
import pytest
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
from oms.venues.ccxt.errors import redact, translate

EXPECTED: dict[str, type[VenueError]] = {
    "BaseError": Unknown,
    "ExchangeError": Unknown,
    "AuthenticationError": AuthFailed,
    "PermissionDenied": NoPermission,
    "AccountNotEnabled": NoPermission,
    "AccountSuspended": Suspended,
    "ArgumentsRequired": Unsupported,
    "BadRequest": Rejected,
    "BadSymbol": Rejected,
    "OperationRejected": Rejected,
    "NoChange": Rejected,
    "MarginModeAlreadySet": Rejected,
    "MarketClosed": Rejected,
    "ManualInteractionNeeded": Fatal,
    "RestrictedLocation": NoPermission,
    "InsufficientFunds": Rejected,
    "InvalidAddress": Rejected,
    "AddressPending": Rejected,
    "InvalidOrder": Rejected,
    "OrderNotFound": Rejected,
    "OrderNotCached": Rejected,
    "OrderImmediatelyFillable": Rejected,
    "OrderNotFillable": Rejected,
    "DuplicateOrderId": Rejected,
    "ContractUnavailable": Rejected,
    "NotSupported": Unsupported,
    "InvalidProxySettings": Fatal,
    "ExchangeClosedByUser": Unknown,
    "OperationFailed": Unknown,
    "NetworkError": Unknown,
    "DDoSProtection": Retryable,
    "RateLimitExceeded": Retryable,
    "ExchangeNotAvailable": Unknown,
    "OnMaintenance": Unknown,
    "InvalidNonce": Retryable,
    "ChecksumError": Retryable,
    "RequestTimeout": Unknown,
    "BadResponse": Unknown,
    "NullResponse": Unknown,
    "CancelPending": Unknown,
    "UnsubscribeError": Unknown,
}


CCXT_CLASSES = [
    value
    for value in vars(ccxt_errors).values()
    if isinstance(value, type) and issubclass(value, ccxt_errors.BaseError)
]


@pytest.mark.parametrize("kind", CCXT_CLASSES, ids=lambda kind: kind.__name__)
def test_each_class_of_ccxt_has_its_place(kind: type[BaseException]) -> None:
    assert type(translate(kind("venue said no"))) is EXPECTED[kind.__name__]


def test_a_class_that_ccxt_adds_counts_as_its_nearest_base() -> None:
    newer = type("Newer", (ccxt_errors.AccountSuspended,), {})

    assert type(translate(newer(""))) is Suspended


# The rows of the failure table: what a venue says, and what is to be done about it.
ROWS = [
    ("kraken", 200, '{"error":["EAPI:Rate limit exceeded"]}', Retryable),
    ("kraken", 200, '{"error":["EOrder:Rate limit exceeded"]}', Retryable),
    ("kraken", 200, '{"error":["EGeneral:Too many requests"]}', Retryable),
    ("kraken", 200, '{"error":["EGeneral:Temporary lockout"]}', Retryable),
    ("kraken", 429, "{}", Retryable),
    ("krakenfutures", 429, '{"result":"error","error":"apiLimitExceeded"}', Retryable),
    ("mexc", 429, '{"code":429,"msg":"Too Many Requests"}', Retryable),
    ("kraken", 200, '{"error":["EService:Unavailable"]}', Unknown),
    ("kraken", 200, '{"error":["EService:Busy"]}', Unknown),
    ("kraken", 200, '{"error":["EGeneral:Internal error"]}', Unknown),
    ("kraken", 503, "{}", Unknown),
    ("mexc", 504, "{}", Unknown),
    ("kraken", 200, '{"error":["EService:Timeout"]}', Unknown),
    ("kraken", 200, '{"error":["EService:Deadline elapsed"]}', Unknown),
    ("krakenfutures", 500, '{"result":"error","error":"Server Error"}', Unknown),
    ("krakenfutures", 500, '{"result":"error","error":"Unknown Error"}', Unknown),
    ("mexc", 403, "<html>blocked</html>", Retryable),
    ("kraken", 404, "<html>not here</html>", Retryable),
    ("kraken", 400, "<html>no</html>", Retryable),
    ("kraken", 200, '{"error":["EAPI:Invalid nonce"]}', Retryable),
    ("mexc", 400, '{"code":700003,"msg":"Timestamp is outside of the recvWindow."}', Retryable),
    ("mexc", 200, '{"success":false,"code":513,"message":"Invalid request"}', Retryable),
    ("kraken", 200, '{"error":["EAPI:Invalid key"]}', AuthFailed),
    ("kraken", 200, '{"error":["EAPI:Invalid signature"]}', AuthFailed),
    ("kraken", 200, '{"error":["EAPI:Feature disabled"]}', AuthFailed),
    ("mexc", 400, '{"code":700002,"msg":"Signature is not valid."}', AuthFailed),
    ("mexc", 400, '{"code":10072,"msg":"Api key info invalid"}', AuthFailed),
    ("krakenfutures", 200, '{"result":"error","error":"authenticationError"}', AuthFailed),
    ("kraken", 200, '{"error":["EGeneral:Permission denied"]}', NoPermission),
    ("mexc", 200, '{"code":403,"msg":"Access Denied"}', NoPermission),
    ("mexc", 200, '{"code":406,"msg":"Accessing IP is not in the whitelist"}', NoPermission),
    ("mexc", 200, '{"code":70011,"msg":"Pair user ban trade apikey."}', NoPermission),
    ("mexc", 400, '{"code":700006,"msg":"IP non white list"}', NoPermission),
    ("mexc", 400, '{"code":700007,"msg":"No permission to access the endpoint"}', NoPermission),
    ("kraken", 200, '{"error":["ETrade:User Locked"]}', Suspended),
    ("kraken", 200, '{"error":["EOrder:Unknown order"]}', Rejected),
    ("kraken", 200, '{"error":["EService:Market in cancel_only mode"]}', Rejected),
    ("kraken", 200, '{"error":["EService: Market in post_only mode"]}', Rejected),
    ("krakenfutures", 200, '{"result":"error","error":"marketUnavailable"}', Rejected),
    ("kraken", 200, '{"error":["EOrder:Order minimum not met"]}', Rejected),
    ("kraken", 200, '{"error":["EOrder:Duplicate client order id"]}', Rejected),
    ("mexc", 400, '{"code":30002,"msg":"minimum transaction volume"}', Rejected),
    ("kraken", 200, '{"error":["EQuery:Unknown asset pair"]}', Rejected),
    ("mexc", 200, '{"success":false,"code":604,"message":"under maintenance"}', NoPermission),
]


@pytest.mark.parametrize(("exchange", "status", "body", "expected"), ROWS)
def test_each_row_of_the_failure_table_has_its_class(
    exchange: str, status: int, body: str, expected: type[VenueError]
) -> None:
    assert type(translate(raised_by(exchange, status, body))) is expected


@pytest.mark.parametrize("error", [TypeError("x"), KeyError("x"), ValueError("x")])
def test_a_crash_of_ccxts_parsers_is_unverified(error: Exception) -> None:
    translated = translate(error)

    assert type(translated) is Unknown
    assert "unverified" in str(translated)


def test_an_error_of_the_port_stays_what_it_is() -> None:
    error = Rejected("too small")

    assert translate(error) is error


@pytest.mark.parametrize(
    "text",
    [
        "mexc GET https://api.mexc.com/api/v3/account?timestamp=1&signature=0123abcd 403 Forbidden",
        'kraken {"API-Key": "SECRET-1", "API-Sign": "abc=="}',
        "apiKey=SECRET-1&signature=0123abcd",
        "Authent: 0123abcd",
        "told SECRET-1",
        "token " + "0123abcd" * 8,
    ],
)
def test_no_secret_is_left_in_a_message(text: str) -> None:
    shown = str(translate(ccxt_errors.ExchangeError(text), secrets=["SECRET-1", ""]))

    assert "SECRET-1" not in shown
    assert "0123abcd" not in shown
    assert "abc==" not in shown


def test_what_the_venue_said_is_left_in_the_message() -> None:
    text = 'kraken {"error":["EOrder:Unknown order OABCDE-12345-ABCDEF"]}'

    assert redact(text) == text


def raised_by(exchange: str, status: int, body: str) -> BaseException:
    """Return what ccxt raises when the venue answers this."""
    with pytest.raises(ccxt_errors.BaseError) as caught:
        answer(exchange, status, body)
    error: BaseException = caught.value
    return error


def answer(exchange: str, status: int, body: str) -> None:
    api = getattr(ccxt, exchange)()
    arguments: tuple[object, ...] = (status, "Reason", "https://venue/x", "POST", {}, body)
    api.handle_errors(*arguments, api.parse_json(body), {}, "")
    api.handle_http_status_code(status, "Reason", "https://venue/x", "POST", body)

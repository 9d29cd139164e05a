"""The HTTP API put together: routers, bearer tokens, and one shape for every error."""

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
)
from django.urls import URLPattern, URLResolver, re_path
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError, ValidationErrorContext
from ninja.parser import Parser

from breaker.api import NotManual
from breaker.api import router as breaker_router
from portfolio.api import NotFedByPush
from portfolio.api import router as portfolio_router
from portfolio.services.snapshots import StaleSnapshot
from riskconsole.audit.api import router as audit_router
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.people.api import BearerToken, LimitedToken, ScopeMissing
from riskconsole.people.models import Scope
from riskconsole.wire import WrongFields, field_errors, read_json

logger = logging.getLogger(__name__)

DESCRIPTION = """Numbers are text in every answer and exact; they are accepted as text or as JSON
numbers and read from their text. Times are ISO 8601 UTC. Lists are paged by key: pass `next` as
`after`. No token can approve, reset or loosen anything."""
CODES = {400: "not_json", 401: "unauthorized", 429: "too_many_requests"}
REFUSALS: Mapping[type[RiskConsoleError], tuple[int, str]] = {
    ScopeMissing: (403, "scope_missing"),
    LimitedToken: (403, "token_limited"),
    NotFedByPush: (403, "not_fed_by_push"),
    NotManual: (409, "not_manual"),
    StaleSnapshot: (409, "stale_snapshot"),
}

View = Callable[..., HttpResponseBase]


class ExactParser(Parser):
    """Reads JSON without ever making a float."""

    def parse_body(self, request: HttpRequest) -> Any:  # noqa: ANN401
        return read_json(request.body)


class ConsoleApi(NinjaAPI):
    """Answers every failure below its address as {"error": {"code", "message", "fields"}}."""

    def _get_urls(self) -> list[URLResolver | URLPattern]:
        patterns: list[URLResolver | URLPattern] = [*super()._get_urls(), re_path("", _unknown)]
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = self._enveloped(pattern.callback)
        return patterns

    def _enveloped(self, view: View) -> View:
        @wraps(view)
        def enveloped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            try:
                response = view(request, *args, **kwargs)
            except Http404 as error:
                return not_found(request, error)
            if isinstance(response, HttpResponseNotAllowed):
                return _not_allowed(request, response)
            return response

        return enveloped

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        response = super().create_temporal_response(request)
        response["Cache-Control"] = "no-store"
        return response

    def validation_error_from_error_contexts(
        self,
        error_contexts: list[ValidationErrorContext[Any]],
    ) -> ValidationError:
        fields: dict[str, str] = {}
        for context in error_contexts:
            errors = context.pydantic_validation_error.errors(include_url=False)
            is_body = context.model.__ninja_param_source__ == "body"
            fields |= field_errors(errors, skip=1 if is_body else 0)
        return ValidationError([fields])


api = ConsoleApi(
    title="riskconsole",
    version="1",
    urls_namespace="api",
    description=DESCRIPTION,
    parser=ExactParser(),
)
api.add_router("", portfolio_router)
api.add_router("", breaker_router)
api.add_router("", audit_router, auth=BearerToken(Scope.READ, is_site_wide=True))


def error_response(
    request: HttpRequest,
    status: int,
    code: str,
    message: str,
    fields: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Return the one shape of an error."""
    body = {"error": {"code": code, "message": message, "fields": dict(fields or {})}}
    response = api.create_response(request, body, status=status)
    response["Cache-Control"] = "no-store"
    return response


@api.exception_handler(ValidationError)
def wrong_values(request: HttpRequest, error: ValidationError) -> HttpResponse:
    return wrong_fields(request, WrongFields(error.errors[0]))


@api.exception_handler(WrongFields)
def wrong_fields(request: HttpRequest, error: WrongFields) -> HttpResponse:
    return error_response(request, 422, "wrong_value", str(error), error.fields)


@api.exception_handler(HttpError)
def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    messages = {400: "The body is not JSON", 401: "This call needs a valid bearer token"}
    status = error.status_code
    response = error_response(
        request, status, CODES.get(status, "refused"), messages.get(status, error.message)
    )
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(Http404)
def not_found(request: HttpRequest, _error: Http404) -> HttpResponse:
    return error_response(request, 404, "not_found", "There is nothing here that you may see")


@api.exception_handler(RequestDataTooBig)
def too_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return error_response(request, 413, "too_large", str(error))


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def database_unreachable(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("The database does not answer: %s", error)
    return error_response(request, 503, "unavailable", "The database does not answer; try again")


@api.exception_handler(RiskConsoleError)
def refused(request: HttpRequest, error: RiskConsoleError) -> HttpResponse:
    for kind, (status, code) in REFUSALS.items():
        if isinstance(error, kind):
            return error_response(request, status, code, str(error))
    return failed(request, error)


@api.exception_handler(Exception)
def failed(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return error_response(request, 500, "failed", "The console failed; its log says why")


def _unknown(_request: HttpRequest) -> HttpResponse:
    raise Http404


def _not_allowed(request: HttpRequest, refusal: HttpResponseNotAllowed) -> HttpResponse:
    allowed = refusal["Allow"]
    response = error_response(request, 405, "method_not_allowed", f"Allowed here: {allowed}")
    response["Allow"] = allowed
    return response

"""Health for machines: does the process live, can the console do its work; and a demo's codes."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from riskconsole.live.heartbeats import beat
from riskconsole.ops.health import unreadiness
from riskconsole.people.middleware import open_without_second_factor


@open_without_second_factor
@never_cache
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer: the process lives, and a request made its way through it."""
    beat("web")
    return HttpResponse("ok\n", content_type="text/plain")


@open_without_second_factor
@never_cache
@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 if the console can guard its portfolios, else 503 with every reason."""
    reasons = unreadiness(now=timezone.now())
    return JsonResponse({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)


@never_cache
@require_GET
def demo_codes(request: HttpRequest) -> HttpResponse:
    """Show the codes of a demo's people, so that one visitor can play all of them."""
    if not settings.IS_DEMO:
        raise Http404
    return render(request, "people/_demo_codes.html")

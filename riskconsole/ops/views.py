"""Health for machines: does the process live, can the console do its work."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from riskconsole.live.heartbeats import beat
from riskconsole.ops.health import unreadiness


@never_cache
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer: the process lives, and a request made its way through it."""
    beat("web")
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 if the console can guard its portfolios, else 503 with every reason."""
    reasons = unreadiness(now=timezone.now())
    return JsonResponse({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)

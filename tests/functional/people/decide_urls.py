"""The console's addresses, and one decision that needs a second factor."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from riskconsole.people.step_up import ProvenRequest, second_factor_required
from riskconsole.urls import urlpatterns as console


@login_required
@second_factor_required
def decide(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return HttpResponse("a form")
    proven: ProvenRequest = request  # type: ignore[assignment]
    facts = {"method": proven.proof.method, "credential": proven.proof.credential}
    return JsonResponse(facts | {"note": request.POST.get("note", "")})


urlpatterns = [*console, path("decide/", decide)]

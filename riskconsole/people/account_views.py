"""allauth's views under our addresses: slowed, and each change in the log with its change."""

from typing import Any

from allauth.account.views import LoginView, LogoutView, PasswordChangeView
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.views import (
    AddWebAuthnView,
    EditWebAuthnView,
    ReauthenticateWebAuthnView,
    RemoveWebAuthnView,
)
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import transaction
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.decorators import method_decorator

from riskconsole.addresses import address_of, by_its_name
from riskconsole.audit.chain import Payload
from riskconsole.people import services
from riskconsole.people.adapters import THROTTLED
from riskconsole.people.models import User

TOO_MANY_REQUESTS = 429


@method_decorator(by_its_name, name="dispatch")
class SignIn(LoginView):
    def form_invalid(self, form: Form) -> HttpResponse:
        is_throttled = form.has_error(NON_FIELD_ERRORS, THROTTLED)
        context = self.get_context_data(form=form)
        return self.render_to_response(context, status=TOO_MANY_REQUESTS if is_throttled else 200)


class SignOut(LogoutView):
    http_method_names = ["post"]


class PasskeyAgain(ReauthenticateWebAuthnView):
    def form_invalid(self, form: Form) -> HttpResponse:
        for error in form.errors.get("credential", ()):
            messages.error(self.request, str(error))
        return redirect(self.request.get_full_path())


class _Noted:
    """Puts the change into the log, in the transaction of the change."""

    action: str
    kind = ""
    request: HttpRequest

    @transaction.atomic
    def form_valid(self, form: Form) -> HttpResponse:
        user, facts = self.request.user, self.facts(form)
        answer: HttpResponse = super().form_valid(form)  # type: ignore[misc]
        if isinstance(user, User):
            services.note_own_change(
                action=self.action,
                user=user,
                payload=facts,
                address=address_of(self.request),
                now=timezone.now(),
            )
        return answer

    def facts(self, _form: Form) -> Payload:
        return {"kind": self.kind} if self.kind else {}


class ChangePassword(_Noted, PasswordChangeView):
    action = "people.password.changed"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        if isinstance(request.user, User) and not request.user.has_usable_password():
            raise Http404
        return super().dispatch(request, *args, **kwargs)


class AddApp(_Noted, ActivateTOTPView):
    action = "people.second_factor.added"
    kind = "totp"


class RemoveApp(_Noted, DeactivateTOTPView):
    action = "people.second_factor.removed"
    kind = "totp"


class AddPasskey(_Noted, AddWebAuthnView):
    action = "people.second_factor.added"
    kind = "webauthn"

    def facts(self, form: Form) -> Payload:
        return {"kind": self.kind, "name": str(form.cleaned_data["name"])}


class RenamePasskey(_Noted, EditWebAuthnView):
    action = "people.passkey.renamed"

    def facts(self, form: Form) -> Payload:
        return {"name": str(form.cleaned_data["name"])}


class RemovePasskey(_Noted, RemoveWebAuthnView):
    action = "people.second_factor.removed"
    kind = "webauthn"

    def facts(self, _form: Form) -> Payload:
        return {"kind": self.kind, "name": str(self.get_object())}


class MakeRecoveryCodes(_Noted, GenerateRecoveryCodesView):
    action = "people.recovery_codes.made"

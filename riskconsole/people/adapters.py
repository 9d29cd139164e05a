"""allauth, as the console wants it: closed to strangers, slowed, written down, without mail."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from riskconsole import sealing
from riskconsole.addresses import address_of
from riskconsole.people import services
from riskconsole.people.models import User
from riskconsole.people.selectors import has_second_factor, is_sign_in_throttled

NO_ADDRESS = "::"
SEALED_FOR = "second factor"
THROTTLED = "too_many_login_attempts"


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        THROTTLED: "Too many failed attempts from your address. Try again in five minutes.",
    }

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request) or NO_ADDRESS

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:  # noqa: ANN401
        """Refuse a password before it is looked at, from an address that failed too often."""
        now = timezone.now()  # noqa: TID251 - a part of the view that signs in
        username, address = str(credentials.get("username", "")), address_of(request)
        if is_sign_in_throttled(username=username, address=address, now=now):
            raise self.validation_error(THROTTLED)

    def authentication_failed(
        self,
        request: HttpRequest,
        **credentials: Any,  # noqa: ANN401
    ) -> None:
        services.note_failed_sign_in(
            username=str(credentials.get("username", "")),
            address=address_of(request),
            now=timezone.now(),  # noqa: TID251 - a part of the view that signs in
        )

    def login(self, request: HttpRequest, user: User) -> None:
        methods = [_word_of(record) for record in get_authentication_records(request, user)]
        super().login(request, user)
        services.note_sign_in(
            user=user,
            methods=methods,
            address=address_of(request),
            now=timezone.now(),  # noqa: TID251 - a part of the view that signs in
        )

    def logout(self, request: HttpRequest) -> None:
        if isinstance(request.user, User):
            now = timezone.now()  # noqa: TID251 - a part of the view that signs out
            services.note_sign_out(user=request.user, address=address_of(request), now=now)
        super().logout(request)

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Answer as to an unknown passkey; a password of a deactivated person is just wrong."""
        self.authentication_failed(request, username=user.username)
        return redirect("account_login")

    def get_password_change_redirect_url(self, _request: HttpRequest) -> str:
        return reverse("people:settings")

    def get_reauthentication_methods(self, user: User | AnonymousUser) -> list[dict[str, Any]]:
        """Offer the password only to those who have nothing better.

        Otherwise a stolen session and a password would add a passkey, and then approve with it.
        """
        methods = super().get_reauthentication_methods(user)
        if isinstance(user, User) and has_second_factor(user):
            return [method for method in methods if method["id"] != "reauthenticate"]
        return methods


class MfaAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return sealing.seal(text, purpose=SEALED_FOR)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.unseal(encrypted_text, purpose=SEALED_FOR)

    def get_totp_label(self, user: User) -> str:
        return user.username

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {count + 1}"


def _word_of(record: dict[str, Any]) -> str:
    return str(record.get("type", record["method"]))

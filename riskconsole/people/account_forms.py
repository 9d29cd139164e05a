"""allauth's forms, with every attempt slowed and written down."""

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm
from allauth.account.forms import ReauthenticateForm as PasswordReauthenticateForm
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import (
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms

from riskconsole.people.models import User
from riskconsole.people.second_factor import slowed, take_app_code, take_code


class _Plain(forms.BaseForm):
    """Fields have labels here: a placeholder would say it twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class SignInForm(_Plain, LoginForm):
    def add_prefix(self, field_name: str) -> str:
        """Name the first field as every password manager knows it."""
        return "username" if field_name == "login" else super().add_prefix(field_name)


class PasswordForm(_Plain, ChangePasswordForm):
    def clean_oldpassword(self) -> str:
        with slowed(self.user, step="old password"):
            return str(super().clean_oldpassword())


class _OneTimeCode:
    """A code of the app or, at sign-in, a recovery code."""

    user: User
    cleaned_data: dict[str, Any]
    authenticator: Authenticator

    def find(self, code: str) -> Authenticator | None:
        return take_code(self.user, code)

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        with slowed(self.user, step="code"):
            found = self.find(code)
            if found is None:
                raise get_adapter().validation_error("incorrect_code")
        self.authenticator = found
        return code


class CodeForm(_Plain, _OneTimeCode, AuthenticateForm):
    pass


class CodeAgainForm(_Plain, _OneTimeCode, ReauthenticateForm):
    pass


class PasswordAgainForm(_Plain, PasswordReauthenticateForm):
    pass


class AppForm(_Plain, ActivateTOTPForm):
    """The first code of an app that is being added."""


class AppCodeForm(CodeAgainForm):
    """A code of the app and nothing else: what a decision asks for."""

    def find(self, code: str) -> Authenticator | None:
        return take_app_code(self.user, code)


class _SlowedPasskey:
    user: User | None

    def clean_credential(self) -> Authenticator:
        with slowed(self.user, step="passkey"):
            return super().clean_credential()  # type: ignore[misc]


class PasskeyForm(_SlowedPasskey, AuthenticateWebAuthnForm):
    pass


class PasskeyAgainForm(_SlowedPasskey, ReauthenticateWebAuthnForm):
    pass


class PasskeySignInForm(_SlowedPasskey, LoginWebAuthnForm):
    pass

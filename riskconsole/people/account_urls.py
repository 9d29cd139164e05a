"""allauth's pages under our addresses; it knows them by these names.

Not all of them: there is no sign-up and no mail, and a page that is not here cannot be attacked.
"""

from allauth.account.views import reauthenticate
from allauth.mfa.base.views import authenticate
from allauth.mfa.base.views import reauthenticate as code_again
from allauth.mfa.recovery_codes.views import view_recovery_codes
from allauth.mfa.webauthn.views import login_webauthn
from django.urls import path

from riskconsole.people import account_views, views
from riskconsole.people.middleware import open_without_second_factor as is_open

SECOND_FACTOR = "settings/second-factor/"

urlpatterns = [
    path("sign-in/", account_views.SignIn.as_view(), name="account_login"),
    path("sign-in/code/", authenticate, name="mfa_authenticate"),
    path("sign-in/passkey/", login_webauthn, name="mfa_login_webauthn"),
    path("sign-out/", is_open(account_views.SignOut.as_view()), name="account_logout"),
    path("again/password/", is_open(reauthenticate), name="account_reauthenticate"),
    path("again/code/", code_again, name="mfa_reauthenticate"),
    path(
        "again/passkey/",
        account_views.PasskeyAgain.as_view(),
        name="mfa_reauthenticate_webauthn",
    ),
    path(
        "settings/password/",
        is_open(account_views.ChangePassword.as_view()),
        name="account_change_password",
    ),
    path("settings/sessions/", views.sessions, name="usersessions_list"),
    path(SECOND_FACTOR, views.second_factor, name="mfa_index"),
    path(SECOND_FACTOR, views.second_factor, name="mfa_list_webauthn"),
    path(
        f"{SECOND_FACTOR}app/",
        is_open(account_views.AddApp.as_view()),
        name="mfa_activate_totp",
    ),
    path(
        f"{SECOND_FACTOR}app/remove/",
        account_views.RemoveApp.as_view(),
        name="mfa_deactivate_totp",
    ),
    path(
        f"{SECOND_FACTOR}passkeys/add/",
        is_open(account_views.AddPasskey.as_view()),
        name="mfa_add_webauthn",
    ),
    path(
        f"{SECOND_FACTOR}passkeys/<int:pk>/remove/",
        account_views.RemovePasskey.as_view(),
        name="mfa_remove_webauthn",
    ),
    path(
        f"{SECOND_FACTOR}passkeys/<int:pk>/rename/",
        account_views.RenamePasskey.as_view(),
        name="mfa_edit_webauthn",
    ),
    path(f"{SECOND_FACTOR}recovery-codes/", view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        f"{SECOND_FACTOR}recovery-codes/new/",
        account_views.MakeRecoveryCodes.as_view(),
        name="mfa_generate_recovery_codes",
    ),
]

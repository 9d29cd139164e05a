"""How django-allauth signs people in here; settings.py takes every name of this module."""

ACCOUNT_ADAPTER = "riskconsole.people.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "riskconsole.people.account_forms.SignInForm",
    "reauthenticate": "riskconsole.people.account_forms.PasswordAgainForm",
    "change_password": "riskconsole.people.account_forms.PasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
# The console sends no mail: whoever lost a password gets a one-time link from an admin.
ACCOUNT_EMAIL_VERIFICATION = "none"
# The console's own throttle counts in the database: it holds for all processes, needs no Redis,
# and locks nobody out from elsewhere.
ACCOUNT_RATE_LIMITS = False
MFA_RATE_LIMITS = False

MFA_ADAPTER = "riskconsole.people.adapters.MfaAdapter"
MFA_FORMS = {
    "activate_totp": "riskconsole.people.account_forms.AppForm",
    "authenticate": "riskconsole.people.account_forms.CodeForm",
    "reauthenticate": "riskconsole.people.account_forms.CodeAgainForm",
    "authenticate_webauthn": "riskconsole.people.account_forms.PasskeyForm",
    "reauthenticate_webauthn": "riskconsole.people.account_forms.PasskeyAgainForm",
    "login_webauthn": "riskconsole.people.account_forms.PasskeySignInForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "riskconsole"
# A clock may be 30 s off; people.second_factor takes each step once, so a code is no good twice.
MFA_TOTP_TOLERANCE = 1

USERSESSIONS_TRACK_ACTIVITY = True

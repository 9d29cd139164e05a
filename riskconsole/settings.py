"""Settings, read once from the environment; nothing else in the project reads it.

A value that is bad or missing stops the start with one sentence that names it.
"""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from riskconsole.people.allauth_settings import *  # noqa: F403
from riskconsole.places import kept_secret, socket_path, stored_secret, wheel_folder

BASE_DIR = Path(__file__).resolve().parent.parent


def env(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"Set the environment variable {name}")
    return value


def env_bool(name: str, *, default: bool) -> bool:
    value = env(name, str(default).lower())
    if value not in {"true", "false"}:
        raise ImproperlyConfigured(f"{name} must be 'true' or 'false', was {value!r}")
    return value == "true"


def env_choice(name: str, *choices: str) -> str:
    value = env(name, choices[0])
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, was {value!r}")
    return value


def env_list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in env(name, default).split(",") if part.strip()]


def env_networks(name: str) -> list[str]:
    for network in env_list(name):
        try:
            ip_network(network, strict=False)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} names no network: {error}") from error
    return env_list(name)


def env_routes(name: str) -> list[str]:
    for place, route in enumerate(env_list(name), 1):
        # An address may hold a secret: only its place is told.
        if not urlsplit(route).scheme or "://" not in route:
            raise ImproperlyConfigured(f"{name} holds no address such as mailto://... at {place}")
    return env_list(name)


def env_url(name: str, default: str, *schemes: str) -> str:
    value = env(name, default)
    if urlsplit(value).scheme not in schemes:
        raise ImproperlyConfigured(f"{name} must begin with {'://, '.join(schemes)}://")
    return value


def env_optional_url(name: str, *schemes: str) -> str:
    return env_url(name, "", *schemes) if os.environ.get(name) else ""


def env_database(name: str, default: str) -> dict[str, Any]:
    url = env_url(name, default, "sqlite", "postgres", "postgresql")
    database: dict[str, Any] = dict(
        dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True)
    )
    if not database["NAME"]:
        raise ImproperlyConfigured(f"{name} names no database")
    if database["ENGINE"].endswith("sqlite3"):
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": (
                "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA recursive_triggers=ON;"
            ),
        }
    return database


RISKCONSOLE_ENV = env_choice("RISKCONSOLE_ENV", "development", "production")
IS_PRODUCTION = RISKCONSOLE_ENV == "production"
RISKCONSOLE_HOME = Path(env("RISKCONSOLE_HOME", str(BASE_DIR / "var"))).resolve()
IS_DEMO = env_bool("RISKCONSOLE_DEMO", default=False)
PUBLIC_URL = env_url("RISKCONSOLE_PUBLIC_URL", "http://localhost:8000", "http", "https")
ALERT_URLS = env_routes("RISKCONSOLE_ALERT_URLS")
HEARTBEAT_URL = env_optional_url("RISKCONSOLE_HEARTBEAT_URL", "http", "https")
TRUSTED_PROXIES = env_networks("RISKCONSOLE_TRUSTED_PROXIES")
REQUIRE_MFA = env_bool("RISKCONSOLE_REQUIRE_MFA", default=IS_PRODUCTION)
IS_SOLO = env_bool("RISKCONSOLE_SOLO", default=False)
if IS_DEMO and IS_PRODUCTION:
    raise ImproperlyConfigured("RISKCONSOLE_DEMO is refused where RISKCONSOLE_ENV is production")

SECRET_KEY = (
    env("RISKCONSOLE_SECRET_KEY")
    if IS_PRODUCTION or "RISKCONSOLE_SECRET_KEY" in os.environ
    else kept_secret(RISKCONSOLE_HOME / "secret_key")
)
# Seals the secrets in the database that must be read again.
MASTER_KEY = (
    stored_secret(Path(os.environ["RISKCONSOLE_MASTER_KEY_FILE"]), "RISKCONSOLE_MASTER_KEY_FILE")
    if "RISKCONSOLE_MASTER_KEY_FILE" in os.environ
    else kept_secret(RISKCONSOLE_HOME / "master_key")
)
# Opens what was sealed before the master key was changed, until `key rotate` has sealed it anew.
OLD_MASTER_KEY = (
    stored_secret(
        Path(os.environ["RISKCONSOLE_OLD_MASTER_KEY_FILE"]), "RISKCONSOLE_OLD_MASTER_KEY_FILE"
    )
    if "RISKCONSOLE_OLD_MASTER_KEY_FILE" in os.environ
    else ""
)
DEBUG = False
ALLOWED_HOSTS = env_list("RISKCONSOLE_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")

INSTALLED_APPS = [
    "channels",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "ninja",
    "riskconsole.audit",
    "riskconsole.alerts",
    "riskconsole.people",
    "portfolio",
    "oms",
    "breaker",
    "riskconsole.ops",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "riskconsole.people.middleware.SessionActivityMiddleware",
    "riskconsole.people.middleware.SecondFactorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "riskconsole.urls"
ASGI_APPLICATION = "riskconsole.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

DATABASES = {
    "default": env_database(
        "DATABASE_URL", f"sqlite:///{quote(str(RISKCONSOLE_HOME))}/console.sqlite3"
    )
}
# In production the role that runs the console owns nothing; another one migrates.
MIGRATION_DATABASE = "migration" if "DATABASE_MIGRATION_URL" in os.environ else "default"
if MIGRATION_DATABASE != "default":
    DATABASES[MIGRATION_DATABASE] = env_database("DATABASE_MIGRATION_URL", "")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

HAS_OWN_REDIS = "REDIS_URL" not in os.environ
REDIS_SOCKET = socket_path(RISKCONSOLE_HOME)
REDIS_URL = env_url(
    "REDIS_URL", f"unix://{quote(str(REDIS_SOCKET))}", "redis", "rediss", "unix", "sentinel"
)
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 60,
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
    # A publish to a dead broker fails at once instead of trying for six seconds.
    "max_retries": 0,
    "socket_timeout": 3,
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
}
# A service that enqueues must not wait for a dead broker: the row is the truth, a sweep finds it.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "background"
CELERY_TASK_ROUTES = {
    "oms.sweep_legs": {"queue": "emergency"},
    "oms.sweep_holds": {"queue": "emergency"},
    "oms.sweep_closes": {"queue": "emergency"},
    "breaker.*": {"queue": "monitor"},
}
CELERY_BEAT_SCHEDULER = "riskconsole.ops.workers:BeatingScheduler"
# `up` runs beat as a thread of one of its workers: a process less to load.
HAS_BEAT_INSIDE = env_bool("RISKCONSOLE_BEAT_INSIDE", default=False)
CELERY_BEAT_SCHEDULE = {
    "evaluate": {"task": "breaker.monitor", "schedule": 1.0, "options": {"expires": 1}},
    "legs": {"task": "oms.sweep_legs", "schedule": 1.0, "options": {"expires": 1}},
    "holds": {"task": "oms.sweep_holds", "schedule": 1.0, "options": {"expires": 1}},
    "closes": {"task": "oms.sweep_closes", "schedule": 1.0, "options": {"expires": 1}},
    "alerts": {"task": "alerts.sweep", "schedule": 1.0, "options": {"expires": 1}},
    "guardian": {"task": "ops.watch_guardian", "schedule": 5.0, "options": {"expires": 5}},
    "log": {"task": "audit.check", "schedule": 60.0, "options": {"expires": 60}},
    "history": {"task": "portfolio.thin_history", "schedule": 60.0, "options": {"expires": 60}},
}

AUTH_USER_MODEL = "people.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "breaker:overview"
LOGOUT_REDIRECT_URL = "account_login"

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATICFILES_DIRS: list[Any] = [
    ("riskconsole", BASE_DIR / "riskconsole" / "static" / "riskconsole"),
    ("lightweight-charts", wheel_folder("litecharts", "js")),
]
# Served from where they are installed: nothing has to be collected.
WHITENOISE_USE_FINDERS = True

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_PRODUCTION
SECURE_SSL_REDIRECT = IS_PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_REFERRER_POLICY = "same-origin"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL.startswith("https://") else []
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["stderr"],
        "level": env_choice("RISKCONSOLE_LOG_LEVEL", "WARNING", "INFO", "DEBUG"),
    },
}

"""The project's settings in a home of their own; DATABASE_URL chooses the engine."""

import atexit
import os
import shutil
import tempfile

HOME = tempfile.mkdtemp(prefix="rc-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ["RISKCONSOLE_HOME"] = HOME
os.environ["RISKCONSOLE_SECRET_KEY"] = "a secret of the tests only, long enough for the checks"
os.environ["REDIS_URL"] = f"unix://{HOME}/redis.sock"
os.environ.pop("RISKCONSOLE_ALERT_URLS", None)

from riskconsole.settings import *  # noqa: E402, F403
from riskconsole.settings import DATABASES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": f"{HOME}/tests.sqlite3"}

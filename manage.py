#!/usr/bin/env python
"""The entry point: every command of riskconsole."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

BAD_SETTING = 2


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "riskconsole.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(BAD_SETTING)


if __name__ == "__main__":
    main()

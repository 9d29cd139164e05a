"""python -m bench NAME [--json]: run one benchmark and print what it found."""

import argparse
import json
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import cast

from bench.report import Report

NAMES = ("latency", "valuation", "replay", "audit")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the named bench; an unknown name ends with exit status 2 and the list."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    run = cast("Callable[[], Report]", import_module(f"bench.{options.name}").run)
    report = run()
    print(json.dumps(report.as_json()) if options.json else report.as_text())


if __name__ == "__main__":
    main()

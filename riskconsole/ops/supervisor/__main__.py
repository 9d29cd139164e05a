"""Run the supervisor on a plan: python -m riskconsole.ops.supervisor PLAN.json."""

import sys
from pathlib import Path

from riskconsole.ops.supervisor.plan import read_plan
from riskconsole.ops.supervisor.run import Supervisor

if __name__ == "__main__":
    sys.exit(Supervisor(read_plan(Path(sys.argv[1]))).run())

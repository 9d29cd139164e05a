from pathlib import Path

from riskconsole.ops.supervisor.plan import ChildPlan, Plan, read_plan, write_plan


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    child = ChildPlan(
        name="web",
        argv=("daphne", "--fd", "4"),
        stage=1,
        env=(("RISKCONSOLE_BEAT_INSIDE", "true"),),
        heartbeats=("web",),
        http_url="http://localhost:8000/healthz",
        nice=10,
        fds=(4,),
    )
    plan = Plan(home="/home", folder="/code", url="http://localhost:8000/", children=(child,))
    write_plan(plan, tmp_path / "up.json")
    assert read_plan(tmp_path / "up.json") == plan

"""The database's own refusal to change the log, or a checkpoint of it."""

from riskconsole.triggers import Trigger


def _append_only(*, prefix: str, table: str, keys: tuple[str, ...], message: str) -> list[Trigger]:
    refused = [
        Trigger(name=f"{prefix}_no_{event.lower()}", table=table, event=event, message=message)
        for event in ("UPDATE", "DELETE", "TRUNCATE")
    ]
    same = " OR ".join(f"{key} = NEW.{key}" for key in keys)
    replaced = Trigger(
        # INSERT OR REPLACE passes the triggers above.
        name=f"{prefix}_no_replace",
        table=table,
        event="INSERT",
        vendor="sqlite",
        condition=f"EXISTS (SELECT 1 FROM {table} WHERE {same})",  # noqa: S608 - our own names
        message=message,
    )
    return [*refused, replaced]


TRIGGERS = (
    *_append_only(
        prefix="audit",
        table="audit_auditentry",
        keys=("sequence", "hash", "previous_hash"),
        message="the audit log is append-only",
    ),
    *_append_only(
        prefix="checkpoint",
        table="audit_auditcheckpoint",
        keys=("size",),
        message="checkpoints are append-only",
    ),
)

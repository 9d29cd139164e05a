"""The database's own refusal to change the log."""

from riskconsole.triggers import Trigger

_TABLE = "audit_auditentry"
_REFUSAL = "the audit log is append-only"

TRIGGERS = (
    *(
        Trigger(name=f"audit_no_{event.lower()}", table=_TABLE, event=event, message=_REFUSAL)
        for event in ("UPDATE", "DELETE", "TRUNCATE")
    ),
    Trigger(
        # INSERT OR REPLACE passes the triggers above.
        name="audit_no_replace",
        table=_TABLE,
        event="INSERT",
        vendor="sqlite",
        condition=(
            f"EXISTS (SELECT 1 FROM {_TABLE} WHERE sequence = NEW.sequence"  # noqa: S608
            " OR hash = NEW.hash OR previous_hash = NEW.previous_hash)"
        ),
        message=_REFUSAL,
    ),
)

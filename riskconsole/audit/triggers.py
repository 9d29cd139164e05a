"""The database's own refusal to change the log, or a checkpoint of it."""

from riskconsole.triggers import append_only

TRIGGERS = (
    *append_only(
        prefix="audit",
        table="audit_auditentry",
        keys=(("sequence",), ("hash",), ("previous_hash",)),
        message="the audit log is append-only",
    ),
    *append_only(
        prefix="checkpoint",
        table="audit_auditcheckpoint",
        keys=(("size",),),
        message="checkpoints are append-only",
    ),
)

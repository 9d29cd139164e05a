"""The constraint that every column with a closed list of values has."""

from enum import StrEnum

from django.db import models
from django.db.models import Q


def known(field: str, enum: type[StrEnum], name: str) -> models.CheckConstraint:
    """Return a constraint that refuses every value that is not in the enum."""
    values = [member.value for member in enum]
    return models.CheckConstraint(condition=Q((f"{field}__in", values)), name=name)

"""Model fields for exact money; they refuse a float instead of rounding it."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from riskconsole.kernel.numbers import EXACT, to_money_step, to_ratio_step

_Set = TypeVar("_Set", contravariant=True)
_Get = TypeVar("_Get", covariant=True)

if TYPE_CHECKING:

    class _ExactField(models.Field[_Set, _Get]):
        """Tells the type checker what is set and got; a nullable field adds None to both."""

        _pyi_private_set_type: Decimal | int | str
        _pyi_private_get_type: Decimal

else:

    class _ExactField(models.Field):
        """Accepts the type arguments that only the type checker reads."""

        def __class_getitem__(cls, _types):  # noqa: ANN001, ANN204
            return cls


# SQLite would keep a number as a binary float. Text of fixed width, moved up so that it is never
# negative, is exact and sorts and compares as the number does.
_BIAS = Decimal(10) ** 60
_WIDTH = 61 + 1 + 18


def _to_sortable(value: Decimal) -> str:
    return f"{EXACT.add(value, _BIAS):0{_WIDTH}.18f}"


def _from_sortable(text: str) -> Decimal:
    number = EXACT.subtract(Decimal(text), _BIAS)
    return number.normalize(EXACT) if number else Decimal(0)


class MoneyField(_ExactField[_Set, _Get]):
    """A price, a quantity or an amount: 60 digits before the point, 18 after it."""

    description = "An exact amount"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "numeric(78, 18)" if connection.vendor == "postgresql" else f"varchar({_WIDTH})"

    def rounded(self, value: Decimal) -> Decimal:
        return to_money_step(value)

    def to_python(self, value: Any) -> Decimal | None:  # noqa: ANN401
        if value is None:
            return None
        if isinstance(value, float):
            raise ValidationError(f"{self.name} takes a Decimal, was the float {value!r}")
        return Decimal(value)

    def get_prep_value(self, value: Any) -> Any:  # noqa: ANN401
        value = super().get_prep_value(value)
        if value is None or hasattr(value, "resolve_expression"):
            return value
        if isinstance(value, float):
            raise TypeError(f"{self.name} takes a Decimal, was the float {value!r}")
        number = Decimal(value)
        if not number.is_finite():
            raise ValueError(f"{self.name} takes a finite number, was {value!r}")
        return self.rounded(number)

    def get_db_prep_value(
        self,
        value: Any,  # noqa: ANN401
        connection: BaseDatabaseWrapper,
        prepared: bool = False,  # noqa: FBT001, FBT002
    ) -> Any:  # noqa: ANN401
        number = value if prepared else self.get_prep_value(value)
        if connection.vendor == "postgresql" or not isinstance(number, Decimal):
            return number
        return _to_sortable(number)

    def from_db_value(
        self,
        value: str | Decimal | None,
        _expression: Any,  # noqa: ANN401
        _connection: BaseDatabaseWrapper,
    ) -> Decimal | None:
        if value is None:
            return None
        if isinstance(value, Decimal):
            return value.normalize(EXACT) if value else Decimal(0)
        return _from_sortable(value)

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.value_from_object(obj))


class RatioField(MoneyField[_Set, _Get]):
    """A share of one, to 12 decimals: 0.05 is five per cent."""

    description = "An exact ratio"

    def rounded(self, value: Decimal) -> Decimal:
        return to_ratio_step(value)

"""What the console signs in with at a venue."""

from dataclasses import dataclass
from enum import StrEnum

HINT_LENGTH = 4


class KeyPurpose(StrEnum):
    """What a key is for: reading all the time, or cancelling and reducing in an emergency."""

    READ = "READ"
    EMERGENCY = "EMERGENCY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """One API key, in the clear; never log, store or pass on but to the venue itself."""

    key: str
    secret: str
    passphrase: str = ""

    @property
    def hint(self) -> str:
        """The end of the key, by which people know it."""
        return self.key[-HINT_LENGTH:]

    def __repr__(self) -> str:
        return f"Credentials(...{self.hint})"

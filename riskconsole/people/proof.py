"""How somebody proved who they are, for the entry of what they then did."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A second factor that was given for one decision and is used up with it.

    :param method: totp or webauthn
    :param credential: the id of the authenticator
    """

    method: str
    credential: str
    at: datetime

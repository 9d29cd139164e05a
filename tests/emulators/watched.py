"""Dicts that tell what changed in them."""

from collections import UserDict
from collections.abc import Callable, Hashable
from enum import StrEnum
from threading import RLock
from typing import NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Topic(StrEnum):
    PRICE = "PRICE"
    BALANCE = "BALANCE"
    POSITION = "POSITION"
    ORDER = "ORDER"


class Change(NamedTuple):
    """Something in the book is new: the instrument, the asset or the order id says what."""

    topic: Topic
    key: str


class Watched(UserDict[K, V]):
    """A dict that tells when a value is set or goes, while it holds its owner's lock."""

    def __init__(self, changed: Callable[[K], None], *, lock: RLock) -> None:
        self._changed = changed
        self._lock = lock
        super().__init__()

    def __setitem__(self, key: K, value: V) -> None:
        with self._lock:
            super().__setitem__(key, value)
            self._changed(key)

    def __delitem__(self, key: K) -> None:
        with self._lock:
            super().__delitem__(key)
            self._changed(key)

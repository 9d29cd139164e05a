"""The key that signs checkpoints: a file of the home, never in the database."""

from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from riskconsole.audit.verify_export import Checkpoint, key_id_of, statement_of
from riskconsole.places import kept_secret

# The package is imported where it is needed: it costs 12 MB and 70 ms of a process's start.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

FILE_NAME = "checkpoint_key"


def signed(*, size: int, root: str, at: str) -> Checkpoint:
    """Return a checkpoint with the signature of this home's key."""
    key = _signing_key()
    bare = Checkpoint(size=size, root=root, at=at, key_id=key_id_of(key.public_key()))
    return bare._replace(signature=key.sign(statement_of(bare)).hex())


def public_key() -> "Ed25519PublicKey":
    return _signing_key().public_key()


def public_key_text() -> str:
    """Return the public key as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def _signing_key() -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = kept_secret(Path(settings.RISKCONSOLE_HOME) / FILE_NAME, make=_new_key)
    key = load_pem_private_key(text.encode(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"The file {FILE_NAME} holds a key that is not of Ed25519")
    return key


def _new_key() -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    made = Ed25519PrivateKey.generate()
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

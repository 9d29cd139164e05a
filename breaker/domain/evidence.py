"""The text that binds a trip's evidence to the log: pure."""

import hashlib
from collections.abc import Mapping

from riskconsole.audit.chain import Value, canonical


def evidence_hash(evidence: Mapping[str, Value]) -> str:
    """Return the SHA-256 of the canonical text, which stands in the log's entry of the trip."""
    return hashlib.sha256(canonical(evidence).encode()).hexdigest()

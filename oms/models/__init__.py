from oms.models.cancel import CancelLeg, CancelRun, LegOrder
from oms.models.key import VenueKey
from oms.models.nonce import NonceTurn
from oms.models.paper import (
    PaperAccount,
    PaperBalance,
    PaperCall,
    PaperEntry,
    PaperFault,
    PaperFaultKind,
    PaperMark,
    PaperOrder,
    PaperPosition,
    PaperVerb,
)

__all__ = [
    "CancelLeg",
    "CancelRun",
    "LegOrder",
    "NonceTurn",
    "PaperAccount",
    "PaperBalance",
    "PaperCall",
    "PaperEntry",
    "PaperFault",
    "PaperFaultKind",
    "PaperMark",
    "PaperOrder",
    "PaperPosition",
    "PaperVerb",
    "VenueKey",
]

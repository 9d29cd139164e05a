from oms.models.cancel import CancelLeg, CancelRun, LegOrder
from oms.models.closing import CloseIntent, CloseLeg, CloseRun
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
    PaperReduction,
    PaperVerb,
)

__all__ = [
    "CancelLeg",
    "CancelRun",
    "CloseIntent",
    "CloseLeg",
    "CloseRun",
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
    "PaperReduction",
    "PaperVerb",
    "VenueKey",
]

from oms.models.cancel import CancelLeg, CancelRun, LegOrder
from oms.models.key import VenueKey
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

from oms.models.cancel import CancelLeg, CancelRun, LegOrder, LegPosition
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
    "LegPosition",
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
]

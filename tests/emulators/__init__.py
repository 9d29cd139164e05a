"""Local servers that speak the venues' own protocols, for tests only.

Signatures, nonces and clocks are checked as the venues check them; every call may be made to fail:

    with KrakenEmulator() as venue:
        venue.book.prices["BTC/USD"] = Decimal("60000")
        venue.faults.add(Fault(kind=FaultKind.GHOST, call="cancel_all"))
        ...                             # a client at venue.urls, signing with venue.credentials
        assert not venue.book.orders
"""

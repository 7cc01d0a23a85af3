"""Which language a request wants most.  RFC 9110 §12.5.4, §12.4.2"""

from __future__ import annotations

import re
from typing import Final

# RFC 9110 §12.5.4, §12.4.2
#   Accept-Language = #( language-range [ weight ] )
#   weight          = OWS ";" OWS "q=" qvalue
#   qvalue          = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
_MEMBER: Final = re.compile(r"(\*|[A-Za-z0-9-]{1,40})(?:[ \t]*+;[ \t]*+[qQ]=([01](?:\.[0-9]{0,3})?))?\Z")


def preferred_language(value: str | None) -> str | None:
    """The language that an Accept-Language value weighs most, in lower case.

    None where no single one is: several of the same weight, a wildcard on top, or a member that is malformed.
    """
    if value is None:
        return None
    best: tuple[float, str] | None = None
    tied = False
    for text in value.split(","):
        member = text.strip(" \t")
        found = _MEMBER.match(member)
        if found is None:
            if member:
                return None
            continue
        weight = 1.0 if found[2] is None else float(found[2])
        if best is None or weight > best[0]:
            best, tied = (weight, found[1].lower()), False
        elif weight == best[0]:
            tied = True
    return None if best is None or tied or best[0] == 0 or best[1] == "*" else best[1]

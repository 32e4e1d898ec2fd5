"""Every declared card in one place: what the generated reference prints and the generic tests walk.

``EXCLUDED`` names declarations that no page shows, each with its reason; a test fails for any other one that is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from readers.cards.declaration import Environment
from readers.cards.kinds import KINDS, CardKind
from readers.cards.social_security import SSSE
from readers.cards.social_security_employment import DF02
from readers.cards.social_security_insurance import DF03
from readers.cards.social_security_medical import BALANCES, DF04
from readers.cards.social_security_public import DF01

SOCIAL_SECURITY: tuple[Environment, ...] = (SSSE, DF01, DF02, DF03, DF04)
ALL_KINDS: tuple[CardKind, ...] = KINDS
ALL_BALANCES = BALANCES
EXCLUDED: Mapping[str, str] = MappingProxyType({})

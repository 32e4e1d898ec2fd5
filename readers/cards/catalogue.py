"""Every declared card in one place: what the generated reference prints and the generic tests walk.

``EXCLUDED`` names declarations that no page shows, each with its reason; a test fails for any other one that is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from readers.cards.declaration import Balance, Environment
from readers.cards.finance import FINANCE, PPSE, PSE
from readers.cards.health import HEALTH
from readers.cards.kinds import KINDS, CardKind
from readers.cards.social_security import SSSE
from readers.cards.social_security_employment import DF02
from readers.cards.social_security_insurance import DF03
from readers.cards.social_security_medical import DF04
from readers.cards.social_security_public import DF01

SOCIAL_SECURITY: tuple[Environment, ...] = (SSSE, DF01, DF02, DF03, DF04)
EVERY_ENVIRONMENT: tuple[Environment, ...] = (*SOCIAL_SECURITY, PSE, PPSE, *FINANCE, *HEALTH)
ALL_KINDS: tuple[CardKind, ...] = KINDS
ALL_BALANCES: tuple[Balance, ...] = tuple(balance for environment in EVERY_ENVIRONMENT for balance in environment.balances)
EXCLUDED: Mapping[str, str] = MappingProxyType({})

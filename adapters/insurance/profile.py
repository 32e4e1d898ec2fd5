"""One region's rules as data: ``config/regions/<name>.toml`` read as a typed value.

What differs between provinces stands here and in no code (insurance.md 0.4, 7): which messages 2601 may undo, how long the
centre takes to process, what a refusal code means, extra envelope fields, extra codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from adapters.insurance import profile_gateway, profile_rules, profile_soap
from adapters.insurance.catalogue.form import CatalogueForm
from adapters.insurance.files.form import StatementForm
from adapters.insurance.profile_gateway import GatewayForm, NationalForm, SignatureForm
from adapters.insurance.profile_kinds import CategoryForm, CrossRegionForm, OutpatientForm, PharmacyForm, StayForm
from adapters.insurance.profile_mobile import MobileForm
from adapters.insurance.profile_soap import SoapForm
from adapters.insurance.profile_words import in_chinese
from adapters.insurance.schema import SiteRules
from adapters.insurance.transactions import ENVELOPE_EXTRAS, REQUEST_HEAD, SERVICES
from config.load import ConfigError, Problem, document_of, problems_of, read
from config.section import between, matching, one_of, setting

REGIONS = Path(__file__).resolve().parents[2] / "config" / "regions"
# How the centre is spoken to. soap: an operation for each transaction; soap-process: one process(xml) with the MSGNO
# envelope; soap-string: one operation of strings with ^ and |.
# national: HTTP POST of JSON, as the national platform has it.
DIALECTS = ("soap", "soap-process", "soap-string", "national")


def _known_extras(_instance: object, _attribute: object, value: dict[str, str]) -> None:
    lengths = {spec.name: spec.length for spec in REQUEST_HEAD}
    for name, content in value.items():
        if name not in ENVELOPE_EXTRAS:
            raise ValueError(
                f"信封没有这个附加字段 / {name} is no extra of the envelope; known: {', '.join(sorted(ENVELOPE_EXTRAS))}"
            )
        if not content or len(content) > lengths[name]:
            raise ValueError(f"长度不对 / {name} must have 1 to {lengths[name]} characters")


def _known_services(_instance: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if unknown := [code for code in value if code not in SERVICES]:
        known = f"{', '.join(map(repr, unknown))} is none; known: {', '.join(sorted(SERVICES))}"
        raise ValueError(f"没有这样的查询、备案或变更 / {attribute.name}: {known}")
    if len(set(value)) != len(value):
        raise ValueError(f"有交易重复 / {attribute.name} names a transaction twice")


@attrs.frozen(slots=True, kw_only=True)
class Profile:
    """A region's profile; see ``config/regions/template.toml`` for each key with its reason."""

    name: str = setting(help="what people call this region's rules")
    region: str = setting(
        help="six digits of the place of care (mdtrtarea_admvs)", validator=matching(r"\d{6}", "six digits")
    )
    dialect: str = setting(
        help="how the centre is spoken to: a WSDL operation each, process(xml), strings with ^ and |, or the national JSON",
        default="soap",
        validator=one_of(*DIALECTS),
    )
    reversible: tuple[str, ...] = setting(help="transactions that 2601 may undo here", validator=profile_rules.reversible)
    not_found_codes: tuple[str, ...] = setting(
        help="refusal codes of 2601 that mean: the original never arrived", default=()
    )
    already_reversed_codes: tuple[str, ...] = setting(
        help="refusal codes of 2601 that mean: the original has been reversed before", default=()
    )
    adopt_listed: bool = setting(
        help="an unknown outcome that the result file (3202) lists whole: true takes it over, false reverses it",
        default=False,
    )
    sign_in_again_codes: tuple[str, ...] = setting(help="refusal codes that mean: sign in (9001) first", default=())
    refusing_fault_codes: tuple[str, ...] = setting(
        help="SOAP fault codes that certainly mean that nothing was done; leave empty until the centre says so in writing",
        default=(),
    )
    after_settle: str = setting(
        help="what must follow a settlement's yes: nothing; confirm (9901) it, or check (9902) that it stands",
        default="nothing",
        validator=one_of("nothing", "confirm", "check"),
    )
    sign_in: str = setting(help="how often 9001 is wanted", default="daily", validator=one_of("daily", "never"))
    quote_expiry_s: int = setting(
        help="how long a pre-settlement may be confirmed", default=900, unit="s", validator=between(30, 86_400)
    )
    processing_limit_s: int = setting(
        help="after this long the centre certainly works no more on a message: only then does 'not found' end a reversal",
        default=600,
        unit="s",
        validator=between(10, 86_400),
    )
    max_lines: int = setting(help="charge lines in one 2204", default=500, validator=between(1, 500))
    soap: SoapForm = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="the centre's WSDL and the names in its messages", default=attrs.Factory(SoapForm)
    )
    envelope_extras: dict[str, str] = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="provincial fields of the envelope and their values", default=attrs.Factory(dict), validator=_known_extras
    )
    extra_codes: dict[str, tuple[str, ...]] = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="codes that this region adds to a code list",
        default=attrs.Factory(dict),
        validator=profile_rules.extra_codes,
    )
    statement: StatementForm = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="how this region reconciles, and what its files look like", default=attrs.Factory(StatementForm)
    )
    catalogue: CatalogueForm = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="which catalogues this centre tells, and how", default=attrs.Factory(CatalogueForm)
    )
    outpatient: OutpatientForm = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="outpatients, emergencies, chronic diseases, maternity", default=attrs.Factory(OutpatientForm)
    )
    pharmacy: PharmacyForm = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="sales of a pharmacy (2102)", default=attrs.Factory(PharmacyForm)
    )
    inpatient: StayForm = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="stays (2401-2405)", default=attrs.Factory(StayForm)
    )
    cross_region: CrossRegionForm = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="persons insured elsewhere", default=attrs.Factory(CrossRegionForm)
    )
    categories: dict[str, CategoryForm] = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="medical categories that this region adds or has otherwise", default=attrs.Factory(dict)
    )
    query_visits: bool = setting(
        help="whether 5201 may be asked what became of a registration, discharge or settlement without an answer",
        default=False,
    )
    already_done_codes: tuple[str, ...] = setting(
        help="refusal codes of a repeated 2301, 2402, 2403, 2405, 2202, 2404 or 2501-2507 that mean: it was done before",
        default=(),
    )
    services: tuple[str, ...] = setting(
        help="queries, filings and changes that this centre has: 2001, 2203A, 2403, 2501-2507, 5202-5206, 5301-5304",
        default=(),
        validator=_known_services,
    )
    lengths: dict[str, int] = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="lengths of fields where this region differs from the tables",
        default=attrs.Factory(dict),
        validator=profile_rules.lengths,
    )

    national: NationalForm = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="dialect national: how its JSON looks", default=attrs.Factory(NationalForm)
    )
    gateway: GatewayForm = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="what stands before the centre's service", default=attrs.Factory(GatewayForm)
    )
    signature: SignatureForm = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="the envelope's own signature", default=attrs.Factory(SignatureForm)
    )

    mobile: MobileForm = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="the channel of mobile payment", default=attrs.Factory(MobileForm)
    )

    @property
    def site_rules(self) -> SiteRules:
        """What of it changes the check of outgoing fields."""
        return SiteRules({name: frozenset(codes) for name, codes in self.extra_codes.items()}, dict(self.lengths))


def load_profile(name: str, directory: Path = REGIONS) -> Profile:
    """The profile of that name; ``ConfigError`` with every problem of the file."""
    return profile_of(document_of(directory / f"{name}.toml"))


def profile_of(document: Mapping[str, Any]) -> Profile:
    """The same of a document already parsed."""
    if problems := mistakes(document):
        raise ConfigError(problems)
    return read(Profile, document)


def mistakes(document: Mapping[str, Any]) -> list[Problem]:
    """Every mistake at once: of single keys, and of keys that do not go together."""
    crossed = (part.crossing(document) for part in (profile_rules, profile_soap, profile_gateway))
    found = [*problems_of(Profile, document), *(problem for problems in crossed for problem in problems)]
    return [in_chinese(problem) for problem in found]

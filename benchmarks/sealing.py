"""``python -m benchmarks.sealing FOLDER SECONDS``: what sealing costs of a durable commit, by algorithm.

One unit is a registration with a bill: a person with two digests, a bill of four lines, the visit with the centre's person
number. The real Writer writes them in batches of eight; the vault's own time is taken inside the same run.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from itertools import count, islice
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve

from benchmarks.journal import NOW, units
from middleware.domain.centre import Holder
from middleware.domain.charge import Bill, ChargeLine, Diagnosis
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, PersonName
from middleware.domain.money import Money
from middleware.store.ciphers import AES, SM4
from middleware.store.database import open_database, ready
from middleware.store.keyring import Sealing
from middleware.store.masters import KeptMaster, KeptMasters
from middleware.store.vault import Vault
from middleware.store.writer import Writer
from simulators.people import PEOPLE

T = TypeVar("T")
BATCH = 8
_PERSON = PEOPLE["employee"]
_HOLDER = Holder(
    IdNumber(_PERSON.id_number), PersonName(_PERSON.name), CardNumber(_PERSON.card_number),
    CardIdCode(_PERSON.card_id_code), _PERSON.sex, _PERSON.nation, date(1974, 5, 12),
)  # fmt: skip
_LINE = ChargeLine(
    line_id="1", catalogue_code="XJ01CAA040E001010101445", hospital_code="Y0001", name="阿莫西林胶囊",
    unit_price=Decimal("25.5"), quantity=Decimal(2), amount=Money(5100), charged_at=NOW, department_code="0301",
    department_name="呼吸内科", doctor_code="D330100000001", doctor_name="李医生",
)  # fmt: skip
_BILL = Bill((_LINE,) * 4, (Diagnosis("J06.900", "急性上呼吸道感染"),))


class Timed(Vault):
    """The vault with a watch on it."""

    spent = 0.0
    values = 0

    def seal_bytes(self, *args: Any) -> str:
        """See ``Vault.seal_bytes``."""
        return self._watched(super().seal_bytes, *args)

    def seal_many(self, *args: Any) -> list[str]:
        """See ``Vault.seal_many``."""
        done = self._watched(super().seal_many, *args)
        self.values += len(done) - 1
        return done

    def digest(self, *args: Any) -> str:
        """See ``Vault.digest``."""
        return self._watched(super().digest, *args)

    def _watched(self, work: Callable[..., T], *args: Any) -> T:
        began = time.perf_counter()
        done = work(*args)
        self.spent += time.perf_counter() - began
        self.values += 1
        return done


def measured(folder: Path, algorithm: str, seconds: float) -> dict[str, Any]:
    """commits_per_s, values, us_a_value, and share: the vault's time of the whole commit's."""
    database = open_database(f"sqlite:///{folder / f'sealing-{algorithm}.db'}")
    ready(database)
    vault = Timed(database, KeptMasters([KeptMaster(AES, b"bench".ljust(32, b"."))]), Sealing(algorithm))
    writer = Writer(database, vault=vault)
    made = (
        evolve(unit, person=(f"H{number:018d}", _HOLDER), bill=(f"S{number:018d}", _BILL))
        for number, unit in zip(count(1), units(), strict=False)
    )
    took, done, end = 0.0, 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        batch = list(islice(made, BATCH))
        began = time.perf_counter()
        results = writer.write(batch)
        took += time.perf_counter() - began
        if any(result is not None for result in results):
            raise RuntimeError(f"a unit was not written: {results}")
        done += len(batch)
    writer.close()
    vault.dispose()
    database.dispose()
    return {
        "algorithm": algorithm,
        "commits_per_s": done / took,
        "values_a_commit": vault.values / done,
        "us_a_value": vault.spent / vault.values * 1e6,
        "share": vault.spent / took,
    }


if __name__ == "__main__":
    print(json.dumps([measured(Path(sys.argv[1]), name, float(sys.argv[2]) / 2) for name in (AES, SM4)]))

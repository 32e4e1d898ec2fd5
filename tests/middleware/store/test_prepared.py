"""What is asked straight of the driver is answered as SQLAlchemy would answer it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from middleware.store.database import open_database
from middleware.store.prepared import Prepared, straight

TABLE = sa.Table(
    "asked", sa.MetaData(), sa.Column("name", sa.Text, primary_key=True), sa.Column("open", sa.Boolean),
    sa.Column("number", sa.BigInteger), sa.Column("data", sa.LargeBinary),
)  # fmt: skip
ROWS = [
    {"name": "a", "open": True, "number": 2**40, "data": b"\x00\xff"},
    {"name": "b", "open": False, "number": 0, "data": b""},
    {"name": "张\"'[", "open": None, "number": None, "data": None},
]
OF_NAME = sa.select(TABLE).where(TABLE.c.name == sa.bindparam("name"))
AMONG = (
    sa.select(TABLE.c.name, TABLE.c.open, sa.func.length(TABLE.c.name), sa.literal("x").label("mark"))
    .where(TABLE.c.name.in_(sa.bindparam("names", expanding=True)), TABLE.c.name != "z")
    .order_by(TABLE.c.name)
    .limit(sa.bindparam("most"))
)


@pytest.fixture
def connection(store_url):
    engine = open_database(store_url)
    TABLE.metadata.create_all(engine)
    with engine.begin() as filling:
        filling.execute(sa.insert(TABLE), ROWS)
    with engine.connect() as asking:
        yield asking
    engine.dispose()


CASES = [
    (OF_NAME, {"name": "a"}),
    (OF_NAME, {"name": "张\"'["}),
    (OF_NAME, {"name": "nobody"}),
    (AMONG, {"names": ["b", "a", "张\"'[", "z"], "most": 10}),
    (AMONG, {"names": ["a", "b"], "most": 1}),
    (AMONG, {"names": [], "most": 10}),
]


def test_rows_values_and_types_are_those_of_sqlalchemy(connection):
    asked = {id(statement): Prepared(statement) for statement in (OF_NAME, AMONG)}
    for statement, values in CASES * 2:  # written, and as it was written
        expected = connection.execute(statement, values).all()
        connection.rollback()
        prepared = asked[id(statement)]
        found = prepared.rows(connection, **values)

        assert [tuple(row) for row in expected] == [tuple(row) for row in found]
        assert [[type(value) for value in row] for row in expected] == [[type(value) for value in row] for row in found]
        assert [row.name for row in expected] == [row.name for row in found]
        assert (prepared.row(connection, **values) is None) == (not expected)


def test_a_question_outside_a_transaction_leaves_none_open(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/a.db")
    TABLE.metadata.create_all(engine)
    with engine.connect() as connection:
        Prepared(OF_NAME).rows(connection, name="a")

        assert not connection.in_transaction()
        assert not connection.connection.dbapi_connection.in_transaction


def test_what_the_driver_refuses_is_told_as_sqlalchemy_tells_it_and_without_the_values(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/a.db")
    with engine.connect() as connection:
        with pytest.raises(sa.exc.OperationalError) as caught:
            Prepared(OF_NAME).rows(connection, name="secret")
        with pytest.raises(sa.exc.OperationalError):
            connection.begin() and straight(connection, "BEGIN")

    assert "secret" not in str(caught.value)
    assert "no such table" in str(caught.value.orig)

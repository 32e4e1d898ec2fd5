"""Invariant 19, the half that the chain alone cannot keep: a cut tail and a chain written anew are found by an anchor."""

from __future__ import annotations

import json
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from middleware.store.anchors import load_key, load_public, new_key, read_anchors
from middleware.store.places import FilePlace


@pytest.fixture
def keys(tmp_path):
    private = tmp_path / "anchor.key"
    return private, new_key(private)


@pytest.fixture
def anchored(books, keys, tmp_path):
    """Two anchors, the second on what the database holds now."""
    target = tmp_path / "anchors"
    for _ in range(2):
        status, said = books.run("anchor", "--to", target, "--key", keys[0])
        assert status == 0, said
    return target


def verify(books, anchored, keys):
    return books.run("verify", "--anchors", anchored, "--public-key", keys[1])


def test_a_key_is_private_and_overwrites_nothing(books, tmp_path):
    first = books.run("anchor", "--new-key", tmp_path / "k", config=False)
    content = (tmp_path / "k").read_bytes()
    second = books.run("anchor", "--new-key", tmp_path / "k", config=False)

    assert (first[0], second[0], (tmp_path / "k").read_bytes() == content) == (0, 1, True)
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    assert "PRIVATE" not in (tmp_path / "k.pub").read_text()


def test_an_anchor_names_both_heads_and_who_and_when(books, anchored):
    lines = [json.loads(line) for line in anchored.read_text().splitlines()]

    assert [line["number"] for line in lines] == [1, 2]
    assert {line["institution"] for line in lines} == {"H99990000001"}
    heads = [[(lines[1][name]["sequence"], lines[1][name]["hash"])] for name in ("journal", "feed")]
    assert heads == books.heads()


def test_a_chain_that_goes_on_extends_every_anchor(books, anchored, keys):
    status, said = verify(books, anchored, keys)

    assert (status, "extend every one" in said) == (0, True)


@pytest.mark.parametrize("table", ["journal", "feed"])
def test_a_cut_off_tail_is_found_though_the_chain_is_whole(books, anchored, keys, table):
    ((newest, _),) = books.heads()[["journal", "feed"].index(table)]
    books.sql(f"DELETE FROM {table} WHERE sequence = ?", newest)

    assert books.run("verify")[0] == 0  # the chain alone cannot tell
    status, said = verify(books, anchored, keys)
    assert (status, f"{table} was cut off: row {newest}" in said) == (1, True)


def test_a_chain_written_anew_with_right_hashes_is_found(books, anchored, keys):
    books.forge(2)

    assert books.run("verify")[0] == 0
    status, said = verify(books, anchored, keys)
    assert (status, "journal was written anew" in said) == (1, True)


def test_what_does_not_extend_the_last_anchor_is_never_signed_over(books, anchored, keys):
    before = anchored.read_bytes()
    books.forge(2)
    status, said = books.run("anchor", "--to", anchored, "--key", keys[0])

    assert (status, "written anew" in said, anchored.read_bytes() == before) == (1, True, True)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda lines: [lines[0].replace(b'"sequence":', b'"sequence":1', 1), lines[1]], "line 1 was not signed"),
        (lambda lines: lines[1:], "line 1 does not follow"),
        (lambda lines: [lines[1], lines[0]], "line 1 does not follow"),
        (lambda lines: [*lines, lines[1]], "line 3 does not follow"),
        (lambda lines: [lines[0], lines[1][:-9]], "line 2 is cut off"),
        (lambda lines: [lines[0], b"{}\n"], "line 2 is no anchor"),
        (lambda lines: [lines[0], b"\xff\n"], "line 2 is no anchor"),
        (lambda lines: [lines[0], b"[" * 4000 + b"\n"], "line 2 is no anchor"),
        (lambda lines: [b"x" * 9000 + b"\n", *lines], "line 1 is cut off or too long"),
        (lambda _lines: [], "there is no anchor"),
    ],
)
def test_an_anchor_file_that_was_touched_proves_nothing_and_says_where(books, anchored, keys, change, why):
    anchored.write_bytes(b"".join(change(anchored.read_bytes().splitlines(keepends=True))))
    status, said = verify(books, anchored, keys)

    assert status == 1
    assert why in said


def test_anchors_of_another_key_or_institution_are_refused(books, anchored, keys, tmp_path):
    other = verify(books, anchored, (None, new_key(tmp_path / "other")))
    books.write_config(institution="H12345678901")
    foreign = verify(books, anchored, keys)

    assert (other[0], "was not signed with this key" in other[1]) == (1, True)
    assert (foreign[0], "of the institution H99990000001" in foreign[1]) == (1, True)


@pytest.mark.parametrize(
    "content", [None, b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
@pytest.mark.parametrize("load", [load_key, load_public])
def test_what_is_no_key_is_a_fault(tmp_path, load, content):
    path = tmp_path / "k"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Fault) as caught:
        load(path)

    assert caught.value.code == "system.anchor"


@given(content=st.binary(max_size=300))
def test_no_anchor_file_whatever_raises_anything_but_a_fault(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("any")
    (folder / "a").write_bytes(content)
    public = load_public(new_key(folder / "k"))
    with pytest.raises(Fault):
        list(read_anchors(FilePlace(folder / "a"), public))


def test_a_restore_of_less_than_was_anchored_needs_the_loss_accepted(books, keys, tmp_path):
    """On an empty machine, where only the anchor knows that there was more."""
    books.run("backup", "--to", tmp_path / "old.db")
    ((newest, _),) = books.heads()[1]
    with books.altering(tmp_path / "old.db") as path:
        books.sql("DELETE FROM feed WHERE sequence = ?", newest, path=path)
    books.run("anchor", "--to", tmp_path / "anchors", "--key", keys[0])
    books.lose()
    pair = ("--anchors", tmp_path / "anchors", "--public-key", keys[1])

    first = books.run("restore", "--from", tmp_path / "old.db", *pair)
    nothing = books.exists()
    second = books.run("restore", "--from", tmp_path / "old.db", *pair, "--accept-loss")

    assert (first[0], "feed was cut off" in first[1], nothing) == (1, True, False)
    assert second[0] == 0


def test_a_restore_of_a_forged_backup_is_refused_whatever_is_accepted(books, anchored, keys, tmp_path):
    books.run("backup", "--to", tmp_path / "b.db")
    with books.altering(tmp_path / "b.db") as path:
        books.forge(2, path)
    status, said = books.run(
        "restore", "--from", tmp_path / "b.db", "--anchors", anchored, "--public-key", keys[1], "--accept-loss"
    )

    assert (status, "written anew" in said) == (1, True)


def test_the_daemons_own_anchors_are_asked_without_being_named(books, anchored, keys, tmp_path):
    books.run("backup", "--to", tmp_path / "b.db")
    books.write_config(also=f'[anchor]\npath = "{anchored}"\nkey_file = "{keys[0]}"\n')
    whole = books.run("verify")
    with books.altering(tmp_path / "b.db") as path:
        books.forge(2, path)
    forged = books.run("restore", "--from", tmp_path / "b.db", "--accept-loss")
    books.forge(2)
    found = books.run("verify")
    anchored.unlink()
    blind = books.run("restore", "--from", tmp_path / "b.db")

    assert (whole[0], "extend every one" in whole[1]) == (0, True)
    assert (forged[0], "written anew" in forged[1]) == (1, True)
    assert (found[0], "NOT extended" in found[1]) == (1, True)
    assert (blind[0], "cannot be told" in blind[1], "--accept-loss" in blind[1]) == (1, True, True)


@pytest.mark.parametrize(
    "arguments", [("verify", "--anchors", "a"), ("restore",), ("restore", "--reconciled", "--from", "x"), ("anchor",)]
)
def test_half_an_order_is_misuse(books, arguments):
    assert books.run(*arguments)[0] == 2

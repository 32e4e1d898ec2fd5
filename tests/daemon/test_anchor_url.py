"""Anchors at a URL, on a real socket: the same checks as in a file, and what a server can do wrong."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from daemon.anchor_url import UrlPlace, check_url
from daemon.settings import AnchorOptions
from middleware.domain.fault import Fault
from middleware.store.anchors import load_public, new_key, read_anchors
from simulators.anchors import AnchorServer


@pytest.fixture
def books(file_books):
    """The wire is tested here; both databases are in test_anchors."""
    return file_books


@pytest.fixture
def server():
    made = AnchorServer()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def keys(tmp_path):
    private = tmp_path / "anchor.key"
    return private, new_key(private)


def add(books, server, keys):
    return books.run("anchor", "--to", server.url, "--key", keys[0])


def verify(books, server, keys):
    return books.run("verify", "--anchors", server.url, "--public-key", keys[1])


@pytest.mark.parametrize("ranges", [True, False])
def test_heads_are_anchored_at_a_url_and_verified_from_it(books, server, keys, ranges):
    server.ranges = ranges
    made = [add(books, server, keys) for _ in range(12)]  # longer than the tail that is read
    status, said = verify(books, server, keys)

    assert {code for code, _ in made} == {0}, made
    assert (status, server.url in said) == (0, True)
    assert [anchor.number for anchor in read_anchors(UrlPlace(server.url), load_public(keys[1]))] == list(range(1, 13))


def test_invariant_19_a_chain_written_anew_is_found_by_the_anchors_of_a_url(books, server, keys):
    add(books, server, keys)
    books.forge(2)
    status, said = verify(books, server, keys)

    assert (status, "NOT extended" in said) == (1, True)


def test_nothing_is_signed_over_what_the_database_does_not_extend(books, server, keys):
    add(books, server, keys)
    before = server.content
    books.forge(2)
    status, _ = add(books, server, keys)

    assert (status, server.content) == (1, before)


def test_an_anchor_whose_answer_was_lost_is_not_lost_and_not_written_twice(books, server, keys):
    server.lose_reply = True
    first, _ = add(books, server, keys)
    second, said = add(books, server, keys)

    assert (first, second) == (1, 0), said
    assert [a.number for a in read_anchors(UrlPlace(server.url), load_public(keys[1]))] == [1, 2]


@pytest.mark.parametrize(
    "status", [HTTPStatus.FOUND, HTTPStatus.FORBIDDEN, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.CONFLICT]
)
def test_what_the_server_says_instead_of_yes_is_a_fault_with_its_number(books, server, keys, status):
    server.status = status
    added, said = add(books, server, keys)
    verified, _ = verify(books, server, keys)

    assert (added, verified, str(int(status)) in said) == (1, 1, True)


def test_a_server_that_is_not_there_is_a_fault_without_a_traceback(books, server, keys, tmp_path):
    gone = AnchorServer()  # bound, never served
    url = gone.url
    gone._server.server_close()
    status, said = books.run("anchor", "--to", url, "--key", keys[0])

    assert (status, "system.anchor" in said, "Traceback" in said) == (1, True, False)


def test_the_token_of_the_configuration_opens_the_server(books, server, keys, tmp_path):
    server.token = "synthetic"
    (tmp_path / "token").write_text("synthetic\n")
    refused, _ = add(books, server, keys)
    books.write_config(
        also=f'[anchor]\nurl = "{server.url}"\nkey_file = "{keys[0]}"\ntoken_file = "{tmp_path / "token"}"\n'
    )
    added, said = books.run("anchor")
    verified, _ = books.run("verify")

    assert (refused, added, verified) == (1, 0, 0), said


@pytest.mark.parametrize(
    "url",
    ["http://bureau.invalid/a", "ftp://bureau.invalid/a", "https://", "https://user:x@bureau.invalid/", "https://b/#x"],
)
def test_a_url_that_is_not_private_is_refused(url):
    with pytest.raises(ValueError, match="url must"):
        check_url(url)


def test_a_file_and_a_url_at_once_are_a_mistake(tmp_path):
    with pytest.raises(ValueError, match="not both"):
        AnchorOptions(path=tmp_path / "a", url="https://bureau.invalid/a", key_file=tmp_path / "k")


@pytest.mark.parametrize("token", ["", "two\nlines", "\u7801"])
def test_a_token_that_could_forge_a_header_is_not_sent(tmp_path, server, token):
    (tmp_path / "token").write_text(token, encoding="utf-8")
    with pytest.raises(Fault) as caught:
        UrlPlace(server.url, tmp_path / "token").tail()
    assert caught.value.code == "system.anchor"

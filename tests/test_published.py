"""What a guest is given of what was published: files of one folder, whole or in parts."""

import subprocess
import sys

import pytest
from workshop import published

DATA = bytes(range(256)) * 40


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "public" / "blob").mkdir(parents=True)
    (tmp_path / "public" / "blob" / "0a").write_bytes(DATA)
    (tmp_path / "secret").write_text("not published")
    return tmp_path / "public"


def asked(path, *headers):
    return "\r\n".join((f"GET /{path} HTTP/1.1", "Host: x", *headers, "", "")).encode()


@pytest.mark.parametrize(
    ("given", "first", "last"),
    [("Range: bytes=0-9", 0, 9), ("range: bytes=10200-99999", 10_200, 10_239)],
    ids=["some", "more than there is"],
)
def test_a_part_is_given_that_was_asked_for(folder, given, first, last):
    head, _, body = published.answer(asked("blob/0a", given), folder).partition(b"\r\n\r\n")

    assert head.decode().split("\r\n") == [
        "HTTP/1.1 206 Partial Content",
        f"Content-Range: bytes {first}-{last}/{len(DATA)}",
        f"Content-Length: {last - first + 1}",
        "Connection: close",
    ]
    assert body == DATA[first : last + 1]


def test_a_file_is_given_whole(folder):
    head, _, body = published.answer(asked("blob/0a"), folder).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Length: 10240\r\n")
    assert body == DATA


@pytest.mark.parametrize("path", ["none", "blob", "../secret", "blob/../../secret", "%2e%2e/a"])
def test_nothing_else_is_given(folder, path):
    assert published.answer(asked(path), folder).startswith(b"HTTP/1.1 404 ")


def test_a_connection_is_answered_on_standard_input_and_output(folder):
    ended = subprocess.run(
        [sys.executable, published.__file__, folder],
        input=asked("blob/0a"),
        capture_output=True,
        timeout=60,
        check=True,
    )

    assert ended.stdout == published.answer(asked("blob/0a"), folder)


def test_a_guest_reaches_the_folder_and_nothing_else(folder):
    words = " ".join(published.nic(folder))

    assert "user,id=net,restrict=on,guestfwd=tcp:10.0.2.100:80-cmd:" in words
    assert words.count("guestfwd=") == 1
    assert "hostfwd" not in words

"""Where published files come from: whatever a server or a stick does, a terminal gets bounded
bytes or a clear error. How a server is reached and how long it may take: test_web.py."""

import errno
import io
import os
import re
import socket
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from webserver import CHUNKED, NOTE, answer, answering, following, publishing

from ledger_sync.errors import Refused, Unavailable
from ledger_sync.sources import Absence, FolderSource, Found, HttpSource, source_of

BUNDLE = bytes(range(256)) * 300  # more than one piece
MOST = 100_000
LONG_AGO = 1_000_000_000
FILES = {"checkpoint": NOTE, "tile/entries/000.p/12": BUNDLE, "draft": b""}
DATE = "Sun, 09 Sep 2001 01:46:40 GMT"
LATER = "Sun, 09 Sep 2001 01:46:41 GMT"
PASSWORD = "hunter2"
OURS = [
    "checkpoint",
    "draft",
    "tile/entries/x001/234",
    "tile/entries/000.p/12",
    "bridge/3",
    f"blob/{'0f' * 32}",
]
NOT_OURS = [
    *("", "/", "/etc/passwd", "..", "../x", "tile/../../x", "tile/..", "a..b", ".", "./x"),
    *(".git/config", "tile//0", "tile/", "Checkpoint", "a b", "a%2e", "a\\b", "a?b", "a#b"),
    *("a\n", "a\r\nHost: x", "\0", "é", "~", "http://other/x", "a:b"),
]


def got_from(*pieces, most=MOST, tag="", **options):
    with answering(*pieces) as server:
        return HttpSource(server.url, **options).get("checkpoint", most=most, tag=tag)


def refused(text=""):
    return pytest.raises(Refused, match=text)


def unavailable(what, step):
    """An error that names the value and ends with the next step."""
    return pytest.raises(Unavailable, match=f"{what}.*; {step}")


def publish(folder, name, data, *, at=LONG_AGO):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (at, at))


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "stick"
    for name, data in FILES.items():
        publish(folder, name, data)
    return folder


# Both sources keep one contract.


@pytest.fixture(params=["folder", "http"])
def source(request, folder):
    if request.param == "folder":
        yield FolderSource(folder)
        return
    with publishing(folder) as server:
        yield HttpSource(server.url)


@pytest.mark.parametrize("path", FILES)
def test_a_published_file_is_given_whole(source, path):
    found = source.get(path, most=MOST)

    assert found.data == FILES[path]
    assert source.received == len(found.data)


@pytest.mark.parametrize("path", ["none", "tile/none/000", "checkpoint/below"])
def test_a_file_that_is_not_there_is_missing(source, path):
    assert source.get(path, most=MOST) is Absence.MISSING
    assert source.received == 0


def test_an_unchanged_file_is_not_read_again(source):
    found = source.get("checkpoint", most=MOST)

    assert found.tag
    assert source.get("checkpoint", most=MOST, tag=found.tag) is Absence.UNCHANGED
    assert source.received == len(found.data)


@pytest.mark.parametrize("data", [NOTE.swapcase(), NOTE + b"more"], ids=["as long", "longer"])
def test_a_changed_file_is_given_anew(source, folder, data):
    tag = source.get("checkpoint", most=MOST).tag
    publish(folder, "checkpoint", data, at=LONG_AGO + 60)

    found = source.get("checkpoint", most=MOST, tag=tag)

    assert found.data == data
    assert found.tag not in ("", tag)


def test_a_file_that_went_away_is_missing_whatever_the_tag(source, folder):
    tag = source.get("checkpoint", most=MOST).tag
    (folder / "checkpoint").unlink()

    assert source.get("checkpoint", most=MOST, tag=tag) is Absence.MISSING


@pytest.mark.parametrize("tag", ["0 0 0", "\n", "*", '"x"', "\n\n", "a\r\nHost: other", "é", "\0"])
def test_a_tag_from_elsewhere_is_as_good_as_none(source, tag):
    assert source.get("checkpoint", most=MOST, tag=tag).data == NOTE


def test_a_file_may_be_as_long_as_asked_and_not_longer(source):
    assert source.get("checkpoint", most=len(NOTE)).data == NOTE
    with refused(f"checkpoint is longer than {len(NOTE) - 1} bytes") as caught:
        source.get("checkpoint", most=len(NOTE) - 1)

    assert caught.value.reason == "R-LEDGER"


def test_nothing_may_be_all_that_is_asked_for(source):
    assert source.get("draft", most=0).data == b""
    with refused("longer than 0 bytes"):
        source.get("checkpoint", most=0)


@pytest.mark.parametrize("path", OURS)
def test_the_paths_of_a_ledger_are_asked_for(source, path):
    source.get(path, most=MOST)


@pytest.mark.parametrize("path", NOT_OURS)
def test_a_path_that_is_not_ours_is_refused(source, path):
    with refused("is no path of a published ledger") as caught:
        source.get(path, most=MOST)

    assert caught.value.reason == "R-LEDGER"


@given(st.text("ab./-_%\\\n\0éA:", max_size=12))
@example("a/b")
def test_no_path_leads_out_of_the_folder(path):
    """Invariant: a path is refused, or plain in every part."""
    is_plain = all(
        part and part[0] != "." and ".." not in part and set(part) <= set("ab.-_")
        for part in path.split("/")
    )

    try:
        result = FolderSource(Path("/proc/self")).get(path, most=0)
    except Refused:
        assert not is_plain
    else:
        assert is_plain
        assert result is Absence.MISSING


# A folder.


@pytest.mark.parametrize("data", [NOTE.swapcase(), NOTE + b"more"], ids=["as long", "longer"])
def test_a_file_that_was_exchanged_is_changed_whatever_its_time(folder, data):
    tag = FolderSource(folder).get("checkpoint", most=MOST).tag
    publish(folder, "new", data)
    (folder / "new").replace(folder / "checkpoint")

    assert FolderSource(folder).get("checkpoint", most=MOST, tag=tag).data == data


@pytest.mark.parametrize("outside", ["secret", "stick, but another"])
@pytest.mark.parametrize("path", ["checkpoint", "tile/000.p/12"])
def test_a_link_out_of_the_folder_is_refused(folder, tmp_path, outside, path):
    publish(tmp_path / outside, "000.p/12", b"secret")
    (folder / "tile").rename(folder / "tiles")
    (folder / "tile").symlink_to(tmp_path / outside)
    (folder / "checkpoint").unlink()
    (folder / "checkpoint").symlink_to(f"../{outside}/000.p/12")

    with refused(f"{path} is a link out of the folder; put the file itself there"):
        FolderSource(folder).get(path, most=MOST)


def test_a_link_inside_the_folder_is_followed(folder):
    (folder / "checkpoint").rename(folder / "checkpoint.5")
    (folder / "checkpoint").symlink_to("checkpoint.5")

    assert FolderSource(folder).get("checkpoint", most=MOST).data == NOTE


def test_the_folder_itself_may_be_a_link(folder, tmp_path):
    (tmp_path / "mounted").symlink_to(folder)

    assert FolderSource(tmp_path / "mounted").get("checkpoint", most=MOST).data == NOTE


def test_a_link_in_a_circle_is_refused(folder):
    (folder / "checkpoint").unlink()
    (folder / "checkpoint").symlink_to("checkpoint")

    with refused("checkpoint is a link in a circle; put"):
        FolderSource(folder).get("checkpoint", most=MOST)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(path))


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, make_socket])
def test_what_is_no_regular_file_is_refused_and_never_waited_for(folder, make, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "checkpoint").unlink()
    make(Path("checkpoint"))

    with refused("checkpoint is no regular file"):
        FolderSource(folder).get("checkpoint", most=MOST)


def remember(monkeypatch, status):
    """Lets the checkpoint look as it did before; all other paths are looked at."""
    look = os.lstat

    def lstat(path, **options):
        return status if str(path).endswith("checkpoint") else look(path, **options)

    monkeypatch.setattr(os, "lstat", lstat)


def test_a_pipe_that_took_the_place_of_the_file_is_not_waited_for(folder, monkeypatch):
    regular = os.lstat(folder / "checkpoint")
    (folder / "checkpoint").unlink()
    os.mkfifo(folder / "checkpoint")
    remember(monkeypatch, regular)

    with refused("checkpoint is no regular file"):
        FolderSource(folder).get("checkpoint", most=MOST)


def test_a_file_that_is_longer_than_it_says_is_refused():
    with refused("status is longer than 10 bytes"):
        FolderSource(Path("/proc/self")).get("status", most=10)


def test_a_file_that_goes_away_at_the_last_moment_is_missing(folder, monkeypatch):
    real = os.lstat(folder / "checkpoint")
    (folder / "checkpoint").unlink()
    remember(monkeypatch, real)

    assert FolderSource(folder).get("checkpoint", most=MOST) is Absence.MISSING


@pytest.mark.parametrize("make", [lambda path: None, Path.touch], ids=["nothing", "a file"])
def test_a_folder_that_is_not_there_is_no_missing_file(tmp_path, make):
    make(tmp_path / "none")

    with unavailable(r"none cannot be read \(No", "plug the stick in or give another folder"):
        FolderSource(tmp_path / "none").get("checkpoint", most=MOST)


@pytest.mark.parametrize("call", ["lstat", "open"])
@pytest.mark.parametrize(
    ("number", "step"),
    [
        (errno.EIO, "plug the stick in or mount the folder again"),
        (errno.ENODEV, "plug the stick in or mount the folder again"),
        (errno.ESTALE, "plug the stick in or mount the folder again"),
        (errno.EACCES, "let this user read it"),
        (errno.EMFILE, "check the folder"),
    ],
)
def test_a_disk_that_fails_says_why_and_what_to_do(folder, monkeypatch, call, number, step):
    def fail(*arguments, **options):
        raise OSError(number, os.strerror(number))

    source = FolderSource(folder)
    monkeypatch.setattr(os, call, fail)

    with pytest.raises(Unavailable, match=rf"cannot be read \({os.strerror(number)}\); {step}"):
        source.get("checkpoint", most=MOST)


def test_a_stick_that_is_pulled_while_it_is_read_says_so(folder, monkeypatch):
    class Pulled(io.BufferedReader):
        def read(self, size=-1):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdopen", lambda handle, mode: Pulled(io.FileIO(handle)))

    with unavailable("checkpoint cannot be read ", "plug the stick in"):
        FolderSource(folder).get("checkpoint", most=MOST)


# A web server: what is sent.


def test_a_request_says_who_asks_and_for_the_file_as_it_is():
    with answering(answer()) as server:
        HttpSource(f"{server.url}/ledger/").get("tile/entries/000", most=MOST)

    path, head = server.asked[0]
    assert path == "/ledger/tile/entries/000"
    assert head == {
        "Host": server.url.removeprefix("http://"),
        "User-Agent": "yardpass",
        "Connection": "close",
        "Accept-Encoding": "identity",
    }


def test_user_password_and_query_are_sent_and_never_shown():
    with answering(answer(b"", "503 Busy")) as server:
        url = server.url.replace("//", f"//gate:{PASSWORD}%40@") + f"/l?sig={PASSWORD}"
        source = source_of(url)
        with unavailable("status 503", "try again later") as caught:
            source.get("checkpoint", most=MOST)

    path, head = server.asked[0]
    assert path == f"/l/checkpoint?sig={PASSWORD}"
    assert head["Authorization"] == "Basic Z2F0ZTpodW50ZXIyQA=="
    assert source.where == f"{server.url}/l"
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"ETag": '"5"'}, {"If-None-Match": '"5"'}),
        ({"ETag": 'W/"5"'}, {"If-None-Match": 'W/"5"'}),
        ({"Last-Modified": DATE}, {"If-Modified-Since": DATE}),
        ({"Last-Modified": DATE, "Date": LATER}, {"If-Modified-Since": DATE}),
        (
            {"ETag": '"5"', "Last-Modified": DATE},
            {"If-None-Match": '"5"', "If-Modified-Since": DATE},
        ),
    ],
    ids=["etag", "weak etag", "date", "settled date", "both"],
)
def test_what_names_a_version_is_sent_back(given, sent):
    with answering(answer(**given)) as server:
        source = HttpSource(server.url)
        tag = source.get("checkpoint", most=MOST).tag
        source.get("checkpoint", most=MOST, tag=tag)

    (_, first), (_, second) = server.asked
    assert second == first | sent


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"ETag": "*"},
        {"ETag": "5"},
        {"ETag": '"5" "6"'},
        {"ETag": '"ä"'},
        {"ETag": f'"{"x" * 300}"'},
        {"ETag": '"5"\r\n folded'},
        {"Last-Modified": "yesterday"},
        {"ETag": '"5"', "Last-Modified": DATE, "Date": DATE},
    ],
)
def test_what_cannot_name_a_version_gives_no_tag(given):
    """The last may be changed once more in its second, and nobody could tell."""
    assert got_from(answer(**given)) == Found(NOTE, "")


def test_an_answer_to_a_condition_that_was_not_set_is_none():
    unasked = answer(b"", "304 Not Modified")

    assert got_from(unasked, tag='"5"\n') is Absence.UNCHANGED
    with unavailable("status 304", "check the address"):
        got_from(unasked)
    with unavailable("status 304", "check the address"):
        got_from(unasked, tag="0 0 0")


# A web server: what comes back.


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
def test_a_web_server_says_that_a_file_is_missing(status):
    assert got_from(answer(b"no such file", status)) is Absence.MISSING


@pytest.mark.parametrize(
    ("status", "step"),
    [
        (401, "check the user and password"),
        (403, "check the user and password"),
        (429, "try again later"),
        (500, "try again later"),
        (503, "try again later"),
        (204, "check the address"),
        (206, "check the address"),
        (300, "check the address"),
        (302, "check the address"),
        (400, "check the address"),
    ],
)
def test_any_other_status_says_what_to_do(status, step):
    with unavailable(f"/checkpoint answers with status {status}", step):
        got_from(answer(NOTE, f"{status} Whatever"))


@pytest.mark.parametrize(
    ("pieces", "received"),
    [
        ([answer(b"", length=MOST + 1)], 0),
        ([answer(b"", length=10**30)], 0),
        ([answer(b"", length=""), bytes(MOST), b"\0"], MOST + 1),
        ([answer(b"", length="-1"), bytes(MOST), b"\0"], MOST + 1),
        ([CHUNKED, b"1\r\n\0\r\n" * (MOST + 1)], MOST + 1),
    ],
    ids=["announced", "announced huge", "until the end", "announced below zero", "chunked"],
)
def test_more_than_was_asked_for_is_refused_and_not_held(pieces, received):
    with answering(*pieces) as server:
        source = HttpSource(server.url)
        with refused(f"/checkpoint is longer than {MOST} bytes"):
            source.get("checkpoint", most=MOST)

    assert source.received == received


@pytest.mark.parametrize("length", ["", 4], ids=["until the end", "announced"])
def test_a_file_may_come_in_single_bytes(length):
    assert got_from(answer(b"", length=length), *(b"1", b"2", b"3", b"4")).data == b"1234"


def test_chunks_are_put_together():
    assert got_from(CHUNKED, b"2\r\nab\r\n", b"1;x=y\r\nc\r\n", b"0\r\n\r\n").data == b"abc"


def test_content_after_the_announced_length_is_not_read():
    assert got_from(answer(NOTE + b"more", length=len(NOTE))).data == NOTE


@pytest.mark.parametrize(
    ("pieces", "step"),
    [
        ([answer(NOTE, length=len(NOTE) + 1)], "try again"),
        ([answer(b"", length=1)], "try again"),
        ([CHUNKED, b"5\r\nab"], "try again"),
        ([CHUNKED, b"2\r\nab\r\n"], "try again"),
        ([CHUNKED, b"zz\r\n"], "try again"),
        ([CHUNKED], "try again"),
        ([CHUNKED, b"-1\r\n" + bytes(MOST)], "check that a web server answers"),
        ([CHUNKED, b"-5\r\n" + bytes(MOST)], "check that a web server answers"),
    ],
)
def test_a_file_that_broke_off_is_not_taken_for_whole(pieces, step):
    with unavailable(r"/checkpoint cannot be read \(", step):
        got_from(*pieces)


@pytest.mark.parametrize(
    "piece",
    [
        b"",
        b"\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000,
        b"\x15\x03\x01\0\x02\x02\x46",
    ],
    ids=["nothing", "blank", "mail", "no number", "many lines", "long line", "TLS"],
)
def test_what_is_no_http_answer_says_so(piece):
    with unavailable(r"/checkpoint cannot be read \(", "check that"):
        got_from(piece)


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "GZIP", "identity, gzip", "?"])
def test_compressed_content_is_refused(coding):
    with refused("/checkpoint is compressed; let the server send files as they are"):
        got_from(answer(Content_Encoding=coding))


@pytest.mark.parametrize("coding", ["identity", "Identity ", " "])
def test_content_as_it_is_may_be_called_so(coding):
    assert got_from(answer(Content_Encoding=coding)).data == NOTE


# What a user names.


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("http://h", "http://h"),
        ("HTTP://H/L/", "http://h/L"),
        ("https://h:443/l?k=1#f", "https://h/l"),
        ("https://h:8443//", "https://h:8443"),
        ("http://h:443", "http://h:443"),
        ("http://u:p@h/l", "http://h/l"),
        ("http://u@h", "http://h"),
        ("http://[2001:DB8::1]:80/l", "http://[2001:db8::1]/l"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("https://h/%D0%B6%20k", "https://h/%D0%B6%20k"),
        ("http://gate_2.hz-07.example.", "http://gate_2.hz-07.example."),
    ],
)
def test_a_web_address_is_a_web_server(text, where):
    source = source_of(text)

    assert isinstance(source, HttpSource)
    assert (source.where, source.received) == (where, 0)


@pytest.mark.parametrize(
    "text", ["/media/stick", "stick", ".", "./a:b", "/a:b", "жк 7", "~", "a@b"]
)
def test_what_has_no_scheme_is_a_folder(text):
    source = source_of(text)

    assert isinstance(source, FolderSource)
    assert (source.where, source.received) == (str(Path(text)), 0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "\0", "a\n", "\x1b[2J", "\udcff", "a\u202eb"),
        *(f"ftp://u:{PASSWORD}@h/", "file:///etc/passwd", "file:x", "C:\\stick", "data:,x", "a:b"),
        *("http:", "http://", "http:h", "http:/h", "https:///l", "http://:80", "http://u:p@"),
        *(f"http://u:{PASSWORD}@h h/", f"http://u:{PASSWORD}/@h", f"http://é:{PASSWORD}@h"),
        *(f"http://u:80/{PASSWORD}@h/", f"://u:{PASSWORD}@h", f"h ttp://u:{PASSWORD}@h"),
        *(
            "http://h:x",
            "http://h:65536",
            "http://h:-1",
            "http://[::1",
            "http://[x]",
            "http://a..b",
        ),
        *(
            "http://h\r\nX: y",
            "http://h/\0",
            "http://h/\x7f",
            "http://é",
            f"http://h/{'x' * 2000}",
        ),
        *("http://h%41", "http://.h", f"http://{'a' * 64}"),
    ],
)
def test_anything_else_is_refused_and_its_password_not_shown(text):
    with refused("^(this is no source of a ledger|the source is no web address); [gw]") as caught:
        source_of(text)

    assert caught.value.reason == "R-SETTINGS"
    assert PASSWORD not in str(caught.value)


@given(
    st.sampled_from(["http", "https", "HTTP", "ftp", "file", ""]),
    st.text("u:@/%é", max_size=4),
    st.text("h.[]:0a%é\0", max_size=8),
    st.text("/?#:@l é\n", max_size=6),
)
@example("http", "u", "h", "/l")
def test_no_password_is_ever_shown(scheme, user, host, rest):
    """Invariant: the text becomes a source or is refused; a password stays out of either."""
    try:
        source = source_of(f"{scheme}://{user}:{PASSWORD}@{host}{rest}")
    except Refused as refusal:
        assert PASSWORD not in str(refusal)
    else:
        assert isinstance(source, HttpSource)
        assert PASSWORD not in source.where


@given(st.text(max_size=40))
def test_any_text_is_a_source_or_refused(text):
    """Invariant: no other error, and nothing is asked or made."""
    try:
        source = source_of(text)
    except Refused:
        return
    assert source.received == 0
    assert source.where.isprintable()


# Whatever comes.

WORDS = [
    *(
        b"HTTP/1.1 200 OK",
        b"HTTP/1.0 200",
        b"HTTP/1.1 304 x",
        b"HTTP/1.1 100 x",
        b"HTTP/1.1 302 x",
    ),
    *(b"\r\n", b"\r\n\r\n", b"\n", b" ", b"\0", b"\xff", b"ETag: ", b'"x"', b"Last-Modified: "),
    *(b"Content-Length: ", b"Transfer-Encoding: chunked\r\n\r\n", b"Content-Encoding: ", b"gzip"),
    *(b"Location: ", b"/", b"//", b"http:", b"0", b"-1", b"5", b"ffffffffffffffffff", b"x" * 99),
]
NOISE = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from(WORDS), max_size=12).map(b"".join),
    st.lists(st.sampled_from(WORDS), max_size=12).map(lambda w: WORDS[0] + b"\r\n" + b"".join(w)),
)


@pytest.fixture(scope="module")
def noisy():
    """A server that answers with what it is told, in pieces of one byte or as a whole."""
    told = []
    with following(lambda path: told) as server:
        yield server, told


@settings(deadline=None, max_examples=150)
@given(noise=NOISE, is_whole=st.booleans(), tag=st.sampled_from(["", '"x"\n']))
@example(noise=answer(), is_whole=True, tag="")
def test_whatever_a_server_sends_is_a_result_or_a_clear_error(noisy, noise, is_whole, tag):
    """Invariant: a bounded result, `Refused` or `Unavailable`; never another error."""
    server, told = noisy
    told[:] = [noise] if is_whole else [bytes([byte]) for byte in noise]
    source = HttpSource(server.url, total_seconds=5)

    try:
        result = source.get("checkpoint", most=50, tag=tag)
    except (Refused, Unavailable) as error:
        assert re.search("; [a-z]|longer than 50 bytes$", str(error))
    else:
        assert isinstance(result, Absence) or len(result.data) <= 50
    assert source.received <= 51

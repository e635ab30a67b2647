"""A web server is asked within a deadline, by a secure line where one was named, and whatever
fails says why and what to do next. What is made of its answers: test_sources.py."""

import datetime
import errno
import ipaddress
import itertools
import re
import socket
import ssl
from contextlib import contextmanager
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from webserver import CHUNKED, NOTE, answer, answering, following, moved

from ledger_sync.errors import Refused, Unavailable
from ledger_sync.sources import HttpSource
from ledger_sync.web import MAX_REDIRECTS

MOST = 1_000_000


def got(url, **options):
    return HttpSource(url, **options).get("checkpoint", most=MOST).data


def refused(text):
    return pytest.raises(Refused, match=text)


def unavailable(what, step):
    """An error that names the value and ends with the next step."""
    return pytest.raises(Unavailable, match=f"{what}.*; {step}")


@contextmanager
def closed_port():
    """A port that nobody listens at, and nobody else takes."""
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        yield line.getsockname()[1]


# Time.


def clock(step):
    """Seconds that pass by `step` whenever somebody looks."""
    return partial(next, itertools.count(0, step))


def dripping(start, drop):
    return lambda path: itertools.chain([start], itertools.repeat(drop))


@pytest.mark.parametrize(
    "script",
    [
        dripping(answer(b"", length=MOST), b"x"),
        dripping(CHUNKED, b"1\r\nx\r\n"),
        dripping(CHUNKED + b"0\r\n", b"X: y\r\n"),
        dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        lambda path: [moved("/again")],
    ],
    ids=["body", "chunks", "trailer", "continue", "head", "redirects"],
)
def test_a_server_that_drips_does_not_hold_us(script):
    with (
        following(script) as server,
        unavailable(r"cannot be read \(not done within 60 s\)", "try again later or use another"),
    ):
        got(server.url, timeout_seconds=10, total_seconds=60, ticks=clock(9))


def test_each_file_has_a_deadline_of_its_own():
    with answering(answer()) as server:
        source = HttpSource(server.url, total_seconds=60, ticks=clock(7))
        results = [source.get("checkpoint", most=MOST).data for _ in range(5)]

    assert results == [NOTE] * 5


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("limits", [(0.02, 60), (10, 0.02)], ids=["one wait", "all"])
def test_a_server_that_says_nothing_is_left(scheme, limits):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        with unavailable(f"{url}/checkpoint cannot be read", "try again later or use another"):
            got(url, timeout_seconds=limits[0], total_seconds=limits[1])


def test_a_handshake_is_within_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        with unavailable(r"\(not done within 60 s\)", "try again later"):
            got(url, timeout_seconds=1, total_seconds=60, ticks=clock(40))


def machines(*places):
    """What the resolver says of a name: these pairs of host and port."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]


def test_all_machines_of_a_name_share_the_deadline(monkeypatch):
    tried = []

    def hang(place, timeout):
        tried.append((place, timeout))
        raise TimeoutError("timed out")

    places = [(f"192.0.2.{number}", 80) for number in range(99)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: machines(*places))
    monkeypatch.setattr(socket, "create_connection", hang)

    with unavailable("http://many.example/checkpoint cannot be read", "try again later"):
        got("http://many.example", timeout_seconds=10, total_seconds=60, ticks=clock(9))

    assert tried == list(zip(places[:6], [10, 10, 10, 10, 10, 6], strict=True))


# What can be in the way.


def test_the_next_machine_of_a_name_is_asked_if_the_first_is_off(monkeypatch):
    real = socket.getaddrinfo
    with answering(answer()) as server, closed_port() as port:
        both = machines(("127.0.0.1", port), ("127.0.0.1", server.server_port))

        def look_up(host, *rest, **more):
            return both if host == "two.example" else real(host, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

        assert got("http://two.example") == NOTE

    assert server.asked[0][1]["Host"] == "two.example"


def test_a_server_that_is_off_says_so():
    with closed_port() as port:
        url = f"http://127.0.0.1:{port}"
        what = rf"^{url}/checkpoint cannot be read \(Connection refused\)"
        with unavailable(what, "check that the server runs$"):
            got(url)


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "check the name"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "check the name and the DNS"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "check the network"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "check the network"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset"), "check that the server runs"),
    ],
)
def test_a_server_that_cannot_be_reached_says_why(monkeypatch, error, step):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    why = re.escape(error.strerror)
    with unavailable(rf"^http://gone.example/checkpoint cannot be read \({why}\)", step):
        got("http://gone.example")


def test_a_name_without_machines_cannot_be_reached(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])

    with unavailable(r"cannot be read \(no address\)", "check the network"):
        got("http://none.example")


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_not_used(monkeypatch, name):
    with answering(answer()) as server, closed_port() as port:
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")

        assert got(server.url) == NOTE


# Redirects.


def redirecting(steps):
    """A server that leads on from each path of `steps` and has the note anywhere else."""
    return following(lambda path: [moved(steps[path]) if path in steps else answer()])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_whatever_its_number(status):
    with following(lambda path: [answer() if path == "/b" else moved("/b", status)]) as server:
        assert got(server.url) == NOTE


@pytest.mark.parametrize("location", ["b", "?b=c", "./b#x", "http:b", "URL/b", "//NAME/b"])
def test_a_redirect_may_be_written_in_short(location):
    def script(path):
        name = server.url.removeprefix("http://")
        onward = location.replace("URL", server.url).replace("NAME", name)
        return [moved(onward) if path == "/checkpoint" else answer()]

    with following(script) as server:
        assert got(server.url) == NOTE


def test_three_redirects_are_followed_and_no_fourth():
    steps = {"/checkpoint": "/1", "/1": "/2", "/2": "/3"}
    with redirecting(steps) as server:
        assert got(server.url) == NOTE

    with (
        redirecting(steps | {"/3": "/4"}) as server,
        refused("/checkpoint leads on more than 3 times; check the server") as caught,
    ):
        got(server.url)

    assert len(server.asked) == 1 + MAX_REDIRECTS
    assert caught.value.reason == "R-LEDGER"


@pytest.mark.parametrize(
    "location",
    [
        *("file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "javascript:x", "https://"),
        *("http://[::1", "http://h:99999/", "http://h:x/", "http://a b/", "http://é/"),
        *("http://a..b/", f"http://{'a' * 64}/", f"/{'x' * 3000}", "/\x1b[2J", "/\x7f", "//@/"),
    ],
)
def test_a_redirect_to_no_web_address_is_refused(location):
    with (
        redirecting({"/checkpoint": location}) as server,
        refused(f"^{server.url}/checkpoint leads on to no web address; check the server$"),
    ):
        got(server.url)


def test_what_fails_after_a_redirect_names_the_server_that_failed():
    with closed_port() as port:
        onward = f"http://127.0.0.1:{port}/x"
        with (
            answering(moved(f"{onward}?key=hunter2")) as server,
            unavailable(rf"^{onward} cannot be read \(", "check that the server runs"),
        ):
            got(server.url)


def test_credentials_go_along_within_a_server_and_to_no_other():
    with (
        answering(answer()) as other,
        redirecting({"/checkpoint": "/b", "/b": f"{other.url}/x"}) as server,
    ):
        assert got(server.url.replace("//", "//gate:hunter2@")) == NOTE

    assert ["Authorization" in head for _, head in server.asked] == [True, True]
    assert ["Authorization" in head for _, head in other.asked] == [False]


def test_credentials_in_a_redirect_are_not_used():
    with answering(answer()) as other:
        onward = other.url.replace("//", "//gate:hunter2@")
        with answering(moved(onward)) as server:
            assert got(server.url) == NOTE

    assert ["Authorization" in head for _, head in other.asked] == [False]


# TLS.


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A context for a server at 127.0.0.1 that vouches for itself, and the file it does it by."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stand")])
    machine = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(9999, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([machine]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, path


@pytest.fixture
def trusted(tls, monkeypatch):
    """The server's context; this machine knows its certificate."""
    context, path = tls
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return context


def test_a_server_that_proves_its_name_is_read(trusted):
    with answering(answer(), tls=trusted) as server:
        assert got(server.url) == NOTE


def test_a_file_that_broke_off_in_tls_is_not_taken_for_whole(trusted):
    with (
        answering(answer(length=99), tls=trusted) as server,
        unavailable("/checkpoint cannot be read", "try again"),
    ):
        got(server.url)


def test_a_server_that_drips_in_tls_does_not_hold_us(trusted):
    with (
        following(dripping(answer(b"", length=MOST), b"x"), trusted) as server,
        unavailable("not done within 60 s", "try again later"),
    ):
        got(server.url, ticks=clock(9))


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(tls):
    with (
        answering(answer(), tls=tls[0]) as server,
        unavailable(
            "certificate verify failed", "check the server's certificate and this machine"
        ),
    ):
        got(server.url)

    assert server.asked == []


def test_a_certificate_for_another_name_is_not_accepted(trusted):
    with (
        answering(answer(), tls=trusted) as server,
        unavailable(
            "certificate verify failed", "check the server's certificate and this machine"
        ),
    ):
        got(server.url.replace("127.0.0.1", "localhost"))

    assert server.asked == []


def test_a_server_without_tls_is_no_https_server():
    with answering(answer()) as server:
        url = server.url.replace("http", "https")
        with unavailable(f"{url}/checkpoint cannot be read", "check that the server speaks TLS"):
            got(url)


def test_a_redirect_leads_to_https_and_never_back(trusted):
    with answering(answer(), tls=trusted) as safe, answering(moved(safe.url)) as bare:
        assert got(bare.url) == NOTE

    with (
        answering(moved(bare.url), tls=trusted) as safe,
        refused("/checkpoint leads on from https to http; check the server"),
    ):
        got(safe.url)

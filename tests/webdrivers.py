"""Firefox and WebKit under test, by W3C WebDriver commands: Debian's firefox-esr over its own port
(Marionette), WebKitGTK over WebKitWebDriver. Playwright drives neither as Debian builds them."""

import base64
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

PATIENCE_SECONDS = 180  # WebKit takes a million letters in a minute where others work, too
WINDOW = {"width": 480, "height": 900}
MINI_BROWSER = "*/webkit*gtk-*/MiniBrowser"  # below /usr/lib; Debian 12 and 13 differ
PREFERENCES = """
user_pref("marionette.port", {port});
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.normandy.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
"""


class Driven:
    """A browser with one window; `ask(command, path, body)` is its wire."""

    def __init__(self, name, ask):
        self.name = name
        self._ask = ask

    def open(self, url):
        self._ask("WebDriver:Navigate", "url", {"url": url})

    def run(self, script, *args):
        """What `script`, the body of an async function, returns."""
        body = (
            "const done = arguments[arguments.length - 1];"
            f"(async (...args) => {{ {script} }})(...arguments)"
            ".then((value) => done({value}), (error) => done({error: String(error)}))"
        )
        given = {"script": body, "args": list(args)}
        found = self._ask("WebDriver:ExecuteAsyncScript", "execute/async", given)
        assert "error" not in found, found
        return found.get("value")

    def wait(self, script, *args):
        """What `script` returns once that is something."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            found = self.run(script, *args)
            if found:
                return found
        raise AssertionError(f"{self.name}: in vain: {script}")

    def photograph(self, path):
        shown = self._ask("WebDriver:TakeScreenshot", "screenshot", {"full": False})
        Path(path).write_bytes(base64.b64decode(shown))


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def connected(port):
    """A connection to a program that is starting."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        except OSError:
            assert time.monotonic() < until, f"nothing listens at {port}"
            time.sleep(0.1)


@contextmanager
def running(*command, **environment):
    """A program, ended by its own number."""
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env={**os.environ, **environment}, **silent)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@contextmanager
def firefox(folder):
    if shutil.which("firefox-esr") is None:
        pytest.skip("needs Firefox: apt-get install firefox-esr")
    port = free_port()
    profile = folder / "profile"
    profile.mkdir()
    (profile / "user.js").write_text(PREFERENCES.format(port=port))
    start = ("firefox-esr", "-headless", "-marionette", "-no-remote", "-profile", str(profile))
    with running(*start, HOME=str(folder)), connected(port) as line:
        asked = _marionette(line.makefile("rwb"))
        asked("WebDriver:NewSession", "", {})
        asked("WebDriver:SetWindowRect", "", WINDOW)
        yield Driven("firefox", asked)
        asked("WebDriver:DeleteSession", "", {})


def _marionette(wire):
    """`12:[0,1,"WebDriver:Navigate",{...}]` and back; the first message is a greeting."""

    def read():
        size = b""
        while not size.endswith(b":"):
            size += wire.read(1)
        return json.loads(wire.read(int(size[:-1])))

    def ask(command, path, body):
        message = json.dumps([0, 1, command, body]).encode()
        wire.write(b"%d:%s" % (len(message), message))
        wire.flush()
        _, _, error, result = read()
        assert error is None, error
        return result.get("value") if isinstance(result, dict) and "value" in result else result

    read()
    return ask


@contextmanager
def webkit(folder):
    browser = next(Path("/usr/lib").glob(MINI_BROWSER), None)
    missing = [one for one in ("WebKitWebDriver", "Xvfb") if shutil.which(one) is None]
    if missing or browser is None:
        pytest.skip("needs WebKit: apt-get install webkit2gtk-driver xvfb")
    with ExitStack() as stack:
        screen, port = folder / "screen", free_port()
        with screen.open("w") as told:
            shown = ("Xvfb", "-displayfd", str(told.fileno()), "-screen", "0", "800x1000x24")
            process = subprocess.Popen(
                (*shown, "-nolisten", "tcp"), pass_fds=(told.fileno(),), stderr=subprocess.DEVNULL
            )
        stack.callback(process.wait, PATIENCE_SECONDS)
        stack.callback(process.terminate)
        until = time.monotonic() + PATIENCE_SECONDS
        while not screen.read_text().endswith("\n"):
            assert time.monotonic() < until, "no screen"
            time.sleep(0.05)
        environment = {
            "DISPLAY": f":{screen.read_text().strip()}",
            "HOME": str(folder),
            "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
            "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",  # containers let nobody sandbox
        }
        stack.enter_context(running("WebKitWebDriver", f"--port={port}", **environment))
        connected(port).close()
        options = {"webkitgtk:browserOptions": {"binary": str(browser), "args": ["--automation"]}}
        wanted = {"capabilities": {"alwaysMatch": options}}
        session = _posted(port, "/session", wanted)["sessionId"]

        def ask(command, path, body, method="POST"):
            method = "GET" if path == "screenshot" else method
            return _posted(port, f"/session/{session}/{path}".rstrip("/"), body, method)

        ask("", "window/rect", WINDOW)
        yield Driven("webkit", ask)
        ask("", "", None, "DELETE")


def _posted(port, path, body, method="POST"):
    data = json.dumps(body).encode() if method == "POST" else None
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data, method=method)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return json.load(answer)["value"]


BROWSERS = {"firefox": firefox, "webkit": webkit}

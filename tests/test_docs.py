"""The documentation cannot rot: whatever a user can type, set or read stands in README.md, and
the command line explains itself."""

import os
import re
import shlex
import tomllib
from dataclasses import fields
from importlib import resources
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from appliance import cli
from appliance.commands.office_rule import PRESETS
from appliance.office import terminal_kit
from appliance.office.terminal_kit import Post
from appliance.policy import site_rule
from appliance.policy.fact_names import FACTS, TIMES
from appliance.policy.reasons import GUARD, Reason
from appliance.policy.site_rule import SiteRule
from hw.drivers import DRIVERS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
CODE = re.findall(r"`([^`\n]+)`", README) + re.findall(r"```\w*\n(.*?)```", README, re.DOTALL)
VARIABLE = re.compile(r"\bYARDPASS_[A-Z_]+")
PACKAGES = ("appliance", "hw", "ledger_sync", "tests")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
SOURCES = [path for folder in PACKAGES[:3] for path in (ROOT / folder).rglob("*.py")]
VARIABLES = sorted({name for path in SOURCES for name in VARIABLE.findall(path.read_text())})
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("[!.]*/README.md"))]
MISUSED = [
    ["sell"],
    ["--loud"],
    ["office", "sell"],
    ["office", "init"],
    ["office", "init", "--site", "hz 07"],
    ["office", "init", "--site", "ü"],
    ["office", "init", "--site", "x" * 25],
    ["office", "enrol"],
    ["office", "enrol", "Chen", "--zone", "53"],
    ["office", "enrol", "Chen", "--days", "0"],
    ["office", "enrol", "Chen", "--class", "king"],
    ["office", "enrol", "Chen", "--duress"],
    ["office", "enrol", "Chen", "--key", "key", "--phone", "key"],
    ["office", "enrol", "Chen", "--link", "https://wallet.example/"],
    ["office", "enrol", "Chen", "--phone", "key", "--link", "http://wallet.example/"],
    ["wallet", "export"],
    ["wallet", "serve", "--port", "65536"],
    ["office", "enrol", "Chen", "--duress", "--key", "key", "--days", "9"],
    ["office", "terminal", "new"],
    ["office", "revoke"],
    ["office", "init", "--site", "hz07", "--quorum", "4"],
    ["office", "init", "--site", "hz07", "--local", "a", "--local", "a"],
    ["office", "init", "--site", "hz07", "--local", "no-one"],
    ["office", "card", "Chen"],
    ["office", "card", "Chen", "01", "--certified"],
    ["office", "card", "Chen", "01", "--tap", "sim"],
    ["office", "card", "Chen", "--tap", "fax"],
    ["office", "cards", "cards.pdf", "--names", "side"],
    ["office", "report", "wages"],
    ["office", "report", "denied"],
    ["office", "report", "denied", "--site", "north-1", "--csv", "--json"],
    ["office", "report", "expiring", "--within", "0"],
    ["office", "revoke", "Chen", "--carrier", "fax"],
    ["office", "issuer", "maker", "--cards-only"],
    ["office", "import"],
    ["office", "issuer"],
    ["office", "issuer", "guard", "--deny-only", "--class", "visitor"],
    ["office", "issuer", "guard", "--orders", "--class", "visitor"],
    ["office", "order", "siege", "file"],
    ["office", "order", "lockdown"],
    ["office", "order", "lockdown", "file", "--zone", "53"],
    ["ledger", "order"],
    ["ledger", "withdraw"],
    ["office", "deny", "file"],
    ["office", "deny", "Chen", "file", "--visitor", "87a414cf0c834483"],
    ["office", "rotate", "--quorum", "2"],
    ["office", "publish"],
    ["office", "cosigner", "anna", "--name", "no one", "--site", "hz07"],
    ["office", "cosign", "anna"],
    ["ledger", "import"],
    ["ledger", "status", "--jason"],
    ["demo", "now"],
    ["provision", "stick"],
    ["provision", "stick", "--name", "a", "--gate", "b", "--wifi-password", "f"],
    ["first-boot"],
    ["office", "terminal", "north-1", "--name", "north-1"],
    ["doctor", "--click"],
    ["doctor", "--bundle"],
    ["check"],
    ["simulate"],
    ["simulate", "--seeds", "0"],
    ["simulate", "--seeds", "1", "--nodes", "2"],
]


def commands(command=cli.cli, path=()):
    """Every command with its path, groups included."""
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), name)
            yield from commands(inner, (*path, name))


COMMANDS = dict(commands())
LEAVES = [path for path, command in COMMANDS.items() if not isinstance(command, click.Group)]


def is_code(word):
    """Whether the README shows `word` as code, as a word of its own."""
    return any(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", code) for code in CODE)


def line_of(path):
    """The rows of the README on this command; `export FILE`, `verify FILE` may share one."""
    *group, name = path
    short = re.compile(rf"^\| `yardpass {' '.join(group)}.*`{name}[ `]")
    whole = re.compile(rf"^\| `yardpass {' '.join(path)}[ `]")
    lines = README.splitlines()
    return "\n".join(line for line in lines if whole.search(line) or short.search(line))


def settings_keys():
    """Every table and key of the settings that `office terminal` writes."""
    post = Post("n", "n", "in", [0])._asdict() | {"zones": "0", "camera_options": "paths = []\n"}
    post |= terminal_kit.BOX._asdict()
    document = tomllib.loads(terminal_kit._SITE.format(origin="o", site="s", **post))
    for table, keys in document.items():
        yield f"[{table}]"
        yield from keys


SHARED = {"--office", "--dry-run"}
"""Options of many commands, told once."""


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_the_readme_names_every_command(path):
    assert line_of(path), f"README.md does not name: yardpass {' '.join(path)}"


@pytest.mark.parametrize(
    ("path", "option"),
    [
        (path, max(option.opts, key=len))
        for path in LEAVES
        for option in COMMANDS[path].params
        if isinstance(option, click.Option) and not SHARED & set(option.opts)
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_the_readme_names_every_option_beside_its_command(path, option):
    assert re.search(rf"{option}(?![\w-])", line_of(path)), f"{' '.join(path)}: {option}"


@pytest.mark.parametrize("option", [*sorted(SHARED), "--help", "--version"])
def test_the_readme_names_every_option_that_commands_share(option):
    assert is_code(option)


@pytest.mark.parametrize("name", VARIABLES)
def test_the_readme_names_every_variable_of_the_environment(name):
    assert is_code(name)


@pytest.mark.parametrize("key", sorted(set(settings_keys())))
def test_the_readme_names_every_setting(key):
    assert f"`{key}`" in README


@pytest.mark.parametrize("reason", Reason, ids=str)
def test_the_readme_says_of_every_reason_what_the_guard_reads(reason):
    assert f"| `{reason}` | {GUARD[reason]} |" in README


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in DRIVERS.items() for name in names]
)
def test_the_readme_names_every_driver(kind, name):
    row = next(line for line in README.splitlines() if line.startswith(f"| `[{kind}]`"))

    assert f"`{name}`" in row


@pytest.mark.parametrize("key", [one.name for one in fields(SiteRule) if one.compare])
def test_the_readme_names_every_key_of_a_rule(key):
    assert is_code(key)


def test_the_rule_in_the_readme_is_the_one_that_holds_by_default():
    (text,) = (code for code in CODE if code.startswith("{") and "fresh_seconds" in code)

    assert site_rule.read(text.encode()) == site_rule.DEFAULT


def test_the_readme_begins_with_the_two_commands():
    first = [line.split("#")[0].strip() for line in BLOCKS[0].splitlines()]

    assert first == ["./yardpass demo", "./yardpass test"]
    assert README.index(BLOCKS[0]) < 1_500
    assert os.access(ROOT / "yardpass", os.X_OK)


def examples():
    """Every call of the launcher in the README's shell blocks, but the tests' own."""
    for line in "".join(BLOCKS).splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["./yardpass"] and words[1:2] != ["test"]:
            yield words[1:]


@pytest.mark.parametrize("words", list(examples()), ids=" ".join)
def test_every_command_of_the_readme_is_one_that_parses(words):
    path = max((one for one in COMMANDS if tuple(words[: len(one)]) == one), key=len)

    context = COMMANDS[path].make_context(path[-1], words[len(path) :])

    assert path in LEAVES
    assert context.params


@pytest.mark.parametrize("folder", [str(page.parent.relative_to(ROOT)) for page in PAGES])
def test_every_relative_link_of_a_readme_leads_to_a_file(folder):
    page = ROOT / folder / "README.md"
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    relative = [link for link in links if "://" not in link]

    missing = [link for link in relative if not (page.parent / link).exists()]

    assert missing == []


def test_every_file_that_the_readme_names_exists():
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    sources = {path.name for folder in PACKAGES for path in (ROOT / folder).rglob("*.py")}
    words = {word.strip(",;") for code in CODE for word in code.split()}

    paths = {word for word in words if word.partition("/")[0] in folders and "/" in word}
    bare = {word for word in words if re.fullmatch(r"\w+\.py", word)}

    assert len(paths) > 10
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
    assert sorted(bare - sources) == []


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_each_of_its_options_has_a_help_text(path):
    command = COMMANDS[path]

    said = CliRunner().invoke(cli.cli, [*path, "--help"]).stdout

    assert command.help, path
    assert command.help.strip().endswith(".")
    assert said.startswith("Usage: ")
    for one in command.params:
        if isinstance(one, click.Option):
            assert one.help, f"{' '.join(path)} {one.opts[0]} has no help"
            assert one.opts[0] in said
        else:
            assert one.name.upper() in said


@pytest.mark.parametrize("arguments", MISUSED, ids=" ".join)
def test_wrong_arguments_exit_with_two_say_which_and_change_nothing(
    tmp_path, monkeypatch, arguments
):
    monkeypatch.chdir(tmp_path)

    said = CliRunner().invoke(cli.cli, arguments)

    assert (said.exit_code, said.stdout) == (2, "")
    assert "Error: " in said.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_bare_command_shows_what_there_is():
    said = CliRunner().invoke(cli.cli, [])

    assert said.exit_code == 2
    assert [name for name in cli.COMMANDS if f"\n  {name} " not in said.output] == []


def test_the_version_is_one_line_on_stdout():
    said = CliRunner().invoke(cli.cli, ["--version"])

    assert (said.exit_code, said.stderr) == (0, "")
    assert re.fullmatch(r"yardpass \S.*\n", said.stdout)


POLICY = (ROOT / "appliance" / "policy" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", FACTS)
def test_the_page_of_the_policy_names_every_fact_that_rules_may_ask(name):
    row = next(line for line in POLICY.splitlines() if f"`{name}`" in line)

    assert row.startswith("| `")
    assert ("(time)" in row) is (name in TIMES)


@pytest.mark.parametrize("key", [one.name for one in fields(SiteRule) if one.compare])
def test_the_page_of_the_policy_explains_every_key_of_a_rule(key):
    assert f"\n| `{key}` | " in POLICY


@pytest.mark.parametrize("name", PRESETS)
def test_the_page_of_the_policy_explains_every_rule_of_a_preset(name):
    text = resources.files("appliance.policy").joinpath("presets", f"{name}.json").read_bytes()
    (told,) = re.findall(rf"^\*\*{name}\*\* - .*?\n\n", POLICY, re.DOTALL | re.MULTILINE)

    assert [one.name for one in site_rule.read(text).rules if f"`{one.name}`" not in told] == []

"""`yardpass office rule`: the rule of all gates. Sets it, and says before what it will do."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import click

from appliance.commands.dry_run import rehearsable
from appliance.commands.office_options import FILE, PUBLISH, folder_option, open_office
from appliance.gate.words import explanation, headline
from appliance.office import rule_check
from appliance.policy import site_rule
from appliance.policy.site_rule import SiteRule
from appliance.zones import zone_of
from ledger_sync import files
from ledger_sync.entries import MAX_RULE, Rule
from ledger_sync.errors import Refused

PRESETS = ("residential", "staff-entrance", "epidemic")


class _Rule(click.Group):
    """`rule FILE` is `rule set FILE`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = args and args[0] in self.commands
        return super().resolve_command(ctx, args if known else ["set", *args])


@click.group(cls=_Rule, no_args_is_help=True)
def rule() -> None:
    """The rule of all gates: hours, freshness, presence, invites.

    `yardpass office rule FILE` is short for `rule set FILE`.
    """


@rule.command(name="set")
@folder_option
@click.argument("file", type=FILE)
@rehearsable(says=True)
def set_(folder: Path, file: Path) -> None:
    """Make FILE (JSON) the rule of all gates; `{}` gives the defaults."""
    text, made = _read(file)
    warnings = list(rule_check.warnings(made))
    open_office(folder).add(Rule(site_rule.RULE_NAME, text))
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"rule {made.digest.hex()}; {PUBLISH}")


@rule.command()
@click.argument("file", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def check(file: Path, as_json: bool) -> None:
    """Read FILE as a gate would, warn of what cannot be meant, and show what it says of examples.

    Nothing is changed. Exit code 1 if the file is no rule, or if there are warnings.
    """
    _, made = _read(file)
    warnings = list(rule_check.warnings(made))
    if as_json:
        _print_json(made, warnings)
    else:
        _print(made, warnings)
    if warnings:
        raise click.exceptions.Exit(1)


@rule.command()
@click.argument("name", type=click.Choice(PRESETS))
def preset(name: str) -> None:
    """Print a rule to begin with. Write it to a file, change it, check it, set it.

    NAME is residential, staff-entrance or epidemic.
    """
    text = resources.files("appliance.policy").joinpath("presets", f"{name}.json").read_text()
    click.echo(text, nl=False)


def _read(file: Path) -> tuple[bytes, SiteRule]:
    text = files.read_bounded(file, MAX_RULE, hint="print one with: yardpass office rule preset")
    try:
        return text, site_rule.read(text, zone_of)
    except Refused as refused:
        raise Refused(f"{file} is no rule: {refused}", reason=refused.reason) from None


def _print(made: SiteRule, warnings: list[str]) -> None:
    width = max(len(example.who) for example in rule_check.examples(made))
    for example in rule_check.examples(made):
        verdict = rule_check.judged(example)
        words = f"{headline(verdict)} {explanation(verdict)}".rstrip()
        click.echo(f"{example.who:<{width}}  {words}")
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    for hint in rule_check.hints(made):
        click.echo(f"hint: {hint}", err=True)
    count = len(made.rules)
    click.echo(f"{count} rule(s), {len(warnings)} warning(s); digest {made.digest.hex()}")


def _print_json(made: SiteRule, warnings: list[str]) -> None:
    found = {
        "digest": made.digest.hex(),
        "rules": [one.name for one in made.rules],
        "warnings": warnings,
        "hints": list(rule_check.hints(made)),
        "examples": [_row(example) for example in rule_check.examples(made)],
    }
    click.echo(json.dumps(found))


def _row(example: rule_check.Example) -> dict[str, Any]:
    verdict = rule_check.judged(example)
    return {
        "who": example.who,
        "verdict": verdict.colour.name,
        "action": verdict.action.name,
        "reasons": [str(reason) for reason in verdict.reasons],
    }

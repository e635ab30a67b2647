"""`yardpass office`: the manager's and the authority's commands, as one group."""

import click

from appliance.commands import (
    office_authority,
    office_card,
    office_cards,
    office_guard,
    office_order,
    office_page,
    office_people,
    office_publish,
    office_report,
    office_rule,
    office_terminal,
)

COMMANDS = (
    office_authority.init,
    office_authority.issuer,
    office_terminal.terminal,
    office_terminal.gone,
    office_rule.rule,
    office_authority.baseline,
    office_authority.snapshot,
    office_authority.recognise,
    office_publish.rotate,
    office_publish.publish,
    office_publish.update,
    office_publish.cosigner,
    office_publish.cosign,
    office_people.enrol,
    office_card.card,
    office_people.issue,
    office_cards.cards,
    office_people.import_,
    office_people.revoke,
    office_people.suspend,
    office_people.condition,
    office_people.reinstate,
    office_people.deny,
    office_order.order,
    office_guard.guard,
    office_people.list_,
    office_page.page,
    office_report.report,
)


@click.group()
def office() -> None:
    """Enrol residents, issue and revoke passes, publish the ledger."""


for _command in COMMANDS:
    office.add_command(_command)

"""What systemd hands to a service is what it reads, and nothing that it was not handed."""

from dataclasses import replace

import pytest

from appliance.credentials import handed
from appliance.settings import load
from ledger_sync.errors import Refused
from ledger_sync.keyfile import HANDED, read_secret

SECRET = b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"


@pytest.fixture
def settings(desk):
    return load(desk / "north-1" / "site.toml")


def test_a_secret_that_was_handed_over_takes_the_place_of_the_file(settings, tmp_path):
    (tmp_path / "site.secret").write_bytes(SECRET)

    found = handed(settings, {HANDED: str(tmp_path)})

    assert found == replace(settings, site_secret=tmp_path / "site.secret")


@pytest.mark.parametrize("environment", [{}, {HANDED: ""}, {HANDED: "/no/such/folder"}])
def test_who_was_handed_nothing_reads_the_files(settings, environment):
    assert handed(settings, environment) == settings


def test_a_handed_secret_may_show_rights_of_a_group_and_no_other_may(tmp_path, monkeypatch):
    file = tmp_path / "site.secret"
    file.write_bytes(SECRET)
    file.chmod(0o440)  # what an ACL for the service's user looks like
    with pytest.raises(Refused, match="can be read by others"):
        read_secret(file, hint="")

    monkeypatch.setenv(HANDED, str(tmp_path))

    assert read_secret(file, hint="") == bytes(32)
    file.chmod(0o444)
    with pytest.raises(Refused, match="can be read by others"):
        read_secret(file, hint="")

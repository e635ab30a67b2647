"""A settings file as a test writes it, and what its refusal says."""

import pytest

from ledger_sync.errors import Refused


def written(file, text):
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def faults(load, file, text):
    """The lines of the refusal, without the name of the file."""
    with pytest.raises(Refused) as caught:
        load(written(file, text))
    assert caught.value.reason == "R-SETTINGS"
    return [line.removeprefix(f"{file}:") for line in str(caught.value).split("\n")]

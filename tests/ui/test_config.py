"""Which of several named people and key files counts, as docs/operating.md says it."""

from __future__ import annotations

import pytest

from arlo_rec.ui.config import settle

KEY, SECRET = {"key_file": "cron.key"}, {"passphrase_file": "leif.pass"}
LEIF = {"as": "leif"}
LEIFS_SHELL = {"ARLO_REC_AS": "leif", "ARLO_REC_PASSPHRASE_FILE": "leif.pass"}
CRONS_SHELL = {"ARLO_REC_KEY_FILE": "cron.key"}


@pytest.mark.parametrize(
    ("options", "environment", "person", "key_file"),
    [
        pytest.param({}, LEIFS_SHELL | CRONS_SHELL, "leif", "cron.key", id="a key file goes before a passphrase"),
        pytest.param(KEY, LEIFS_SHELL, None, "cron.key", id="a typed key file goes before the shell's person"),
        pytest.param(KEY | LEIF, {}, "leif", "cron.key", id="a typed name must fit a typed key file"),
        pytest.param(LEIF, CRONS_SHELL, "leif", "cron.key", id="a typed name must fit the shell's key file"),
        pytest.param(LEIF | SECRET, CRONS_SHELL, "leif", None, id="a typed passphrase goes before the shell's key"),
        pytest.param(KEY | SECRET, {}, None, "cron.key", id="of two typed ones the key file counts"),
    ],
)
def test_an_option_goes_before_the_environment_and_a_key_file_before_a_passphrase(
    options: dict[str, str], environment: dict[str, str], person: str | None, key_file: str | None
) -> None:
    settings = settle(options, environment)
    assert (settings.as_name, settings.key_file) == (person, key_file)

"""Which of several named people and key files counts, as docs/operating.md says it."""

from __future__ import annotations

import pytest

from arlo_rec.edge.config import language, settle

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


@pytest.mark.parametrize(
    ("named", "locale", "configured", "spoken"),
    [
        pytest.param("nb", "en_GB.UTF-8", "en", "nb", id="the option goes first"),
        pytest.param(None, "nb_NO.UTF-8", "en", "nb", id="then the locale"),
        pytest.param(None, "nn_NO", None, "nb", id="nynorsk is Norwegian"),
        pytest.param(None, "no_NO", None, "nb", id="and so is no"),
        pytest.param(None, "en_GB.UTF-8", "nb", "en", id="English is English"),
        pytest.param(None, "C", "nb", "nb", id="no language in the locale: then the settings"),
        pytest.param(None, "de_DE.UTF-8", "nb", "nb", id="another language: then the settings"),
        pytest.param(None, "C", None, "en", id="else English"),
        pytest.param(None, "", None, "en", id="also without a locale"),
        pytest.param(None, "de_DE.UTF-8", None, "en", id="also for another language"),
    ],
)
def test_messages_are_in_the_language_of_the_locale_and_english_where_it_is_neither(
    named: str | None, locale: str, configured: str | None, spoken: str
) -> None:
    assert language(named, {"LANG": locale}, configured) == spoken

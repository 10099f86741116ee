"""Engines beyond this machine are found by address and by section, and no error shows a secret of either."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.edge import config
from arlo_rec.edge.commands.run import Run, way_of
from arlo_rec.vault.backends import elsewhere
from arlo_rec.vault.keys.layout import Layout
from tests.support import world as worlds
from tests.support.properties import examples
from tests.support.world import World

SECRET = "hemmelig"
PASSWORDS = (SECRET, f'{SECRET}"', *(f"{SECRET}{sign}{SECRET}" for sign in " @/\n"))
REFUSED = (
    *(("--catalogue", "postgres://arlo:"), ("--catalogue", "postgresq://arlo:")),
    *(("--objects", "s3://key:"), ("--root", "bao://token:")),
)


@pytest.mark.parametrize(
    "address", ["s3://b/p", "azure://acc/calls/p", "bao://transit/k", "postgres://db/a", "postgresql://db/a"]
)
def test_an_address_leads_to_the_engine_that_keeps_something_there(address: str) -> None:
    kept = elsewhere.engine_at(address)
    assert kept is not None
    assert sum(part is not None for part in (kept.objects, kept.catalogues, kept.roots, kept.hearing)) == 1


@pytest.mark.parametrize("address", ["gcs://x/y", "files", "", "://x", "S3://b/p", "/srv/arlo"])
def test_any_other_text_leads_to_none(address: str) -> None:
    assert elsewhere.engine_at(address) is None


@pytest.mark.parametrize("key", ["postgres.host", "s3.nothing", "s3", "azure.key", "cluster.endpoint", "bao."])
def test_a_setting_is_known_only_in_the_section_of_its_engine(tmp_path: Path, key: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'"{key}" = "x"\n', "utf-8")
    with pytest.raises(config.Usage) as problem:
        config.settle({"config": str(file)}, {})
    assert problem.value.code == "config_unknown_key"


def test_files_that_settings_of_an_engine_name_are_the_programs(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    named = {"s3.secret_file", "s3.ca", "bao.ca", "bao.token_file", "bao.secret_id_file", "cluster.ca", "cluster.key"}
    named |= {"cluster.certificate", "azure.key_file"}
    file.write_text("".join(f'{key} = "/named/{key}"\n' for key in sorted(named)), "utf-8")
    files = config.settle({"config": str(file)}, {}).files
    assert {*files} >= {Path(f"/named/{key}") for key in named}


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(("option", "begins"), REFUSED)
def test_an_address_that_is_refused_is_told_without_its_password(
    tmp_path: Path, option: str, begins: str, password: str
) -> None:
    world = World(tmp_path, {})
    (tmp_path / "passphrase").write_text(worlds.PASSPHRASE, "utf-8")
    (tmp_path / "passphrase").chmod(0o600)
    for more in ((), ("--json",)):
        told = world.run("init", "--officer", "sigrid", option, f"{begins}{password}@db.example/x", *more, who="sigrid")
        assert told.exit == 2 and SECRET not in told.out + told.err, told
        assert begins[:-1] in told.out + told.err
    assert not world.store.exists()


@given(user=st.text("abc", min_size=1), password=st.text(min_size=1, max_size=40), host=st.text("xyz", min_size=1))
@examples(200)
def test_no_password_stays_in_an_address_that_is_shown(user: str, password: str, host: str) -> None:
    assert elsewhere.without_secret(f"any://{user}:{password}@{host}") == f"any://{user}:…@{host}"[: elsewhere.SHOWN]


def test_what_an_engine_is_given_shows_nothing_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    run: Any = type("Settled", (), {"settings": config.settle({}, dict(os.environ))})()
    way = way_of(cast("Run", run))
    assert way("s3").environment["AWS_SECRET_ACCESS_KEY"] == SECRET
    assert SECRET not in repr(Layout(tmp_path, tmp_path, b"", way=way)) + repr(way("s3"))

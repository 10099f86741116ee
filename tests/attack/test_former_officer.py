"""An officer who was removed, and came back in another role: with her old keys, the catalogue's key and own code."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from arlo_rec.crypto import primitives
from arlo_rec.keys import authority, policy_document, roster
from arlo_rec.keys.authority import Digests
from arlo_rec.keys.key_files import Identity
from arlo_rec.model.audit_events import AuthorityChanged
from arlo_rec.model.policy_versions import Policy
from arlo_rec.policy import Purpose, Role
from arlo_rec.store import Store
from tests.support.attack import identity, own_code
from tests.support.world import World

pytestmark = pytest.mark.rule("access.officer")


@pytest.fixture
def back(world: World) -> tuple[World, Identity]:
    """Sara was an officer, was removed, and is an auditor now; with what she kept of her old key file."""
    secret = str(world.base / "passphrase")
    world.json("person", "add", "sara", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    kept = identity(world, "sara")
    world.json("person", "remove", "sara", "--yes", who="sigrid")
    world.json("person", "add", "sara (it)", "--role", "auditor", "--new-passphrase-file", secret, who="sigrid")
    return world, kept


def forge(store: Store, document: str, body: bytes, signer: primitives.SigningKey, officers: list[bytes]) -> None:
    """Put a document into force as the program would, but signed with another key."""
    before = store.authority.newest
    assert before is not None
    digests = before.documents._replace(**{document: primitives.sha256(body)})
    with store.change(datetime.now(UTC)) as change:
        link = authority.add(before, change.next_seq, Digests(**_fields(digests)), officers, signer, store.layout.id)
        store.authority.links.put_document(document, body)
        store.authority.links.add(link)
        change.log(AuthorityChanged(link=link.number, digest=link.digest.hex()))


def _fields(digests: Digests) -> dict[str, bytes]:
    return {"roster": digests.roster, "policy": digests.policy, "settings": digests.settings}


def refused(world: World, code: str) -> None:
    """Everybody notices it, with their next command."""
    for who in ("iver", "siri", "cron", "telefon", "leif", "sigrid"):
        result = world.run("status", "--json", who=who)
        assert (result.exit, result.json["error"]["code"]) == (15, code), (who, result)


def test_her_roster_is_believed_by_nobody(back: tuple[World, Identity]) -> None:
    world, kept = back
    with own_code(world, "sara (it)") as store:
        people = tuple(
            replace(person, role=Role.OFFICER, sign_key=kept.signing.public) if person.name == "sara (it)" else person
            for person in store.roster.people
        )
        forged = replace(store.roster, people=people)
        forge(store, "roster", roster.encode(forged), kept.signing, [kept.signing.public])
    refused(world, "authority_forged")


def test_her_policy_and_her_settings_are_believed_by_nobody(back: tuple[World, Identity]) -> None:
    world, kept = back
    with own_code(world, "sara (it)") as store:
        prompts = tuple(prompt._replace(purposes=frozenset(Purpose)) for prompt in store.prompts.values())
        body = policy_document.encode(Policy((replace(store.policy.newest, prompts=prompts),)))
        forge(store, "policy", body, kept.signing, list(store.roster.officer_keys()))
    refused(world, "authority_forged")


def test_a_document_that_no_link_commits_to_is_believed_by_nobody(world: World) -> None:
    with own_code(world, "iver") as store, store.change(datetime.now(UTC)):
        people = tuple(replace(person, role=Role.OFFICER) for person in store.roster.people)
        store.authority.links.put_document("roster", roster.encode(replace(store.roster, people=people)))
    refused(world, "roster_forged")


def test_a_link_that_the_log_does_not_commit_to_is_believed_by_nobody(world: World) -> None:
    officer = identity(world, "sigrid")
    with own_code(world, "iver") as store:
        before = store.authority.newest
        assert before is not None
        with store.change(datetime.now(UTC)) as change:
            seq = change.next_seq
            link = authority.add(before, seq, before.documents, before.officers, officer.signing, store.layout.id)
            store.authority.links.add(link)
    refused(world, "authority_forged")


def test_a_secret_that_she_sealed_while_she_was_an_officer_is_sealed_anew_by_who_removes_her(world: World) -> None:
    secret = str(world.base / "passphrase")
    world.json("person", "add", "sara", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    world.json("person", "add", "stina", "--role", "support", "--new-passphrase-file", secret, who="sara")
    world.take_in("a")
    hers = identity(world, "sara").signing.public
    world.json("person", "remove", "sara", "--yes", who="sigrid")
    with own_code(world, "iver") as store:
        assert not store.db.rows("SELECT 1 FROM seals WHERE signed_by = ?", (hers,))
    assert world.json("withdraw", "90000001", "--yes", who="stina")["erased"] == 1

"""Who was removed: what they sign with old keys is believed by nobody, whoever helps them with the owner's account.

What the keys that they kept still open stands in `test_removed_keys`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.law.log.events import AuthorityChanged, ClockAccepted, PurgeFinished
from arlo_rec.law.model import documents, policy_versions
from arlo_rec.law.model.errors import NotUnlocked
from arlo_rec.law.model.policy_versions import Policy
from arlo_rec.law.model.records import to_iso
from arlo_rec.law.model.strict_json import canonical, to_base64
from arlo_rec.people.dsar import access_list
from arlo_rec.policy import Purpose, Role
from arlo_rec.vault.backends.files import file_lock
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue import column_keys
from arlo_rec.vault.catalogue.audit_log import RawEntries
from arlo_rec.vault.catalogue.authority import Links
from arlo_rec.vault.certificates import check
from arlo_rec.vault.crypto import merkle, primitives
from arlo_rec.vault.keys import authority, engines, layout, vouching
from arlo_rec.vault.keys.key_files import Identity, catalogue_key, read_catalogue_seal
from arlo_rec.vault.opened import Store
from tests.support import world as worlds
from tests.support.attack import identity, own_code, problem_codes
from tests.support.backups import back_up, lose, opened, with_feed
from tests.support.catalogue import append_to_log, catalogue
from tests.support.certificates import as_a_stranger, inside, reason
from tests.support.faults import Crash
from tests.support.feed import append, key_of_the_log, line_on, path, tree_of
from tests.support.world import World

pytestmark = pytest.mark.rule("access.officer")
FAR = datetime(2099, 1, 1, tzinfo=UTC)
PURGED = {"action": "purge", "at": "2026-10-01T08:00:00Z", "outcome": "done", "person": "cron", "rule": "retention.90d"}


def kept_of_an_officer(world: World) -> Identity:
    """Sara was an officer, and was removed; what she kept of her key file."""
    secret = str(world.base / "passphrase")
    world.json("person", "add", "sara", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    kept = identity(world, "sara")
    world.json("person", "remove", "sara", "--yes", who="sigrid")
    world.json("status", who="sigrid")
    return kept


def kept_of_cron(world: World) -> Identity:
    """A key file of cron that was rotated out."""
    kept = identity(world, "cron")
    world.json("person", "rotate", "cron", "--key-out", str(world.base / "new.key"), who="sigrid")
    (world.base / "new.key").replace(world.key("cron"))
    world.json("status", who="sigrid")
    return kept


# -- documents ----------------------------------------------------------------------------------------


@pytest.fixture
def back(world: World) -> tuple[World, Identity]:
    """Sara is an auditor now."""
    kept, secret = kept_of_an_officer(world), str(world.base / "passphrase")
    world.json("person", "add", "sara (it)", "--role", "auditor", "--new-passphrase-file", secret, who="sigrid")
    return world, kept


def forge(store: Store, document: str, body: bytes, signer: primitives.SigningKey, officers: list[bytes]) -> None:
    """Put a document into force as the program would, but signed with another key."""
    before = store.authority.newest
    assert before is not None
    digests = before.documents._replace(**{document: primitives.sha256(body)})
    with store.change(datetime.now(UTC)) as change:
        link = authority.add(before, change.next_seq, digests, officers, signer, store.layout.id)
        store.authority.links.put_document(document, body)
        store.authority._add(link)
        change.log(AuthorityChanged(link=link.number, digest=link.digest.hex()))


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
        forge(store, "roster", documents.encode(forged), kept.signing, [kept.signing.public])
    refused(world, "authority_forged")


def test_her_policy_is_believed_by_nobody(back: tuple[World, Identity]) -> None:
    world, kept = back
    with own_code(world, "sara (it)") as store:
        prompts = tuple(replace(prompt, purposes=frozenset(Purpose)) for prompt in store.prompts.values())
        body = policy_versions.encode(Policy((replace(store.policy.newest, prompts=prompts),)))
        forge(store, "policy", body, kept.signing, list(store.roster.officer_keys()))
    refused(world, "authority_forged")


def test_a_document_that_no_link_commits_to_is_believed_by_nobody(world: World) -> None:
    with own_code(world, "iver") as store, store.change(datetime.now(UTC)):
        people = tuple(replace(person, role=Role.OFFICER) for person in store.roster.people)
        store.authority.links.put_document("roster", documents.encode(replace(store.roster, people=people)))
    refused(world, "roster_forged")


def test_a_link_that_the_log_does_not_commit_to_is_believed_by_nobody(world: World) -> None:
    officer = identity(world, "sigrid")
    with own_code(world, "iver") as store:
        before = store.authority.newest
        assert before is not None
        with store.change(datetime.now(UTC)) as change:
            seq = change.next_seq
            link = authority.add(before, seq, before.documents, before.officers, officer.signing, store.layout.id)
            store.authority._add(link)
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


# -- entries ------------------------------------------------------------------------------------------


@pytest.mark.rule("retention.90d")
@pytest.mark.parametrize("kept_of", [kept_of_an_officer, kept_of_cron], ids=["officer", "cron"])
@pytest.mark.parametrize("event", [PurgeFinished(), ClockAccepted(reason="hers", before=1, newest=to_iso(FAR))])
def test_an_entry_that_is_signed_with_a_key_of_then_is_nobodys(
    world: World, kept_of: Callable[[World], Identity], event: PurgeFinished | ClockAccepted
) -> None:
    """An auditor helps, who has the log's key."""
    kept = kept_of(world)
    append_to_log(world, "iver", {**event.to_json(), "at": to_iso(FAR)}, name=kept.name, key=kept.signing)
    assert "checkpoint_of_nobody" in problem_codes(world)


def test_a_former_officer_alone_writes_nothing_into_the_feed(fed: World) -> None:
    """She has no key of the log: an officer's word makes her one."""
    kept = kept_of_an_officer(fed)
    (mine,) = fed.take_in("a")
    back_up(fed)
    store, tree, own = layout.find(fed.store).id, tree_of(fed), primitives.SigningKey.from_seed(b"\x07" * 32)
    origin = f"arlo-rec/{store.hex()}"
    word = kept.signing.public + kept.signing.sign(vouching.restoration(origin, own.public))
    key = {"from": tree.size, "statement": to_base64(word), "vkey": merkle.vkey(origin, own.public)}
    body = {**PURGED, "recordings": [mine], "detail": {"count": 1}}
    append(fed, line_on(store, tree, [body], own, keys=[key]))
    lose(fed)
    with_feed(fed)
    assert opened(fed) == {mine}
    assert path(fed).exists()


def test_the_key_that_a_removed_person_kept_signs_nothing_that_comes_after(fed: World) -> None:
    (mine,) = fed.take_in("a")
    kept = key_of_the_log(fed, "turid")
    fed.json("person", "remove", "turid", "--yes", who="sigrid")
    fed.json("status", who="iver")
    back_up(fed)
    store, tree = layout.find(fed.store).id, tree_of(fed)
    key = {
        "from": tree.size,
        "statement": to_base64(bytes(64)),
        "vkey": merkle.vkey(f"arlo-rec/{store.hex()}", kept.public),
    }
    append(
        fed,
        line_on(store, tree, [{**PURGED, "recordings": [mine]}], kept),
        line_on(store, tree, [{**PURGED, "recordings": [mine]}], kept, keys=[key]),
        line_on(store, tree, [{**PURGED, "recordings": [mine]}], kept, keys=[{**key, "from": 0, "statement": None}]),
    )
    assert fed.run("verify", "--json", who="iver").json["feed_foreign_lines"] == 3
    lose(fed)
    assert with_feed(fed)["erased"] == 0


# -- the catalogue's key ------------------------------------------------------------------------------


def test_a_removed_person_whose_command_still_runs_does_not_keep_the_old_key_in_use(world: World) -> None:
    place, turid = layout.find(world.store), identity(world, "turid")
    (seed,) = read_catalogue_seal(place, turid)
    with file_lock(place.lock_file("open"), exclusive=False, wait=1):  # as any command of hers that runs holds it
        world.json("person", "remove", "turid", "--yes", who="sigrid")
        world.take_in("a")
        engines.catalogue(place, catalogue_key(seed)).close()  # she still reads every row and entry
    world.json("person", "list", who="sigrid")
    with pytest.raises(NotUnlocked):
        engines.catalogue(place, catalogue_key(seed)).close()


def test_a_rekeying_that_is_held_up_is_told(world: World) -> None:
    place, turid = layout.find(world.store), identity(world, "turid")
    (seed,) = read_catalogue_seal(place, turid)
    with file_lock(place.lock_file("open"), exclusive=False, wait=1):  # flock -s STORE/open.lock sleep 1y
        world.json("person", "remove", "turid", "--yes", who="sigrid")
        world.take_in("a")
        world.json("purge", who="cron")
        status = world.run("status", "--json", who="iver")
        verified = world.run("verify", "--json", who="iver")
        engines.catalogue(place, catalogue_key(seed)).close()  # she still reads every row and entry
    assert status.exit == 3 or verified.exit == 15, (status, verified)


@pytest.mark.parametrize("place", ["before the columns", "behind the columns"])
def test_a_rekeying_that_died_between_the_file_and_its_columns_is_read_and_finished(
    world: World, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The file has its new key then, and rows and log are under the old one, or were until the transaction ended."""
    where, turid = layout.find(world.store), identity(world, "turid")
    (seed,) = read_catalogue_seal(where, turid)
    world.take_in("a")
    told = world.json("audit", "show", "--limit", "1000", who="iver")["entries"]
    original = column_keys.move

    def dies(connection: SqliteConnection, new: bytes) -> None:
        if place == "behind the columns":
            original(connection, new)
        raise Crash

    with monkeypatch.context() as patch, pytest.raises(Crash):
        patch.setattr(column_keys, "move", dies)
        world.run("person", "remove", "turid", "--yes", who="sigrid")
        world.run("status", who="iver")
    with pytest.raises(NotUnlocked):
        engines.catalogue(where, catalogue_key(seed)).close()
    assert len(read_catalogue_seal(where, identity(world, "iver"))) == 2
    with file_lock(where.lock_file("open"), exclusive=False, wait=1):  # nobody can finish it now
        again = world.json("audit", "show", "--limit", "1000", who="iver")["entries"]
    assert [entry["seq"] for entry in told] == [entry["seq"] for entry in again if entry["seq"] <= told[-1]["seq"]]
    assert world.json("verify", "--read-data", who="iver")["problems"] == []
    assert len(read_catalogue_seal(where, identity(world, "iver"))) == 1
    assert world.json("audit", "verify", who="iver")["problems"] == []
    db = catalogue(world)
    assert all(body for _, body in RawEntries(db).bodies()) and len(Links(db).documents()) == 3
    db.close()


# -- what she gives out --------------------------------------------------------------------------------


def test_what_an_officer_makes_after_she_was_removed_is_not_genuine_under_the_newest_key(
    world: World, tmp_path: Path
) -> None:
    secret = str(world.base / "passphrase")
    world.take_in("a")
    world.take_in("b", caller="+4790000002")
    world.json("person", "add", "sara", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    hers = worlds.copy(world, tmp_path / "hers")
    newest = world.json("person", "remove", "sara", "--yes", who="sigrid")["vkey"]
    receipt, answer, pages = (hers.base / name for name in ("receipt.json", "answer.html", "pages"))
    hers.json("withdraw", "90000001", "--yes", "--receipt-out", str(receipt), who="sara")
    hers.json("dsar", "90000002", "--identity", "called-back", "--out", str(answer), who="sara")
    hers.json("policy", "publish", "--out", str(pages), who="sara")
    first = json.loads((world.base / "init.json").read_text())["officer_vkey"]
    world.json("policy", "publish", "--out", str(world.base / "pages"), who="sigrid")
    page = world.base / "pages" / "guidelines.en.html"
    for made in (receipt, answer, pages / "guidelines.en.html", pages / "guidelines.en.md"):
        assert said(world, made, first) == (0, True), "there was nothing to tell it by"
        alone = as_a_stranger(tmp_path, str(made), first)
        assert (alone.returncode, "may have left" in alone.stdout) == (0, True), alone
        assert "may have left" in world.run("certificate", "verify", str(made), "--vkey", first).out
        assert said(world, made, first, newest) == (15, False), made
        beside = as_a_stranger(tmp_path, str(made), str(page), first)
        assert (beside.returncode, "had ended" in beside.stderr) == (1, True), beside


def test_what_was_made_before_a_key_ended_stays_genuine_beside_a_page(world: World, tmp_path: Path) -> None:
    world.take_in("a", "b")
    receipt = world.json("withdraw", "90000001", "--yes", who="siri")["receipt"]
    newest = world.json("person", "remove", "turid", "--yes", who="sigrid")["vkey"]
    after = world.json("withdraw", "90000002", "--yes", who="siri")["receipt"]
    world.json("policy", "publish", "--out", str(world.base / "pages"), who="sigrid")
    page = str(world.base / "pages" / "guidelines.nb.md")
    assert as_a_stranger(tmp_path, receipt, newest).returncode == 1, "it was made without that key"
    for made in (receipt, after):
        beside = as_a_stranger(tmp_path, made, page)
        assert (beside.returncode, "may have left" in beside.stdout) == (0, False), beside
    assert "may have left" not in as_a_stranger(tmp_path, after, newest).stdout


def test_what_everybody_can_read_of_today_makes_nothing_of_hers_genuine(world: World, tmp_path: Path) -> None:
    """She puts her signature beside those of a checkpoint of today, under the log's keys of today."""
    secret = str(world.base / "passphrase")
    world.take_in("a")
    world.json("person", "add", "sara", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    hers = worlds.copy(world, tmp_path / "hers")
    newest = world.json("person", "remove", "sara", "--yes", who="sigrid")["vkey"]
    first, key = json.loads((world.base / "init.json").read_text())["officer_vkey"], identity(hers, "sara").signing
    for each, who in ((hers, "sara"), (world, "sigrid")):
        each.json("dsar", "90000001", "--identity", "called-back", "--out", str(each.base / "answer.html"), who=who)
        each.json("policy", "publish", "--out", str(each.base / "pages"), who=who)
    for name in ("answer.html", "pages/guidelines.en.html", "pages/guidelines.en.md"):
        content, own, end = inside((hers.base / name).read_bytes())
        _, genuine, _ = inside((world.base / name).read_bytes())
        told = {each: own[each] if each in OF_HERS else genuine[each] for each in genuine}
        forged = tmp_path / f"forged-{Path(name).name}"
        forged.write_bytes(content + canonical(_signed_by(key, told)) + end)
        assert said(world, world.base / name, first, newest) == (0, True)
        assert said(world, forged, first, newest) == (15, False), name
    of_list = {each: genuine[each] for each in ("format", "policy", "store", "checkpoint", "log_keys", "log_signature")}
    more = {"kind": check.LIST, "case": "1", "made_at": genuine["published_at"], "recordings": [], "entries": []}
    told = {**of_list, **more, "count": 0, "words": {}, "signers": own["signers"]}
    forged = tmp_path / access_list.NAME
    forged.write_bytes(canonical(_signed_by(key, told)) + b"\n")
    assert said(world, forged, first, newest) == (15, False), "that nobody had access"


OF_HERS = {"sha256", "bytes", "accesses", "case", "made_at", "published_at", "signers"}


def said(world: World, file: Path, *vkeys: str) -> tuple[int, bool]:
    """Whether a file is genuine: the exit status of the program, and what the checker says."""
    words = [word for vkey in vkeys for word in ("--vkey", vkey)]
    return world.run("certificate", "verify", str(file), *words).exit, not reason(file.read_bytes(), *vkeys)


def _signed_by(key: primitives.SigningKey, told: dict[str, Any]) -> dict[str, Any]:
    note, origin = told["checkpoint"], told["checkpoint"].split("\n")[0]
    name, text = merkle.signer_name(origin, key.public), note.partition("\n\n")[0] + "\n"
    beside = merkle.with_signature(note, name, merkle.key_id(name, key.public) + key.sign(text.encode()))
    told = {each: value for each, value in told.items() if each != "signature"} | {"checkpoint": beside}
    return {**told, "signature": to_base64(key.sign(check.signer_message(told)))}

"""IT, whose role destroys nothing, with own code and the log's key, which every role has; who hands a receipt on."""

from __future__ import annotations

import base64
import importlib.util
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from arlo_rec.catalogue import audit_log
from arlo_rec.crypto import merkle, primitives
from arlo_rec.dsar import certificate, certificate_check
from arlo_rec.erasure import receipts
from arlo_rec.keys import layout, vouching
from arlo_rec.keys.catalogue_seed import log_key
from arlo_rec.keys.key_files import read_catalogue_seal
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import to_iso
from arlo_rec.model.strict_json import canonical, to_base64
from arlo_rec.policy import Role
from tests.support.attack import identity
from tests.support.catalogue import append_to_log, insider
from tests.support.places import TOP
from tests.support.world import World, assert_clean

SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
Told = dict[str, Any]


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_certificate", TOP / "docs" / "verify_certificate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECKER = script()


def published(world: World) -> tuple[str, str]:
    told = json.loads((world.base / "init.json").read_text())
    return str(told["vkey"]), str(told["officer_vkey"])


def refused(raw: bytes, *vkeys: str) -> bool:
    """Whether both checkers refuse; each in its own words, never with an error that is not theirs."""
    for check, error in ((receipts.verify, Integrity), (lambda raw, keys: CHECKER.check(raw, *keys), CHECKER.Forged)):
        try:
            check(raw, vkeys)
        except error:
            continue
        return False
    return True


def withdrawn(world: World, *, renewed: bool = False) -> bytes:
    world.take_in("a", "b")
    if renewed:
        world.json("person", "remove", "turid", "--yes", who="sigrid")
    return Path(world.json("withdraw", "90000001", "--yes", who="siri")["receipt"]).read_bytes()


def keys_of(world: World, name: str) -> tuple[primitives.SigningKey, primitives.SigningKey]:
    """The log's key, as any role has it, and the own one."""
    who = identity(world, name)
    (seed, *_) = read_catalogue_seal(layout.find(world.store), who)
    return log_key(seed), who.signing


def signed(told: Told, log: primitives.SigningKey) -> bytes:
    told.pop("signature", None)
    return canonical({**told, "signature": to_base64(log.sign(receipts._message(told)))}) + b"\n"


def test_an_auditor_signs_no_receipt_for_what_is_still_held(world: World) -> None:
    told = json.loads(withdrawn(world))
    (held,) = world.take_in("held", caller="+4790000002")
    log, own = keys_of(world, "iver")
    assert not refused(signed(dict(told), log), *published(world)), "the attacker's own code is right"
    said = {**told, "recordings": [held], "count": 1}
    assert refused(signed(said, log)), "of another erasure, with the log's key alone"
    origin, store = f"arlo-rec/{told['store']}", bytes.fromhex(told["store"])
    size = told["entry"]["seq"] + 1
    root = base64.b64decode(told["checkpoint"].split("\n")[2])
    note = [(origin, log), (merkle.signer_name(origin, own.public), own)]
    said["checkpoint"] = merkle.sign_note(merkle.Checkpoint(origin, size - 1, size, root).text(), note)
    said["erased_by"] = to_base64(own.sign(receipts._erased_message(said, size - 1)))
    own_word = vouching.vouch(own, store, own.public, Role.OFFICER, 0)
    (theirs,) = [each for each in told["signers"] if each["role"] == "officer"]
    for signers in (
        vouching.to_json([own_word]),
        [*vouching.to_json([vouching.vouch(own, store, own.public, Role.SUPPORT, 0)]), theirs],
        [{**told["signers"][0], "key": to_base64(own.public)}, theirs],
        told["signers"],
    ):
        assert refused(signed({**said, "signers": signers}, log), *published(world))
        assert refused(signed({**said, "signers": signers}, log), published(world)[1])
    auditor = vouching.vouch(own, store, own.public, Role.AUDITOR, 0)
    assert refused(signed({**said, "signers": vouching.to_json([auditor, own_word])}, log)), "whoever vouches"


@pytest.mark.parametrize(("event", "role"), [("expiry", "siri"), ("withdrawal", "cron"), ("restore", "cron")])
def test_who_may_erase_in_one_way_signs_for_no_other(world: World, event: str, role: str) -> None:
    told = json.loads(withdrawn(world))
    log, own = keys_of(world, role)
    said = {**told, "event": event}
    said["erased_by"] = to_base64(own.sign(receipts._erased_message(said, told["entry"]["seq"])))
    assert refused(signed(said, log))


def test_a_key_signs_for_nothing_that_was_erased_before_it_was_vouched_for(world: World) -> None:
    told = json.loads(withdrawn(world))
    log, siri = keys_of(world, "siri")
    _, sigrid = keys_of(world, "sigrid")
    store, seq = bytes.fromhex(told["store"]), told["entry"]["seq"]
    for since, right in ((seq, True), (seq + 1, False)):
        late = vouching.vouch(sigrid, store, siri.public, Role.SUPPORT, since)
        signers = [*vouching.to_json([late])[:1], told["signers"][-1]]
        assert refused(signed({**told, "signers": signers}, log), *published(world)) is not right


def test_an_auditor_signs_no_answer(world: World) -> None:
    """Every role holds the log's key, and can write entries; who answers people, an officer's word says."""
    world.take_in("a")
    page = world.base / "answer.html"
    world.json("dsar", "90000001", "--identity", "called-back", "--out", str(page), who="sigrid")
    raw = page.read_bytes()
    content, _, rest = raw.rpartition(certificate.MARK)
    told = json.loads(rest.removesuffix(certificate.AFTER_MARK))
    log, own = keys_of(world, "iver")
    origin, store = f"arlo-rec/{told['store']}", bytes.fromhex(told["store"])
    size = told["entry"]["seq"] + 1
    root = base64.b64decode(told["checkpoint"].split("\n")[2])
    note = [(origin, log), (merkle.signer_name(origin, own.public), own)]
    said = {**told, "checkpoint": merkle.sign_note(merkle.Checkpoint(origin, size - 1, size, root).text(), note)}
    own_word = vouching.vouch(own, store, own.public, Role.OFFICER, 0)
    auditor = vouching.vouch(own, store, own.public, Role.AUDITOR, 0)
    first = told["signers"][-1]
    for signers, vkeys in (
        (told["signers"], []),
        ([{**told["signers"][0], "key": to_base64(own.public)}], []),
        ([*vouching.to_json([auditor]), first], []),
        ([*vouching.to_json([own_word]), first], []),
        (vouching.to_json([auditor]), []),
        (vouching.to_json([own_word]), published(world)),
    ):
        forged = {key: value for key, value in {**said, "signers": signers}.items() if key != "signature"}
        forged["signature"] = to_base64(own.sign(certificate.message(forged)))
        file = content + certificate.page_tail(canonical(forged))
        with pytest.raises(Integrity):
            certificate_check.verify(io.BytesIO(file), vkeys)
        with pytest.raises(CHECKER.Forged):
            CHECKER.check_file(io.BytesIO(file), *vkeys)
    certificate_check.verify(io.BytesIO(raw), published(world))


# -- the log ------------------------------------------------------------------------------------------


IN_DETAIL = {"criteria": {"outcome": "allowed", "person": "iver", "policy": "2026-01"}}
KEY = b'"person":"leif"'


@pytest.mark.parametrize(
    ("detail", "spelled"),
    [({}, KEY), (IN_DETAIL, KEY), (IN_DETAIL, b'"person" : "leif"'), (IN_DETAIL, b'"p\\u0065rson":"leif"')],
    ids=["plain", "named in its detail", "with spaces", "with an escape"],
)
def test_an_entry_in_another_persons_name_is_reported(
    world: World, monkeypatch: pytest.MonkeyPatch, detail: Told, spelled: bytes
) -> None:
    """Also where its detail says the right name in the place in which a hasty reader looks."""
    monkeypatch.setattr(audit_log, "canonical", lambda body: canonical(body).replace(KEY, spelled))
    entry = {"action": "export", "outcome": "denied", "rule": "purpose.quality", "at": to_iso(datetime.now(UTC))}
    append_to_log(world, "iver", {**entry, "detail": detail})
    world.json("audit", "show", who="iver")
    assert world.json("verify", who="iver")["problems"] == []
    append_to_log(world, "iver", {**entry, "detail": detail}, name="leif")
    world.json("audit", "show", who="iver")
    for words in (("verify",), ("audit", "verify")):
        result = world.run(*words, "--json", who="iver")
        assert result.exit == 15
    problems = [problem["code"] for problem in world.run("verify", "--json", who="iver").json["problems"]]
    assert problems == ["entry_of_another_person"]


def test_a_failed_unlock_is_nobodys_entry_and_found_under_the_name_that_was_claimed(world: World) -> None:
    wrong = world.base / "wrong"
    wrong.write_text("no passphrase of anybody\n")
    wrong.chmod(0o600)
    assert world.run("status", "--as", "leif", "--passphrase-file", str(wrong)).exit == 12
    (entry,) = world.json("audit", "show", "--action", "unlock", "--person", "leif", who="iver")["entries"]
    assert (entry["person"], entry["detail"]["name"]) == ("iver", "leif")
    assert world.json("verify", who="iver")["problems"] == []


def test_everybodys_entries_are_theirs_after_a_reset_a_rotation_a_removal_and_a_handover(world: World) -> None:
    world.take_in("call")
    world.json("person", "passphrase", "--reset", "turid", who="sigrid")
    world.json("person", "rotate", "telefon", "--key-out", str(world.base / "new.key"), who="sigrid")
    world.json("withdraw", "90000001", "--yes", who="siri")
    world.json("person", "remove", "siri", "--yes", who="sigrid")
    world.json("person", "handover", "nora", "--yes", who="sigrid")
    assert world.json("verify", who="iver")["problems"] == []


# -- whoever hands it on ------------------------------------------------------------------------------


def changes(raw: bytes, signs: int) -> Iterator[bytes]:
    """The receipt with one byte replaced, at every place, by some of the signs that JSON and base64 are made of."""
    for at, byte in enumerate(raw):
        for count in range(1, signs + 1):
            sign = 32 + (byte + count * 7) % 95
            if sign != byte:
                yield raw[:at] + bytes([sign]) + raw[at + 1 :]


def test_of_every_single_character_that_is_changed_no_receipt_verifies(world: World) -> None:
    raw = withdrawn(world, renewed=True)
    assert not refused(raw, *published(world))
    for changed in changes(raw, 1):
        assert refused(changed)


def test_of_every_single_character_and_many_signs_no_receipt_verifies(world: World) -> None:
    raw = withdrawn(world, renewed=True)
    for changed in changes(raw, 20):
        assert refused(changed)


def respelled(text: str) -> Iterator[str]:
    """The same base64 in other spellings: bits that no byte uses, the other alphabet, other ends."""
    body = text.rstrip("=")
    unused = {2: 4, 1: 2}.get(len(text) - len(body), 0)
    last = SIGNS.index(body[-1])
    yield from (body[:-1] + SIGNS[last | bits] + text[len(body) :] for bits in range(1, 1 << unused))
    yield from ({body} - {text})
    yield from (text + "=", text + "\n", " " + text, text.replace("+", "-").replace("/", "_") + "\t")


def strings(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(value, str):
        yield way, value
    elif isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from strings(each, (*way, key))


def put(told: Told, way: tuple[Any, ...], value: Any) -> Told:
    changed = json.loads(json.dumps(told))
    place = changed
    for key in way[:-1]:
        place = place[key]
    place[way[-1]] = value
    return dict(changed)


def re_encodings(told: Told) -> Iterator[Told]:
    """Receipts that say the same in another way."""
    for way, text in strings(told):
        if way[0] in {"signature", "erased_by", "entry", "signers", "log_keys"} and way[-1] not in {"vkey", "role"}:
            yield from (put(told, way, each) for each in respelled(text))
        elif way[-1] == "vkey":
            name, key_id, encoded = text.split("+", 2)
            yield from (put(told, way, f"{name}+{key_id}+{each}") for each in respelled(encoded))
        elif way[0] in {"store", "recordings"}:
            yield put(told, way, text.upper())
            yield put(told, way, f" {text}")
    note = told["checkpoint"]
    for spelled in (note + "\n", note.rstrip("\n"), note.replace("\n", "\r\n"), note.replace("\u2014", "-")):
        yield {**told, "checkpoint": spelled}
    root = note.split("\n")[2]
    for spelled in respelled(root):
        yield {**told, "checkpoint": note.replace(root, spelled)}
    yield {**told, "checkpoint": note + note.rstrip("\n").rpartition("\n")[2] + "\n"}
    at = told["erased_at"]
    for spelled in (at.replace("Z", "+00:00"), at.replace("T", " "), at.lower(), at + " "):
        yield {**told, "erased_at": spelled}
    for key, value in (("count", float(told["count"])), ("format", True), ("format", 1.0), ("feed", 0)):
        yield {**told, key: value}


def test_no_other_way_to_write_the_same_receipt_verifies_though_the_logs_key_signs_it(world: World) -> None:
    raw = withdrawn(world, renewed=True)
    told = json.loads(raw)
    log, _ = keys_of(world, "iver")
    tried = 0
    for changed in re_encodings(told):
        assert canonical(changed) != canonical(told)
        assert refused(canonical(changed) + b"\n"), changed
        if changed["signature"] == told["signature"]:
            assert refused(signed(changed, log)), "an auditor may sign it anew and cannot make it count"
        tried += 1
    assert tried > 100
    text = raw.decode()
    others = (text.replace("withdrawal", "withdraw\\u0061l"), text.replace(":", ": "), json.dumps(told))
    for spelled in (text + "\n", text.rstrip("\n"), "\ufeff" + text, *others):
        assert refused(spelled.encode())
    assert refused(text.replace('{"checkpoint"', '{"checkpoint":"x","checkpoint"').encode())


@pytest.mark.parametrize(
    "changed",
    [
        {"number": "AAAA-\x1b[2J"}, {"rule": "\x1b]0;x\x07"}, {"erased_at": "2026-10-01T08:00:00Z\x1b[31m"},
        {"policy": "2026\u202e01"}, {"recordings": [1, 2], "count": 2}, {"recordings": "ab", "count": 2},
        {"recordings": [[], {}], "count": 2}, {"count": "2"}, {"days": [1]}, {"entry": [1]}, {"log_keys": [1]},
        {"signers": [1]}, {"signers": []}, {"checkpoint": 7}, {"places": "root"}, {"store": None}, {"event": ["x"]},
        {"ring_until": "\x1b[1m"}, {"feed": "\x1b"}, {"more": "\x1b[2J"},
    ],
    ids=lambda changed: next(iter(changed)),
)  # fmt: skip
def test_what_a_receipt_says_in_a_wrong_type_or_in_control_characters_is_refused_cleanly(
    world: World, changed: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    """Signed with the log's key, so that nothing but its form stands in the way."""
    told = {**json.loads(withdrawn(world)), **changed}
    log, _ = keys_of(world, "iver")
    path = world.base / "receipt\x1b[31m.json"
    path.write_bytes(signed(told, log))
    result = world.run("certificate", "verify", str(path))
    assert result.exit == 15
    assert_clean(result)
    assert CHECKER.main([str(path)]) == 1
    said = capsys.readouterr()
    assert all(sign.isprintable() or sign == "\n" for sign in said.out + said.err)
    path.unlink()
    assert CHECKER.main([str(path)]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_who_takes_vouchers_away_is_noticed_and_an_officers_next_change_signs_them_anew(world: World) -> None:
    with insider(world) as db:
        assert db.run("DELETE FROM vouchers WHERE role = 'support'") == 2
    assert refused(withdrawn(world))
    told = world.run("verify", "--json", who="iver").json
    assert {problem["code"] for problem in told["problems"]} == {"voucher_missing", "receipt_changed"}
    world.grant()
    told = world.run("verify", "--json", who="iver").json
    assert {problem["code"] for problem in told["problems"]} == {"receipt_changed"}, "the one that was written without"
    assert not refused(Path(world.json("withdraw", "90000001", "--yes", who="siri")["receipt"]).read_bytes())

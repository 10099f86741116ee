"""Whoever has the owner's account and a role's key signs no receipt and no access answer that the role could not give.

Every role has the log's key; who erases and who answers people, an officer's word says.
"""

from __future__ import annotations

import base64
import json

import pytest

from arlo_rec.law.model.strict_json import canonical, to_base64
from arlo_rec.policy import Role
from arlo_rec.vault.certificates import check
from arlo_rec.vault.crypto import merkle
from arlo_rec.vault.keys import vouching
from tests.support.certificates import by_log, inside, keys_of, published, reason, withdrawn
from tests.support.world import World

pytestmark = pytest.mark.rule("security.monitored")


def test_an_auditor_signs_no_receipt_for_what_is_still_held(world: World) -> None:
    told = json.loads(withdrawn(world))
    (held,) = world.take_in("held", caller="+4790000002")
    log, own = keys_of(world, "iver")
    assert not reason(by_log(dict(told), log), *published(world)), "the attacker's own code is right"
    said = {**told, "recordings": [held], "count": 1}
    assert reason(by_log(said, log)), "of another erasure, with the log's key alone"
    origin, store = f"arlo-rec/{told['store']}", bytes.fromhex(told["store"])
    size = told["entry"]["seq"] + 1
    root = base64.b64decode(told["checkpoint"].split("\n")[2])
    note = [(origin, log), (merkle.signer_name(origin, own.public), own)]
    said["checkpoint"] = merkle.sign_note(merkle.Checkpoint(origin, size - 1, size, root).text(), note)
    said["erased_by"] = to_base64(own.sign(check.erasure_message(said, size - 1)))
    own_word = vouching.vouch(own, store, own.public, Role.OFFICER, 0)
    (theirs,) = [each for each in told["signers"] if each["role"] == "officer"]
    for signers in (
        vouching.to_json([own_word]),
        [*vouching.to_json([vouching.vouch(own, store, own.public, Role.SUPPORT, 0)]), theirs],
        [{**told["signers"][0], "key": to_base64(own.public)}, theirs],
        told["signers"],
    ):
        assert reason(by_log({**said, "signers": signers}, log), *published(world))
        assert reason(by_log({**said, "signers": signers}, log), published(world)[1])
    auditor = vouching.vouch(own, store, own.public, Role.AUDITOR, 0)
    assert reason(by_log({**said, "signers": vouching.to_json([auditor, own_word])}, log)), "whoever vouches"


@pytest.mark.parametrize(("event", "role"), [("expiry", "siri"), ("withdrawal", "cron"), ("restore", "cron")])
def test_who_may_erase_in_one_way_signs_for_no_other(world: World, event: str, role: str) -> None:
    told = json.loads(withdrawn(world))
    log, own = keys_of(world, role)
    said = {**told, "event": event, "rule": check.ERASURES[event][0]}
    said["erased_by"] = to_base64(own.sign(check.erasure_message(said, told["entry"]["seq"])))
    assert reason(by_log(said, log))


def test_a_key_signs_for_nothing_that_was_erased_before_it_was_vouched_for(world: World) -> None:
    told = json.loads(withdrawn(world))
    log, siri = keys_of(world, "siri")
    _, sigrid = keys_of(world, "sigrid")
    store, seq = bytes.fromhex(told["store"]), told["entry"]["seq"]
    for since, right in ((seq, True), (seq + 1, False)):
        late = vouching.vouch(sigrid, store, siri.public, Role.SUPPORT, since)
        signers = [*vouching.to_json([late])[:1], told["signers"][-1]]
        assert reason(by_log({**told, "signers": signers}, log), *published(world)) is not right


def test_an_auditor_signs_no_answer(world: World) -> None:
    world.take_in("a")
    page = world.base / "answer.html"
    world.json("dsar", "90000001", "--identity", "called-back", "--out", str(page), who="sigrid")
    raw = page.read_bytes()
    content, told, end = inside(raw)
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
        forged["log_signature"] = to_base64(log.sign(check.log_message(forged)))
        forged["signature"] = to_base64(own.sign(check.signer_message(forged)))
        assert reason(content + canonical(forged) + end, *vkeys)
    assert not reason(raw, *published(world))

"""Published pages against the policy of today: each way in which a page can be out of date is told, and no other."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from arlo_rec.law.model.errors import Unreachable
from arlo_rec.law.model.particulars import Particulars
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.office.policy_drift import Drift
from arlo_rec.people.publishing import pages
from arlo_rec.people.publishing import publish as publishing
from arlo_rec.people.publishing.publish import What
from arlo_rec.vault.backends.named_files import LocalFiles, NamedFile
from arlo_rec.vault.certificates import seal
from tests.support import certificates
from tests.support.attack import own_code
from tests.support.pages import STATED, publish
from tests.support.policies import put
from tests.support.world import World, found

pytestmark = [pytest.mark.slow, pytest.mark.rule("info.published")]
EVERY = [page.file for page in pages.every()]


def compare(world: World, folder: Path, company: Particulars = STATED, who: str = "iver") -> list[Drift]:
    with own_code(world, who) as store:
        return publishing.drifts(NamedFile(LocalFiles(), folder), store, company, datetime.now(UTC))


def test_pages_as_they_were_published_do_not_differ_and_other_files_are_ignored(world: World) -> None:
    folder = publish(world)
    (folder / "index.html").write_text("<!doctype html>ours")
    (folder / "guidelines.sv.html").write_text("other")
    (folder / "logo").mkdir()
    assert compare(world, folder) == []


def test_a_page_that_is_missing_is_named(world: World) -> None:
    folder = publish(world)
    (folder / "withdraw.nb.md").unlink()
    assert compare(world, folder) == [Drift(What.MISSING, "withdraw.nb.md")]
    assert compare(world, world.base / "nowhere") == [Drift(What.MISSING, file) for file in EVERY]


def test_a_page_that_was_changed_by_hand_or_is_another_is_named(world: World) -> None:
    folder = publish(world)
    one, two, three, four = (folder / name for name in ("prompts.en.html", "prompts.en.md", "prompts.nb.md", EVERY[0]))
    one.write_bytes(one.read_bytes().replace(b"press 1", b"press 3"))
    two.write_text("# Something else\n")
    three.write_bytes((folder / "withdraw.nb.md").read_bytes())
    four.write_bytes(b"")
    assert {each.where: each.what for each in compare(world, folder)} == dict.fromkeys(
        (one.name, two.name, three.name, four.name), What.CHANGED
    )


def test_a_page_of_another_store_is_named(world: World, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    other = found(tmp_path / "second")
    folder = publish(world)
    shutil.copy(publish(other) / "guidelines.nb.html", folder / "guidelines.nb.html")
    assert compare(world, folder) == [Drift(What.OTHER_STORE, "guidelines.nb.html")]


def test_pages_of_an_older_version_are_named(world: World) -> None:
    folder = publish(world)
    put(world, 'version = "2026-02"\nmost_found = 60\n')
    assert compare(world, folder) == [Drift(What.OLDER_POLICY, file) for file in EVERY]
    assert compare(world, publish(world, "again")) == []


def test_pages_that_todays_particulars_would_word_otherwise_are_named_and_no_others(world: World) -> None:
    folder = publish(world)
    for company, names in (
        (replace(STATED, objection_nb="Spør lederen din."), {"notice-employees.nb"}),
        (replace(STATED, withdrawal_en="Write to us."), {"notice-customers.en", "withdraw.en"}),
        (replace(STATED, notice="https://oppdiktet.example/ny"), {"notice-customers.nb", "notice-customers.en"}),
    ):
        drifts = compare(world, folder, company)
        assert {each.what for each in drifts} == {What.OTHER_TEXT}
        assert {each.where for each in drifts} == {f"{name}.{form}" for name in names for form in pages.FORMS}


def test_an_officers_own_code_signs_no_other_page_for_an_entry_that_is_there(world: World) -> None:
    """The certificate alone would be genuine; the entry that it proves names another digest."""
    from arlo_rec.law.log.events import PolicyPublished
    from arlo_rec.people.publishing.publish import signed
    from arlo_rec.vault.crypto import merkle

    folder, now = publish(world), datetime.now(UTC)
    page = next(pages.every())
    with own_code(world, "sigrid") as store:
        version = store.policy.at(now)
        content = pages.content(page, version, STATED, now, now)
        with store.change(now) as change:
            path = merkle.path_of_last(store.log.tree())
            seq = change.log(PolicyPublished(version=version.version, pages={page.file: "0" * 64}))
        raw = signed(store, page, content, version.version, now, seal.proof_of(store, seq, path))
        (folder / page.file).write_bytes(raw)
    assert world.run("certificate", "verify", str(folder / page.file)).exit == 0
    assert compare(world, folder) == [Drift(What.OTHER_STORE, page.file)]


def test_a_page_that_cannot_be_read_is_no_page_that_is_in_order(world: World) -> None:
    folder = publish(world)
    (folder / EVERY[0]).unlink()
    (folder / EVERY[0]).mkdir()
    with pytest.raises(Unreachable):
        compare(world, folder)


def test_what_is_signed_and_no_page_is_a_changed_page(world: World) -> None:
    """Such as a receipt that somebody laid there under a page's name."""
    folder = publish(world)
    world.take_in("call")
    receipt = Path(world.json("withdraw", "90000001", "--yes", who="skranke")["receipt"])
    shutil.copy(receipt, folder / "guidelines.en.md")
    assert compare(world, folder) == [Drift(What.CHANGED, "guidelines.en.md")]


def test_a_page_whose_certificate_says_another_form_is_no_page(world: World) -> None:
    folder = publish(world)
    before, told, after = certificates.inside((folder / "prompts.nb.md").read_bytes())
    other = canonical(certificates.signed({**told, "form": "html"}, *certificates.keys_of(world, "sigrid")))
    (folder / "prompts.nb.md").write_bytes(before + other + after)
    run = world.run("certificate", "verify", str(folder / "prompts.nb.md"), "--json")
    assert (run.exit, run.json["error"]["code"]) == (15, "page_invalid")

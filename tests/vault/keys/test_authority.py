"""The chain of authority: an officer of the link before signs a link, and nothing of it can be changed or left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Integrity
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys import authority
from arlo_rec.vault.keys.authority import Digests, Link
from tests.support.properties import examples

STORE = b"\x01" * 16
KEYS = [primitives.SigningKey.from_seed(bytes([number]) * 32) for number in range(4)]
DOCUMENTS = Digests(*(bytes([number]) * 32 for number in range(3)))


def chain(*officers: tuple[int, ...], signers: tuple[int, ...]) -> list[Link]:
    """A link for each set of officers, by their numbers, signed by each of *signers*."""
    links: list[Link] = []
    for seq, (names, signer) in enumerate(zip(officers, signers, strict=True)):
        keys = [KEYS[name].public for name in names]
        links.append(authority.add(links[-1] if links else None, seq, DOCUMENTS, keys, KEYS[signer], STORE))
    return links


def verify(links: list[Link]) -> None:
    for before, link in zip([None, *links], links, strict=False):
        authority.demand_follows(link, before, STORE)


@pytest.mark.rule("access.officer")
def test_an_officer_of_the_link_before_signs_the_next_and_whoever_left_or_only_comes_does_not() -> None:
    verify(chain((0,), (0, 1), (1,), (1,), signers=(0, 0, 1, 1)))
    with pytest.raises(Integrity):  # 0 left with the third link
        verify(chain((0,), (0, 1), (1,), (0, 1), signers=(0, 0, 1, 0)))
    with pytest.raises(Integrity):  # 1 makes herself an officer
        verify(chain((0,), (0, 1), signers=(0, 1)))
    with pytest.raises(Integrity):  # nobody is an officer any more
        verify(chain((0,), (), signers=(0, 0)))


@examples(60)
@given(st.integers(0, 2), st.data())
def test_no_byte_of_a_link_can_be_changed(number: int, data: st.DataObject) -> None:
    links = chain((0,), (0, 1), (0, 1), signers=(0, 0, 1))
    raw = links[number].body()
    at = data.draw(st.integers(0, len(raw) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[at]))
    changed = raw[:at] + bytes([other]) + raw[at + 1 :]
    with pytest.raises(Integrity):
        verify([*links[:number], authority.decode(changed, links[number].signature), *links[number + 1 :]])


def test_what_is_written_is_read() -> None:
    for link in chain((0,), (0, 1, 2), signers=(0, 0)):
        assert authority.decode(link.body(), link.signature) == link


def test_no_link_can_be_left_out_repeated_or_taken_from_another_store() -> None:
    links = chain((0,), (0, 1), (0, 1), (0,), signers=(0, 0, 1, 0))
    for wrong in ([links[0], links[2]], [links[1]], [*links[:2], links[1]], [links[0], links[1]._replace(seq=0)]):
        with pytest.raises(Integrity):
            verify(wrong)
    with pytest.raises(Integrity):
        authority.demand_follows(links[0], None, b"\x02" * 16)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"format":1}', b"\xff", b"[" * 100_000])
def test_what_is_no_link_is_refused(raw: bytes) -> None:
    with pytest.raises(Integrity):
        authority.decode(raw, b"")


def test_a_digest_is_read_out_in_five_groups_of_a_hundred_bits() -> None:
    assert authority.check_word(bytes(32)) == "aaaa-aaaa-aaaa-aaaa-aaaa"
    assert authority.check_word(b"\xff" * 32) == "9999-9999-9999-9999-9999"
    assert authority.check_word(b"\x00" * 12 + b"\x10" + bytes(19)) == "aaaa-aaaa-aaaa-aaaa-aaab"

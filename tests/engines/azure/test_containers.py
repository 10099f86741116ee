"""Objects in a container of Azure: places, keys, and accounts that would keep what is deleted."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from arlo_rec.engines.azure import ENGINE, container
from arlo_rec.engines.azure.container import Container, ContainerBlobs, Entry
from arlo_rec.law.model.errors import Unreachable
from tests.support import azurite, seaweed

NAME, OTHER = "ab" * 16, "cd" * 16
REAL = [pytest.mark.slow, pytest.mark.xdist_group("azure")]


def code_of(refused: Callable[[], object]) -> str:
    with pytest.raises(Unreachable) as caught:
        refused()
    return caught.value.code


def answer(status: str, *more: str, body: str = "") -> bytes:
    dated = ("Last-Modified: Wed, 02 Dec 2026 10:00:00 GMT", 'ETag: "x"')
    return "\r\n".join((f"HTTP/1.1 {status}", *dated, *more, f"Content-Length: {len(body)}", "", body)).encode()


@pytest.mark.parametrize("at", ["azure://acc/calls/a/b", "azure://acc/calls", "azure://acc1/my-calls/p/"])
def test_a_place_names_account_container_and_prefix(at: str) -> None:
    assert ENGINE.objects is not None and ENGINE.objects.place(at) == at.rstrip("/")


@pytest.mark.parametrize(
    "at", ["azure://acc", "azure://Acc/calls", "azure://acc/c--d", "azure://acc/calls/..", "azure://a.b/calls"]
)
def test_any_other_text_is_no_place(at: str) -> None:
    assert ENGINE.objects is not None and ENGINE.objects.place(at) is None


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (Entry(), "objects_no_key"),
        (Entry("http://blob.example/acc", azurite.KEY), "objects_not_tls"),
        (Entry("https://blob.example", "no key!"), "objects_refused"),
    ],
)
def test_an_account_without_key_or_tls_is_not_asked(entry: Entry, code: str) -> None:
    blobs = ContainerBlobs(Container("acc", "calls"), lambda: entry)
    assert code_of(lambda: blobs.size(NAME)) == code


def test_a_key_is_not_shown() -> None:
    assert azurite.KEY not in repr(Entry(None, azurite.KEY))


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (answer("202 Accepted", "x-ms-delete-type-permanent: false"), "objects_versioned"),
        (answer("202 Accepted"), "objects_versioned"),
        (answer("409 Conflict", body="<Code>BlobImmutableDueToPolicy</Code>"), "objects_versioned"),
        (answer("403 Forbidden", body="<Code>AuthenticationFailed</Code>"), "objects_refused"),
    ],
    ids=["soft delete", "silent", "immutable", "forbidden"],
)
def test_a_deletion_that_is_not_for_good_refuses_the_account(
    told: bytes, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container.ObjectBlobs, "probe", lambda _: None)
    with seaweed.answering(lambda asked: told if asked.startswith(b"DELETE") else answer("201 Created")) as port:
        entry = Entry(f"http://127.0.0.1:{port}/acc", azurite.KEY)
        assert code_of(ContainerBlobs(Container("acc", "calls"), lambda: entry).probe) == code


def test_a_container_with_versions_is_refused() -> None:
    made = answer("201 Created", "x-ms-version-id: 2026-12-02T10:00:00.0000000Z")
    with seaweed.answering(lambda asked: made if asked.startswith(b"PUT") else answer("404 Not Found")) as port:
        entry = Entry(f"http://127.0.0.1:{port}/acc", azurite.KEY)
        assert code_of(ContainerBlobs(Container("acc", "calls"), lambda: entry).probe) == "objects_versioned"


class TestAzurite:
    """A real service."""

    pytestmark = REAL

    def test_it_passes_the_probe_and_keeps_nothing_of_it(self) -> None:
        blobs = azurite.shared().blobs("probed", "a/b")
        blobs.probe()
        store = container.azure_container(blobs._container, blobs._entry(), container.PATIENCE)
        assert [about for chunk in store.list() for about in chunk] == []

    def test_what_is_missing_among_what_is_deleted_keeps_nothing_back(self) -> None:
        blobs = azurite.shared().blobs("deleted")
        names = [f"{number:032x}" for number in range(600)]
        for name in names[1::2]:
            blobs.put(name, [b"x"])
        blobs.settle(names)
        blobs.delete_all(names)
        assert list(blobs.names()) == []

    def test_another_key_and_no_container_each_have_their_error(self) -> None:
        service = azurite.shared()
        service.blobs("errors")
        wrong = Entry(service.endpoint, base64.b64encode(b"j" * 64).decode())
        assert code_of(ContainerBlobs(Container("arlo", "errors"), lambda: wrong).probe) == "objects_refused"
        right = Entry(service.endpoint, azurite.KEY)
        assert code_of(ContainerBlobs(Container("arlo", "nowhere"), lambda: right).probe) == "objects_no_bucket"

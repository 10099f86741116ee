"""OpenBao in trouble: away, slow, sealed, of another kind, with another certificate. Each has its sentence."""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.edge import config
from arlo_rec.engines.openbao import access_of
from arlo_rec.engines.openbao.address import BaoAccess, KeyAddress
from arlo_rec.engines.openbao.openbao import KEY_TYPE, BaoRoot
from arlo_rec.law.model.errors import ArloError, Integrity, Unreachable, Usage
from arlo_rec.vault.backends.elsewhere import Given
from arlo_rec.vault.backends.files import FileRoot
from tests.support import world as worlds
from tests.support.authority import LOOPBACK, Authority
from tests.support.openbao import EXAMPLE, OpenBao, free_port
from tests.support.world import World

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("openbao")]
STORE, SEED = b"s" * 16, b"r" * 32
DAY = {20_800: bytes(32)}
Opened = Callable[..., BaoRoot]


@pytest.fixture
def place(bao: OpenBao) -> tuple[KeyAddress, BaoAccess]:
    address, folder = bao.fresh_key()
    return address, bao.access(folder)


@pytest.fixture
def opened(place: tuple[KeyAddress, BaoAccess], tmp_path: Path) -> Opened:
    """The root of a store, reached as *changes* of the access say."""
    files = FileRoot.create(tmp_path / "root" if (tmp_path / "root").mkdir() is None else tmp_path, has_slots=False)
    made = BaoRoot(STORE, *place, files.lock)
    made.found(1, SEED, 1)
    made.founded()

    def root(address: KeyAddress = place[0], **changes: Any) -> BaoRoot:
        return BaoRoot(STORE, address, replace(place[1], **changes), files.lock)

    return root


def code_of(work: Callable[[], object]) -> tuple[type[ArloError], str]:
    with pytest.raises(ArloError) as caught:
        work()
    return type(caught.value), caught.value.code


@contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """A server of loopback that gives these bytes to one request after the other, and then is silent."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        held = list[socket.socket]()
        ends = threading.Event()

        def serve() -> None:
            left = list(answers)
            while not ends.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                held.append(connection)
                while left and connection.recv(65536):
                    connection.sendall(left.pop(0))
                    if not left or left[0] == b"":
                        left = left[1:]
                        connection.close()
                        break

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            ends.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for connection in held:
                connection.close()


def answer(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(body), body)


WELL = answer(b"{}")

WORDS = st.text(st.sampled_from("abcXYZ019-_"), min_size=1, max_size=20)


@given(st.lists(WORDS, min_size=1, max_size=4), WORDS)
def test_an_address_of_a_key_is_read_as_it_is_written(mount: list[str], key: str) -> None:
    address = KeyAddress("/".join(mount), key)
    assert KeyAddress.parse(str(address)) == address


@given(st.text())
def test_a_text_is_an_address_only_if_it_is_written_as_one(text: str) -> None:
    for tried in (text, f"bao://{text}", f"bao://transit/{text}"):
        try:
            assert str(KeyAddress.parse(tried)) == tried
        except ValueError:
            continue


# -- what is away or slow -----------------------------------------------------------------------------


def test_an_address_that_nobody_answers_at_is_unreachable(opened: Opened) -> None:
    for address in (f"https://127.0.0.1:{free_port()}", "https://no-such-host.invalid:8200", f"https://{'å' * 70}.no"):
        assert code_of(lambda a=address: opened(addresses=(a,)).read_seen()) == (Unreachable, "bao_unreachable")


def test_the_first_node_that_is_active_answers_for_those_that_are_away(opened: Opened, bao: OpenBao) -> None:
    away = f"https://127.0.0.1:{free_port()}"
    assert opened(addresses=(away, bao.leader().address)).unsettled(1) is None


def test_a_server_that_says_nothing_is_given_up_after_its_time(opened: Opened) -> None:
    with answering() as silent:
        assert code_of(opened(addresses=(silent,), wait=0.2).read_seen) == (Unreachable, "bao_unreachable")
    with answering(WELL) as silent:
        root = opened(addresses=(silent,), token="t", wait=0.2)
        assert code_of(root.read_seen) == (Unreachable, "bao_unreachable")


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (answer(b"{"), "bao_garbled"),
        (answer(b"[]"), "bao_garbled"),
        (answer(b"<html>"), "bao_garbled"),
        (answer(b"[" * 100_000), "bao_garbled"),
        (answer(json.dumps({"data": "x" * 2**21}).encode()), "bao_garbled"),
        (answer(b'{"data": 5}'), "bao_not_kv2"),
        (answer(b'{"data": {"data": 7, "metadata": {"version": 1}}}'), "bao_not_kv2"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", "bao_garbled"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "bao_unreachable"),
        (answer(b'{"errors": ["no space left on device"]}', "500 Internal Server Error"), "bao_refuses"),
        (answer(b'{"errors": []}', "503 Service Unavailable"), "bao_sealed"),
        (answer(b"", "307 Temporary Redirect"), "bao_standby"),
        (answer(b'{"errors": ["permission denied"]}', "403 Forbidden"), "bao_denied"),
    ],
    ids=range(13),
)
def test_an_impossible_answer_is_an_error_with_a_sentence(opened: Opened, told: bytes, code: str) -> None:
    with answering(WELL, told) as address:
        root = opened(addresses=(address,), token="t", wait=1.0)
        assert code_of(root.read_seen) == (Unreachable, code)


def test_a_request_that_a_leader_lost_with_its_office_is_sent_to_the_next_one(opened: Opened) -> None:
    lost = answer(b'{"errors": ["1 error occurred: leadership lost while committing log"]}', "400 Bad Request")
    none_yet = answer(b'{"errors": []}', "404 Not Found")
    with answering(WELL, none_yet, lost, WELL, none_yet) as address:
        root = opened(addresses=(address,), token="t", wait=1.0)
        for _ in range(2):
            assert code_of(root.read_seen) == (Integrity, "seen_unreadable")
    with answering(WELL, lost) as address:
        root = opened(addresses=(address,), token="t", wait=1.0)
        assert code_of(root.read_seen) == (Unreachable, "bao_unreachable")


def test_a_node_that_stands_by_or_is_sealed_is_named(opened: Opened) -> None:
    for status, code in (("429 Standby", "bao_standby"), ("503 Sealed", "bao_sealed"), ("501 New", "bao_sealed")):
        with answering(answer(b"{}", status)) as address:
            assert code_of(opened(addresses=(address,)).read_seen) == (Unreachable, code)


def test_a_sealed_server_closes_the_store_until_it_is_unsealed(opened: Opened, bao: OpenBao) -> None:
    node, root = bao.leader(), opened()
    assert root.unsettled(1) is None
    bao.seal(node)
    try:
        assert code_of(lambda: root.unsettled(1)) == (Unreachable, "bao_sealed")
        assert code_of(opened().read_seen) == (Unreachable, "bao_sealed")
    finally:
        bao.unseal(node)
        bao.leader()
    assert root.unsettled(1) is None


# -- certificates -------------------------------------------------------------------------------------


def test_a_certificate_of_another_ca_is_refused(opened: Opened, tmp_path: Path) -> None:
    Authority(tmp_path)
    for ca in (str(tmp_path / "ca.pem"), None):
        assert code_of(opened(ca=ca).read_seen) == (Unreachable, "bao_certificate")
    assert code_of(opened(ca=str(tmp_path / "nowhere.pem")).read_seen) == (Unreachable, "bao_ca_unreadable")
    (tmp_path / "ca.pem").write_text("no certificate", "utf-8")
    assert code_of(opened(ca=str(tmp_path / "ca.pem")).read_seen) == (Unreachable, "bao_ca_unreadable")


def test_a_certificate_that_has_ended_or_is_of_another_host_is_refused(opened: Opened, tmp_path: Path) -> None:
    for days, host in ((-1, LOOPBACK), (1, "127.0.0.2")):
        Authority(tmp_path).sign("server", days=(-2, days))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
        with socket.create_server((host, 0)) as listening, context.wrap_socket(listening, server_side=True) as tls:

            def shake(tls: ssl.SSLSocket = tls) -> None:
                try:
                    tls.accept()[0].close()
                except OSError:
                    return

            thread = threading.Thread(target=shake)
            thread.start()
            root = opened(addresses=(f"https://{host}:{tls.getsockname()[1]}",), ca=str(tmp_path / "ca.pem"))
            assert code_of(root.read_seen) == (Unreachable, "bao_certificate")
            thread.join(5)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "http://bao.example:8200",
            "bao.example:8200",
            "ftp://127.0.0.1",
            "https://",
            "https://h:99999",
            "https://h:0",
        ),
        *("https://u:p@h:8200", "https://h:8200/path", "https://h?x", "http://[::1", ""),
    ],
)
def test_an_address_that_would_show_the_token_or_is_none_is_refused(opened: Opened, address: str) -> None:
    assert code_of(lambda: opened(addresses=(address,))) == (Usage, "bao_address")


# -- tokens and rights --------------------------------------------------------------------------------


def test_without_address_or_token_the_next_step_is_said(opened: Opened, place: tuple[KeyAddress, BaoAccess]) -> None:
    assert code_of(lambda: opened(addresses=())) == (Unreachable, "bao_not_named")
    assert code_of(opened(role_id=None).read_seen) == (Unreachable, "bao_no_token")
    assert code_of(opened(secret_id="wrong").read_seen) == (Unreachable, "bao_denied")
    assert code_of(opened(token="wrong").read_seen) == (Unreachable, "bao_denied")
    for token in ("two\nlines", "nøkkel", "🔑"):
        assert code_of(opened(token=token).read_seen) == (Unreachable, "bao_no_token")
    for mount in ("hemmelig plass", "nøkler", "a\nb", "?x=", "../sys"):
        assert issubclass(code_of(opened(seen=mount).read_seen)[0], Unreachable | Integrity)
    assert "wrong" not in repr(replace(place[1], token="wrong", secret_id="wrong"))


def test_a_token_that_ends_meanwhile_is_taken_anew_by_approle(
    opened: Opened, bao: OpenBao, place: tuple[KeyAddress, BaoAccess]
) -> None:
    role = f"auth/approle/role/arlo-rec-{place[0].key}"
    bao.ask("POST", role, {"token_policies": f"arlo-rec-{place[0].key}", "token_type": "service"})
    root = opened()
    assert root.unsettled(1) is None
    first = root._bao._token
    bao.ask("POST", "auth/token/revoke", {"token": first})
    assert root.unsettled(1) is None
    assert root._bao._token != first


def test_the_policy_of_the_example_gives_no_right_to_take_the_key_or_to_weaken_it(
    opened: Opened, bao: OpenBao, place: tuple[KeyAddress, BaoAccess]
) -> None:
    root, name = opened(), place[0].key
    assert root.unsettled(1) is None
    path = f"transit/keys/{name}"
    for method, denied, body in (
        ("GET", f"transit/export/encryption-key/{name}", None),
        ("GET", f"transit/backup/{name}", None),
        ("DELETE", path, None),
        ("POST", path, {"type": KEY_TYPE, "exportable": True}),
        ("POST", f"{path}/config", {"exportable": True}),
        ("POST", f"{path}/config", {"min_decryption_version": 1, "allow_plaintext_backup": True}),
        ("POST", f"{path}/config", {"deletion_allowed": True}),
        ("GET", "transit/keys?list=true", None),
        ("POST", f"secret/destroy/transit/{name}", {"versions": [1]}),
        ("DELETE", f"secret/metadata/transit/{name}", None),
        ("GET", "sys/storage/raft/snapshot", None),
    ):
        assert code_of(lambda m=method, d=denied, b=body: root._bao.ask(m, d, b)) == (Unreachable, "bao_denied"), denied


def test_an_erasure_whose_token_may_not_trim_is_not_called_done(
    opened: Opened, bao: OpenBao, place: tuple[KeyAddress, BaoAccess]
) -> None:
    name = place[0].key
    policy = bao.ask("GET", f"sys/policies/acl/arlo-rec-{name}")["data"]["policy"]
    bao.ask("POST", f"sys/policies/acl/arlo-rec-{name}", {"policy": policy.replace(f"{name}/trim", "other/trim")})
    root = opened()
    root.begin(1, SEED, 1)
    assert code_of(lambda: root.settle(2)) == (Unreachable, "bao_denied")
    assert root.unsettled(2) == ("version 1", True), "what was trimmed comes back to nobody, so an erasure left it"
    bao.ask("POST", f"sys/policies/acl/arlo-rec-{name}", {"policy": policy})
    opened().settle(2)
    assert opened().unsettled(2) is None


# -- keys and engines of another kind -----------------------------------------------------------------


def test_a_key_that_could_leave_or_come_back_is_refused(opened: Opened, bao: OpenBao) -> None:
    for changes in (
        *({"exportable": True}, {"allow_plaintext_backup": True, "exportable": True}, {"derived": True}),
        *({"type": "chacha20-poly1305"}, {"type": "rsa-2048"}),
    ):
        address, folder = bao.fresh_key()
        other = address._replace(key=f"{address.key}-other")
        bao.ask("POST", f"transit/keys/{other.key}", changes)
        root = BaoRoot(STORE, other, replace(bao.access(folder), token=bao.token), lambda **_: pytest.fail("no lock"))
        assert code_of(lambda r=root: r.found(1, SEED, 1)) == (Usage, "bao_key_weak")
    bao.ask("POST", f"transit/keys/{address.key}/config", {"deletion_allowed": True})
    root = opened(address, token=bao.token)
    assert code_of(root.demand_free) == (Usage, "bao_key_weak")


def test_an_engine_of_another_kind_or_place_is_named(opened: Opened, bao: OpenBao) -> None:
    bao.ask("POST", "sys/mounts/kv1", {"type": "kv", "options": {"version": "1"}})
    address, _ = bao.fresh_key()
    root = opened(address, token=bao.token, seen="kv1")
    assert code_of(lambda: root.found(1, SEED, 1)) == (Unreachable, "bao_not_kv2")
    for wrong in ({"seen": "nowhere"}, {"address": KeyAddress("nowhere", "k")}):
        changed = {"address": address, "token": bao.token, **wrong}
        assert code_of(opened(**changed).demand_free) == (Unreachable, "bao_no_mount")
    root = opened(KeyAddress("secret", "k"), token=bao.token)
    assert code_of(lambda: root.found(1, SEED, 1)) == (Unreachable, "bao_no_mount")


def test_a_key_is_of_one_store(opened: Opened, bao: OpenBao, place: tuple[KeyAddress, BaoAccess]) -> None:
    assert code_of(opened().demand_free) == (Usage, "bao_key_taken")
    assert code_of(lambda: opened().found(1, SEED, 1)) == (Usage, "bao_key_taken")
    other = BaoRoot(b"t" * 16, *place, lambda **_: pytest.fail("no lock"))
    assert code_of(other.read_seen) == (Integrity, "root_does_not_open")


def test_a_note_that_is_gone_or_changed_closes_the_store(opened: Opened, bao: OpenBao) -> None:
    path = opened()._seen
    opened().update_seen(lambda _: b"seen")
    good = bao.ask("GET", path)["data"]["data"]
    for changes in ({"base": "x"}, {"base": None}, {"seen": "?"}):
        bao.ask("POST", path, {"data": {**good, **changes}})
        assert code_of(opened().read_seen)[1] in {"seen_unreadable", "bao_garbled"}
    bao.ask("DELETE", path.replace("/data/", "/metadata/", 1))
    assert code_of(opened().read_seen) == (Integrity, "seen_unreadable")


def test_a_version_that_somebody_made_by_hand_disturbs_no_erasure(
    opened: Opened, bao: OpenBao, place: tuple[KeyAddress, BaoAccess]
) -> None:
    for _ in range(3):
        bao.ask("POST", f"transit/keys/{place[0].key}/rotate")
    wrapped = opened().open(1, SEED).wrap(DAY)
    assert opened().open(1, SEED).unwrap(wrapped) == DAY
    generation, key = opened().begin(1, SEED, 1)
    again = key.wrap(DAY)
    opened().settle(generation)
    assert opened().open(generation, SEED).unwrap(again) == DAY
    assert generation == bao.key(place[0])["latest_version"] == 5, "a version that somebody else may know of is no R"


def test_a_connection_that_a_forked_process_inherits_is_not_used_by_it(opened: Opened) -> None:
    root = opened()
    wrapped = root.open(1, SEED).wrap(DAY)
    child = os.fork()
    if child == 0:
        good = all(root.open(1, SEED).unwrap(wrapped) == DAY for _ in range(20))
        os._exit(0 if good else 1)
    assert all(root.open(1, SEED).unwrap(wrapped) == DAY for _ in range(20))
    assert os.waitpid(child, 0)[1] == 0


# -- commands -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "root", ["bao://transit", "bao:///k", "bao://transit/", "bao://t/k#1", "s3://x/y", "bao://t/../k"]
)
def test_a_root_that_is_no_key_is_refused_before_anything_is_made(tmp_path: Path, root: str) -> None:
    world = World(tmp_path)
    (tmp_path / "passphrase").write_text(worlds.PASSPHRASE, "utf-8")
    (tmp_path / "passphrase").chmod(0o600)
    made = world.run("init", "--officer", "sigrid", "--root", root, "--json", who="sigrid")
    assert (made.exit, made.json["error"]["code"]) == (2, "bao_root")
    assert not world.store.exists()


def test_init_makes_nothing_where_openbao_is_away(tmp_path: Path) -> None:
    world = World(tmp_path, {"BAO_ADDR": f"https://127.0.0.1:{free_port()}", "BAO_TOKEN": "t"})
    (tmp_path / "passphrase").write_text(worlds.PASSPHRASE, "utf-8")
    (tmp_path / "passphrase").chmod(0o600)
    made = world.run("init", "--officer", "sigrid", "--root", "bao://transit/k", "--json", who="sigrid")
    assert (made.exit, made.json["error"]["code"]) == (16, "bao_unreachable")
    assert not world.store.exists() and not world.root.exists()


def test_the_settings_of_the_example_name_every_node_and_what_proves_who_asks() -> None:
    asked = list[Path]()

    def secret(path: Path) -> bytes:
        asked.append(path)
        return b"the secret id\n"

    said = config.settle({"config": str(EXAMPLE / "config.toml")}, {}).engines["bao"]

    def given(environment: dict[str, str]) -> Given:
        return Given(said, environment, lambda _: None, secret, lambda *_: b"")

    access = access_of(given({}))
    assert [address.rpartition("/")[2] for address in access.addresses] == [f"bao-{n}.example:8200" for n in (1, 2, 3)]
    assert (access.secret_id, access.token, access.seen) == ("the secret id", None, "secret")
    assert asked == [Path("/etc/arlo-rec/bao/secret-id")]
    there = {"BAO_ADDR": "https://other.example:8200", "BAO_TOKEN": "t", "BAO_CACERT": "/other.pem"}
    access = access_of(given(there))
    assert (access.addresses, access.token, access.ca) == (("https://other.example:8200",), "t", "/other.pem")
    assert len(asked) == 1, "a token that is there needs no other secret"


def test_credentials_come_from_settings_and_from_systemd(bao: OpenBao, tmp_path: Path) -> None:
    address, folder = bao.fresh_key()
    access = bao.access(folder)
    world = worlds.found(tmp_path, "--root", str(address), environment=bao.environment(folder))
    world.environment.clear()
    assert world.code("status", who="iver") == (16, "bao_not_named")
    world.setting(f'bao.address = "{access.addresses[0]}"')
    world.setting(f'bao.ca = "{access.ca}"')
    assert world.code("status", who="iver") == (16, "bao_no_token")
    world.setting(f'bao.role_id = "{access.role_id}"')
    world.setting(f'bao.secret_id_file = "{folder / "secret-id"}"')
    assert world.json("status", who="iver")["held"] == 0
    (folder / "secret-id").chmod(0o644)
    assert world.code("status", who="iver") == (2, "secret_file_open")
    handed = tmp_path / "handed"
    handed.mkdir()
    (handed / "arlo-rec.bao-secret-id").write_text(str(access.secret_id), "utf-8")
    world.environment["CREDENTIALS_DIRECTORY"] = str(handed)
    assert world.json("status", who="iver")["held"] == 0
    (handed / "arlo-rec.bao-token").write_text("no token", "utf-8")
    assert world.code("status", who="iver") == (16, "bao_denied")


def test_every_command_ends_with_16_while_openbao_is_away_and_does_nothing(bao: OpenBao, tmp_path: Path) -> None:
    address, folder = bao.fresh_key()
    world = worlds.found(tmp_path, "--root", str(address), environment=bao.environment(folder))
    (call,) = world.take_in("a")
    world.deliver("b")
    there = dict(world.environment)
    world.environment["BAO_ADDR"] = f"https://127.0.0.1:{free_port()}"
    for words, who in (
        (("status",), "iver"),
        (("verify",), "iver"),
        (("purge",), "cron"),
        (("withdraw", "--call", call, "--yes"), "siri"),
        (("ingest", str(world.spool)), "telefon"),
    ):
        told = world.run(*words, "--json", who=who)
        assert (told.exit, told.json["error"]["code"]) == (16, "bao_unreachable"), told
        assert "run again" in told.json["error"]["message"]
    examined = world.json("doctor", who="iver")
    assert not examined["is_opened"]
    assert "store_closed" in {each["code"] for each in examined["findings"]}
    world.environment = there
    assert world.json("status", who="iver")["held"] == 1
    assert (world.spool / "b.json").exists()
    worlds.assert_no_bug(world)


def test_base64_of_openbao_is_read_strictly(opened: Opened) -> None:
    body = {"batch_results": [{"plaintext": b64encode(b"x").decode() + "!"}]}
    with answering(WELL, answer(json.dumps({"data": body}).encode())) as address:
        root = opened(addresses=(address,), token="t", wait=1.0)
        root._base = 0
        assert code_of(lambda: root._key(1, SEED).unwrap({1: b"x"})) == (Unreachable, "bao_garbled")

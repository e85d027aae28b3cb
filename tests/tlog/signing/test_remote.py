"""Keys that others hold: real tokens and agents, which fail as they do in life."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.support.hardware import Agent, SoftToken, make_token
from tlog.cli.keys import make_on_token, open_signer, open_token
from tlog.errors import RejectedError
from tlog.signing import (
    AttestationKey,
    AttestationKeyType,
    KeyAwayError,
    RemoteKey,
    SigningKey,
    TokenPlace,
    open_signing_key,
    parse_place,
)
from tlog.signing.remote import KeyEvent, RemotePublic
from tlogverify.checkpoint import Checkpoint
from tlogverify.hashing import EMPTY_ROOT
from tlogverify.keys import KeyType
from tlogverify.signed import verify_signature

HEAD = Checkpoint("log.example", 0, EMPTY_ROOT)
MESSAGE = b"a message"
ED25519, P256 = AttestationKeyType.ED25519, AttestationKeyType.P256


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftToken]:
    made = make_token(tmp_path_factory.mktemp("token") / "soft")
    before = dict(os.environ)
    os.environ.update(made.variables)
    yield made
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    it = Agent(tmp_path)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(it.socket))
    yield it
    it.end()


def place(token: SoftToken, name: str) -> TokenPlace:
    found = parse_place(token.uri(name))
    assert isinstance(found, TokenPlace)
    return found


def require_signs(key: AttestationKey) -> None:
    """Verify a signature, by the key's PEM."""
    public = load_pem_public_key(key.public_pem)
    if isinstance(public, Ed25519PublicKey):
        public.verify(key.sign(MESSAGE), MESSAGE)
    else:
        public.verify(key.sign(MESSAGE), MESSAGE, ECDSA(SHA256()))  # type: ignore[union-attr, call-arg, arg-type]  # one of two kinds


def test_a_token_signs_heads_cosignatures_and_documents(token: SoftToken) -> None:
    make_on_token(place(token, "head"), ED25519)
    for key_type in (KeyType.ED25519, KeyType.COSIGNATURE):
        key = open_signing_key(token.uri("head"), "log.example", key_type, open_token)
        line = key.sign(HEAD, time_s=7)
        verify_signature(key.verifier_key, HEAD, line)
    for name, kind in (("ed", ED25519), ("p", P256)):
        make_on_token(place(token, name), kind)
        require_signs(open_signer(token.uri(name)))


def test_a_key_of_another_tool_is_used_as_it_is(token: SoftToken) -> None:
    command = ["pkcs11-tool", "--module", str(token.module), "--login"]
    command += ["--pin", token.pin_file.read_text().strip(), "--keypairgen"]
    try:
        token.run(*command, "--key-type", "EC:edwards25519", "--label", "tool")
    except FileNotFoundError:
        pytest.skip("pkcs11-tool is missing: apt-get install opensc")
    require_signs(open_signer(token.uri("tool")))


def test_what_is_not_there_or_may_not_be_used_is_refused(token: SoftToken) -> None:
    make_on_token(place(token, "once"), P256)
    with pytest.raises(RejectedError, match="exists: choose another"):
        make_on_token(place(token, "once"), P256)
    with pytest.raises(RejectedError, match="P-256"):
        open_signing_key(token.uri("once"), "log.example", KeyType.ED25519, open_token)
    with pytest.raises(RejectedError, match="no private keys are there"):
        open_signer(token.uri("nobody"))
    with pytest.raises(RejectedError, match="has no tokens 'other'"):
        open_signer(token.uri("once").replace("token=tlog", "token=other"))
    with pytest.raises(RejectedError, match="cannot be used"):
        open_signer(token.uri("once").replace(str(token.module), "/no/such.so"))
    with pytest.raises(RejectedError, match="a file"):
        open_signing_key(token.uri("once"), "a", KeyType.MLDSA44, open_token)


def test_a_wrong_pin_is_refused_and_not_shown(token: SoftToken) -> None:
    right = token.pin_file.read_text()
    token.pin_file.write_text("00998877\n")
    try:
        # The library must forget who has logged in.
        _forget(token)
        with pytest.raises(RejectedError, match="the PIN of file:") as refused:
            open_signer(token.uri("head"))
    finally:
        token.pin_file.write_text(right)
    assert "00998877" not in str(refused.value)


def _forget(token: SoftToken) -> None:
    pkcs11 = pytest.importorskip("pkcs11")
    pkcs11.lib(str(token.module)).reinitialize()


def test_a_lost_session_is_opened_anew_and_told(token: SoftToken) -> None:
    remote = make_on_token(place(token, "lost"), ED25519)
    told: list[KeyEvent] = []
    remote.tell = lambda event, shown, why: told.append(event)
    key = SigningKey("log.example", KeyType.ED25519, remote)
    key.sign(HEAD, time_s=7)
    assert not told
    # All sessions of this process end, as when a token is pulled and put back.
    _forget(token)
    line = key.sign(HEAD, time_s=7)
    verify_signature(key.verifier_key, HEAD, line)
    assert (1, False) == (told.count(KeyEvent.ANEW), key.is_away)


def test_an_agent_signs_heads_and_documents(agent: Agent) -> None:
    ed25519, p256, rsa = map(agent.make_key, ("ed25519", "ecdsa", "rsa"))
    agent.start()
    key = open_signing_key(ed25519, "log.example", KeyType.ED25519, open_token)
    verify_signature(key.verifier_key, HEAD, key.sign(HEAD, time_s=7))
    for uri in (ed25519, p256):
        require_signs(open_signer(uri))
    with pytest.raises(RejectedError, match="ssh-rsa: Ed25519 and P-256 can sign"):
        open_signer(rsa)
    with pytest.raises(RejectedError, match="add it with ssh-add"):
        open_signer("ssh-agent:SHA256:" + "a" * 43)


def test_an_agent_that_ends_is_waited_for(agent: Agent) -> None:
    uri = agent.make_key()
    with pytest.raises(KeyAwayError, match="the ssh-agent at"):
        open_signer(uri)
    agent.start()
    key = open_signing_key(uri, "log.example", KeyType.ED25519, open_token)
    told: list[KeyEvent] = []
    key.tell_of(lambda event, shown, why: told.append(event))
    agent.end()
    for _ in range(2):
        with pytest.raises(KeyAwayError):
            key.sign(HEAD, time_s=7)
    assert (True, [KeyEvent.AWAY]) == (key.is_away, told)
    agent.start()
    while key.is_away:
        # A thread of the key's looks for the agent, though nobody signs.
        pass
    assert [KeyEvent.AWAY, KeyEvent.BACK] == told
    verify_signature(key.verifier_key, HEAD, key.sign(HEAD, time_s=7))


class _Liar:
    """A token that signs something else."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public: RemotePublic = key.public_key()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message + b"!")


def test_a_signature_that_does_not_verify_is_not_used() -> None:
    liar = _Liar(Ed25519PrivateKey.generate())
    key = SigningKey("log.example", KeyType.ED25519, RemoteKey("it", lambda: liar))
    with pytest.raises(KeyAwayError, match="does not verify"):
        key.sign(HEAD, time_s=7)
    assert key.is_away


def test_another_key_at_the_same_place_is_not_used() -> None:
    liar = _Liar(Ed25519PrivateKey.generate())
    remote = RemoteKey("it", lambda: liar)
    liar = _Liar(Ed25519PrivateKey.generate())
    with pytest.raises(KeyAwayError, match="another key than before"):
        remote.sign(MESSAGE)


def test_a_key_that_is_elsewhere_is_written_to_no_file(tmp_path: Path) -> None:
    liar = RemoteKey("it", lambda: _Liar(Ed25519PrivateKey.generate()))
    with pytest.raises(RejectedError, match="is in no file"):
        SigningKey("log.example", KeyType.ED25519, liar).write(tmp_path / "key")
    with pytest.raises(RejectedError, match="is in no file"):
        AttestationKey(liar).write(tmp_path / "key")
    assert [] == list(tmp_path.iterdir())

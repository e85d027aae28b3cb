"""Private keys that this process never holds: a token or an agent signs with them.

Whatever comes back is verified before it is used.  A connection that fails is opened
anew at once; if that fails too the key is away, and a thread tries until it is back.
"""

from collections.abc import Callable
from enum import Enum
from threading import Event, Lock, Thread
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from tlog.errors import MachineError, RejectedError
from tlogverify.errors import FormatError

RemotePublic = Ed25519PublicKey | EllipticCurvePublicKey
_PAUSE_S: Final = 1.0


class KeyAwayError(MachineError):
    """The token or agent that holds a key does not sign now; nothing was signed."""


class KeyEvent(Enum):
    """What happens to a key that somebody else holds."""

    AWAY = "away"
    BACK = "back"
    ANEW = "opened anew"


KeyTeller = Callable[[KeyEvent, str, str], object]
"""Called with what happened, to which key, and why."""


class Connection(Protocol):
    """One session with a token or an agent, about one key.

    public: the key's public half, as the other side says it.
    """

    public: RemotePublic

    def sign(self, message: bytes) -> bytes:
        """Return a signature, Ed25519 or ECDSA in DER; KeyAwayError if none came."""
        ...


class RemoteKey:
    """One key that somebody else holds; any thread may sign with it.

    shown: what people are told it is; no secret.  connect: raises KeyAwayError if
    nobody answers, RejectedError or FormatError if there is no such key.  tell: called
    on the thread that signs, or on the one that waits for the key.
    """

    def __init__(self, shown: str, connect: Callable[[], Connection]) -> None:
        self._shown = shown
        self._connect = connect
        self._lock = Lock()
        self._connection: Connection | None = connect()
        self._public = self._connection.public
        self._is_away = False
        self.tell: KeyTeller = lambda event, shown, why: None

    @property
    def is_away(self) -> bool:
        """Whether the last attempt to sign failed, and no later one to connect came."""
        return self._is_away

    def public_key(self) -> RemotePublic:
        """Return the public half, as it was when the key was opened."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Return a signature that verifies; KeyAwayError if there is none now."""
        with self._lock:
            try:
                signature = self._sign(message)
            except KeyAwayError as lost:
                self._connection = None
                try:
                    # A session that was lost; the token may be there all the same.
                    signature = self._sign(message)
                except KeyAwayError as error:
                    self._connection = None
                    self._go_away(str(error))
                    raise
                if not self._is_away:
                    self.tell(KeyEvent.ANEW, self._shown, str(lost))
            self._come_back()
            return signature

    def _sign(self, message: bytes) -> bytes:
        if self._connection is None:
            self._connection = self._reconnect()
        signature = self._connection.sign(message)
        if not _verifies(self._public, message, signature):
            raise KeyAwayError(f"{self._shown} made a signature that does not verify")
        return signature

    def _reconnect(self) -> Connection:
        try:
            connection = self._connect()
        except (RejectedError, FormatError, OSError) as error:
            # It was there when the key was opened.
            raise KeyAwayError(f"{self._shown}: {error}") from error
        if connection.public != self._public:
            raise KeyAwayError(f"{self._shown} is another key than before")
        return connection

    def _go_away(self, why: str) -> None:
        if not self._is_away:
            self._is_away = True
            self.tell(KeyEvent.AWAY, self._shown, why)
            Thread(target=self._follow, name="key", daemon=True).start()

    def _come_back(self) -> None:
        if self._is_away:
            self._is_away = False
            self.tell(KeyEvent.BACK, self._shown, "it answers")

    def _follow(self) -> None:
        """Try to connect until the key is back, by this thread or by one that signs."""
        pause = Event()
        while True:
            pause.wait(_PAUSE_S)
            with self._lock:
                if not self.is_away:
                    return
                try:
                    self._connection = self._reconnect()
                except KeyAwayError:
                    continue
                self._come_back()


def _verifies(public: RemotePublic, message: bytes, signature: bytes) -> bool:
    try:
        if isinstance(public, Ed25519PublicKey):
            public.verify(signature, message)
        else:
            public.verify(signature, message, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True

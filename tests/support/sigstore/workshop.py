"""A log, what stands beside it, and a released Sigstore client that is told of both.

The client is configured by what `tlog sigstore-config` wrote, and nothing in it is
changed.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import Signer, SigningContext
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from tests.support import warm
from tests.system.server import ServerProcess, environment, run_tlog, serving
from tlog.trial.certificates import pem
from tlog.trial.neighbours import Neighbours, neighbours

EMAIL = "somebody@tests.example"


@dataclass(frozen=True)
class Client:
    """Sigstore's client, as an API and as a command; trust: its file."""

    trust: Path
    issuer: str

    def config(self) -> ClientTrustConfig:
        return ClientTrustConfig.from_json(self.trust.read_text())

    def verify(self, artifact: bytes, bundle: Bundle) -> None:
        self.verifier().verify_artifact(artifact, bundle, self.policy())

    def verifier(self) -> Verifier:
        return Verifier(trusted_root=self.config().trusted_root)

    def policy(self, email: str = EMAIL) -> Identity:
        return Identity(identity=email, issuer=self.issuer)

    def run(
        self, *arguments: str | Path, token: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        command = (sys.executable, "-m", "sigstore", "--trust-config", self.trust)
        return warm.run(
            [*command, *arguments],
            environment={**environment(), "SIGSTORE_IDENTITY_TOKEN": token},
        )

    def run_verify(
        self, *arguments: str | Path, email: str = EMAIL
    ) -> subprocess.CompletedProcess[str]:
        """Run `sigstore verify identity` for this person."""
        who = ("--cert-identity", email, "--cert-oidc-issuer", self.issuer)
        return self.run("verify", "identity", *who, "--offline", *arguments)


@dataclass(frozen=True)
class Workshop:
    """All of it, at work."""

    folder: Path
    server: ServerProcess
    neighbours: Neighbours
    client: Client

    def token(self) -> str:
        return self.neighbours.provider.token(EMAIL)

    @contextmanager
    def signer(self, client: Client | None = None) -> Iterator[Signer]:
        """Give a signer of one client's; by default the workshop's own."""
        config = (client or self.client).config()
        context = SigningContext.from_trust_config(config)
        with context.signer(IdentityToken(self.token())) as signer:
            yield signer

    def certify(self, folder: Path, repository: str = "") -> None:
        """Write `release.pem`, a certificate of the key `release.key.pub` beside it.

        repository: whose workflow it names; without one it names a person.
        """
        key = load_pem_public_key((folder / "release.key.pub").read_bytes())
        assert isinstance(key, ec.EllipticCurvePublicKey)
        fulcio = self.neighbours.fulcio
        made = (
            fulcio.certify_workflow(repository, key)
            if repository
            else fulcio.certify(EMAIL, key)
        )
        (folder / "release.pem").write_bytes(pem([made]))

    def client_of(self, name: str, *flags: str) -> Client:
        """Configure another client by `tlog sigstore-config`."""
        out = self.folder / name
        known = self.neighbours.flags(self.folder)
        policy = ("--policy", self.server.folder / "policy")
        log = ("--log", local_url(self.server))
        made = run_tlog("sigstore-config", *log, *policy, "--out", out, *known, *flags)
        assert (0, "") == (made.returncode, made.stderr)
        return Client(out / "client_trust_config.json", self.client.issuer)


def local_url(server: ServerProcess) -> str:
    """Return the server's URL by the name that is its origin."""
    return server.url.replace("127.0.0.1", "localhost")


@contextmanager
def workshop(folder: Path, *flags: str) -> Iterator[Workshop]:
    """Serve all of it, and no longer than the block."""
    log = serving(folder / "log", "--sigstore", *flags, origin="localhost")
    with neighbours() as beside, log as server:
        trust = folder / "sigstore" / "client_trust_config.json"
        client = Client(trust, beside.provider.issuer)
        shop = Workshop(folder, server, beside, client)
        shop.client_of("sigstore")
        yield shop

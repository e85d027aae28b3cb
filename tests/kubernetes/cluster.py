"""A real API server and its etcd as processes on free ports of this machine.

No node and no controller runs: Pods stay Pending, and nothing makes Pods of templates.
"""

import json
import os
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.kubernetes.papers import Authority
from tests.kubernetes.way import Way, leading

VERSION: Final = "1.36.3"
"""As `build.sh` beside this file builds it where no other is named."""

USERS: Final = {
    "admin": "system:masters",
    "alice": "people",
    "carol": "people",
}

_CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
_AUDIT: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {
            "level": "Metadata",
            "resources": [{"group": "", "resources": ["pods", "pods/*"]}],
        },
    ],
}


def find_server() -> str | None:
    """Return the path of the API server's program, or None."""
    built = _CACHE / "tlog-kubernetes" / f"kube-apiserver-{VERSION}"
    named = os.environ.get("TLOG_KUBE_APISERVER", str(built))
    return shutil.which(named) or shutil.which("kube-apiserver")


def why_not() -> str:
    """Return what is missing and how to get it; "" if all is there."""
    if shutil.which("etcd") is None:
        return "etcd is missing: apt-get install etcd-server"
    if find_server() is None:
        return "kube-apiserver is missing: tests/kubernetes/build.sh builds it"
    return ""


@dataclass(frozen=True)
class Said:
    """What the API server answered; warnings: without their code and agent."""

    status: int
    body: Any
    warnings: list[str] = field(default_factory=list)

    @property
    def message(self) -> str:
        return str(self.body["message"])


@dataclass(frozen=True)
class Cluster:
    """An API server; way: to the gate that it asks."""

    url: str
    folder: Path
    authority: Path
    way: Way

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str = "admin",
        form: str = "application/json",
    ) -> Said:
        """Send JSON, or text as it is."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {user}-token", "Content-Type": form}
        asked = urllib.request.Request(  # noqa: S310 - a loopback server of ours
            f"{self.url}{path}",
            None if body is None else content,
            headers,
            method=method,
        )
        trust = ssl.create_default_context(cafile=str(self.authority))
        try:
            with urllib.request.urlopen(asked, context=trust) as answer:  # noqa: S310 - the same
                return _said(answer.status, answer.read(), answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return _said(error.code, error.read(), error.headers)

    def audited(self, name: str) -> dict[str, str]:
        """Return the annotations of the last request about a Pod, once there is one."""
        while True:
            lines = (self.folder / "audit.log").read_text().splitlines()
            found = [json.loads(it) for it in lines if f'"{name}"' in it]
            told = [it for it in found if name == it["objectRef"].get("name")]
            if told:
                annotations: dict[str, str] = told[-1].get("annotations", {})
                return annotations


def _said(status: int, body: bytes, headers: Any) -> Said:
    # A warning is `299 - "text"`, with quotes and backslashes escaped.
    told = headers.get_all("Warning") or []
    texts = [it.partition('"')[2].rstrip('"').replace('\\"', '"') for it in told]
    is_json = headers.get_content_type() == "application/json"
    return Said(status, json.loads(body) if is_json else body.decode(), texts)


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """Run an API server until its end; it asks webhooks by a client certificate."""
    own, clients = Authority("authority of servers"), Authority("authority of clients")
    own.write(folder, "api", "localhost")
    clients.write(folder, "webhooks")
    (folder / "api-ca.pem").write_bytes(own.pem)
    (folder / "clients-ca.pem").write_bytes(clients.pem)
    with ExitStack() as stack:
        store = f"http://127.0.0.1:{free_port()}"
        peer = f"http://127.0.0.1:{free_port()}"
        stack.enter_context(_process(folder, "etcd", _etcd(folder, store, peer)))
        way = stack.enter_context(leading(folder / "way"))
        port = free_port()
        server = _server(folder, store, port)
        child = stack.enter_context(_process(folder, "kube-apiserver", server))
        url = f"https://localhost:{port}"
        cluster = Cluster(url, folder, folder / "api-ca.pem", way)
        while not _is_ready(cluster):
            assert child.poll() is None, (folder / "kube-apiserver.said").read_text()
        yield cluster


@contextmanager
def _process(
    folder: Path, name: str, command: list[str]
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{name}.said").open("wb") as said:
        child = subprocess.Popen(command, stdout=said, stderr=said, cwd=folder)
    try:
        yield child
    finally:
        # What it holds is thrown away with its folder.
        child.kill()
        child.wait()


def _is_ready(cluster: Cluster) -> bool:
    try:
        # Made by the last of what runs at its start.
        found = cluster.ask("GET", "/api/v1/namespaces/default")
    except (urllib.error.URLError, ConnectionError):
        return False
    return found.status == 200 and cluster.ask("GET", "/readyz").body == "ok"


def _etcd(folder: Path, store: str, peer: str) -> list[str]:
    return [
        *("etcd", "--data-dir", str(folder / "etcd"), "--unsafe-no-fsync"),
        *("--listen-client-urls", store, "--advertise-client-urls", store),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
        *("--initial-cluster", f"default={peer}"),
    ]


def _server(folder: Path, store: str, port: int) -> list[str]:
    found = find_server()
    assert found is not None
    subprocess.run(
        ["openssl", "genrsa", "-out", str(folder / "accounts.key"), "2048"],
        check=True,
        capture_output=True,
    )
    tokens = [f'{it}-token,{it},{it},"{group}"' for it, group in USERS.items()]
    (folder / "tokens.csv").write_text("\n".join(tokens))
    files = {
        "audit": _AUDIT,
        "egress": _egress(folder),
        "admission": _admission(folder),
        "webhooks": _credentials(folder),
    }
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return [
        found,
        *("--etcd-servers", store, "--bind-address", "127.0.0.1"),
        *("--secure-port", str(port), "--endpoint-reconciler-type", "none"),
        *("--tls-cert-file", "api.crt", "--tls-private-key-file", "api.key"),
        *("--service-account-issuer", "https://accounts.example"),
        *("--service-account-signing-key-file", "accounts.key"),
        *("--service-account-key-file", "accounts.key"),
        *("--service-cluster-ip-range", "10.0.0.0/24"),
        # No controller makes the accounts that it would ask for.
        *("--disable-admission-plugins", "ServiceAccount"),
        *("--token-auth-file", "tokens.csv", "--authorization-mode", "RBAC"),
        *("--audit-policy-file", "audit.json", "--audit-log-path", "audit.log"),
        *("--egress-selector-config-file", "egress.json"),
        *("--admission-control-config-file", "admission.json"),
    ]


def _egress(folder: Path) -> Mapping[str, object]:
    transport = {"uds": {"udsName": str(folder / "way")}}
    connection = {"proxyProtocol": "HTTPConnect", "transport": transport}
    return {
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [{"name": "cluster", "connection": connection}],
    }


def _admission(folder: Path) -> Mapping[str, object]:
    version = "apiserver.config.k8s.io/v1"
    configuration = {
        "apiVersion": version,
        "kind": "WebhookAdmissionConfiguration",
        "kubeConfigFile": str(folder / "webhooks.json"),
    }
    plugin = {"name": "ValidatingAdmissionWebhook", "configuration": configuration}
    return {
        "apiVersion": version,
        "kind": "AdmissionConfiguration",
        "plugins": [plugin],
    }


def _credentials(folder: Path) -> Mapping[str, object]:
    files = {
        "client-certificate": str(folder / "webhooks.crt"),
        "client-key": str(folder / "webhooks.key"),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "users": [{"name": "tlog-gate.tlog-gate.svc", "user": files}],
    }

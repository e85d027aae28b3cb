"""The three documents, read by Sigstore's own package."""

import json

import pytest
from sigstore.models import ClientTrustConfig, SigningConfig
from sigstore_models.common.v1 import PublicKeyDetails
from sigstore_models.trustroot.v1 import TrustedRoot

from tests.tlog.sigstore.test_existing import BOTH, encoded
from tlog.sigstore.authorities import (
    certificate_authority,
    ct_log,
    timestamp_authority,
)
from tlog.sigstore.documents import make_documents
from tlog.sigstore.existing import parse_existing
from tlog.sigstore.instance import LogInstance, LogKeys, endpoint
from tlog.sigstore.neighbours import Neighbours
from tlog.trial.certificates import (
    make_authority,
    make_root,
    make_stamper,
    pem,
)
from tlog.trial.ctlog import CtLog
from tlogverify.errors import FormatError
from tlogverify.keys import KeyType, VerifierKey

START = "2026-01-31T12:00:00Z"
KEY = VerifierKey("log.example", KeyType.ED25519, bytes(range(32)))
LOG = LogInstance("https://log.example", LogKeys(KEY), START, "operator")

FULCIO, TSA = "https://fulcio.example", "https://tsa.example/api/v1/timestamp"
ROOT = make_root("root")
STAMPER = make_stamper(ROOT, "stamper")
ALL = Neighbours(
    authorities=(
        certificate_authority(
            FULCIO,
            pem([make_authority(ROOT, "fulcio").certificate, ROOT.certificate]),
        ),
    ),
    ctlogs=(ct_log("https://ct.example", CtLog().public_pem),),
    timestamp_authorities=(
        timestamp_authority(TSA, pem([STAMPER.certificate, ROOT.certificate])),
    ),
    ca_urls=(endpoint(FULCIO, 1, START, "operator"),),
    oidc_urls=(endpoint("https://oidc.example", 1, START, "operator"),),
    tsa_urls=(endpoint(TSA, 1, START, "operator"),),
)


def test_a_client_reads_what_all_of_them_say() -> None:
    made = make_documents(LOG, ALL)
    config = ClientTrustConfig.from_json(json.dumps(made.client_trust_config))
    signing = config.signing_config
    assert ["https://log.example/api/v2"] == [it.url for it in signing.get_tlogs()]  # type: ignore[attr-defined]  # v2
    assert (FULCIO, "https://oidc.example") == (
        signing.get_fulcio().url,
        signing.get_oidc_url(),
    )
    assert [TSA] == [it.url for it in signing.get_tsas()]
    assert 2 == len(config.trusted_root.get_fulcio_certs())
    assert 1 == len(config.trusted_root.get_timestamp_authorities())


def test_a_client_reads_the_log_as_it_is() -> None:
    made = make_documents(LOG, Neighbours())
    root = TrustedRoot.from_json(json.dumps(made.trusted_root))
    (log,) = root.tlogs
    assert ("https://log.example", KEY.key_hash, PublicKeyDetails.PKIX_ED25519) == (
        log.base_url,
        log.log_id.key_id,
        log.public_key.key_details,
    )
    assert made.trusted_root["mediaType"] == (
        "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
    )


def test_the_third_document_holds_the_other_two() -> None:
    made = make_documents(LOG, ALL)
    assert made.trusted_root == made.client_trust_config["trustedRoot"]
    assert made.signing_config == made.client_trust_config["signingConfig"]


def test_without_a_timestamp_authority_none_is_selected() -> None:
    """An empty tsaConfig is what sigstore-python fails at."""
    assert "tsaConfig" not in make_documents(LOG, Neighbours()).signing_config


def test_beside_the_public_instance_both_are_trusted_and_one_is_written_to() -> None:
    public = parse_existing(encoded(BOTH), keep_logs=True)
    made = make_documents(LOG, public)
    config = ClientTrustConfig.from_json(json.dumps(made.client_trust_config))
    urls = [it.base_url for it in config.trusted_root._inner.tlogs]
    assert "https://log.example" == urls[0]
    assert len(public.logs) + 1 == len(urls)
    signing = SigningConfig(config._inner.signing_config)
    assert ["https://log.example"] == [it.url for it in signing._tlogs]


def test_too_many_of_one_kind_are_refused() -> None:
    many = tuple(
        endpoint(f"https://{number}.example", 1, START, "operator")
        for number in range(257)
    )
    with pytest.raises(FormatError, match="at most 256 items"):
        make_documents(LOG, Neighbours(ca_urls=many))

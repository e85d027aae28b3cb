"""A registry of images as the link from an image to what is said of it.

Documents are attached to an image as manifests that refer to it, found again, and
judged.  Nothing that a registry says is believed: what it stores is hashed, what it
lists is looked at, and all of it is bounded.

    errors                       what can go wrong beside the ground's own
    references                   PURE: oci://HOST/NAME:TAG@DIGEST, and digests
    manifests                    PURE: manifests, indexes, descriptors
    challenges                   PURE: 401, the next page, where one may be led
    payloads                     PURE: what a file to attach is
    keychains  credentials       docker's config.json, and the programs behind it
    exchange  refusals           one request; what its refusal means
    authorization  transport     tokens; retries, redirects
    repository                   manifests, blobs and lists of one image's repository
    discovery  attaching         what is attached, from all places; attaching
    judging                      what is attached, judged by tlogverify
    repairing                    what was attached, and a log still knows

Source: OCI distribution-spec and image-spec v1.1.
"""

from tlog.registry.attaching import Attached, SystemPauses, attach
from tlog.registry.credentials import Keyring
from tlog.registry.discovery import (
    Attachment,
    Discovery,
    Image,
    discover,
    find_image,
)
from tlog.registry.judging import State, Trust, Verdict, fetch_documents, judge
from tlog.registry.payloads import Payload, recognise
from tlog.registry.references import Digest, Reference, parse_reference
from tlog.registry.repairing import Kept, list_missing
from tlog.registry.repository import Repository
from tlog.registry.transport import Way

__all__ = [
    "Attached",
    "Attachment",
    "Digest",
    "Discovery",
    "Image",
    "Kept",
    "Keyring",
    "Payload",
    "Reference",
    "Repository",
    "State",
    "SystemPauses",
    "Trust",
    "Verdict",
    "Way",
    "attach",
    "discover",
    "fetch_documents",
    "find_image",
    "judge",
    "list_missing",
    "parse_reference",
    "recognise",
]

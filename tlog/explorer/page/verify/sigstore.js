// Sigstore bundles: a signature, what verifies it, and the log's entries of it.
//
//     1  a key signed the artifact, or a statement          SignatureError
//     2  the artifact is the signed one, or the statement's VerificationError
//     3  the log's entry is of this signature by this key   VerificationError
//     4  the entry is in a tree that satisfies the policy   ProofError, QuorumError
//
// A certificate is not judged here, nor a timestamp, nor a log's promise.
// Source: sigstore/protobuf-specs; sigstore client-spec, 4; `tlogverify.sigstore`.

import { pae, parseStatement, statementNames } from "./attestation.js";
import { FormatError, VerificationError } from "./errors.js";
import { leafHash, sha256 } from "./hashing.js";
import { optionalText, parseObject, requiredText } from "./json.js";
import { encodeHex, encodeText, parseBase64, parseHash, sameBytes, show } from "./lines.js";
import { message, messages, number, requireKnown, requiredMessage, someBytes } from "./members.js";
import { MAX_PATH, verifyInclusion } from "./merkle.js";
import { MAX_NOTE_BYTES } from "./note.js";
import { HASH_OF, SHA2_BYTES, parseRekor } from "./rekor.js";
import { SignerKey } from "./signers.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {import("./json.js").Members} Members */
/** @typedef {{index: number, logId: Bytes, kind: string, version: string, body: Bytes, hasPromise: boolean, proof: LogProof | undefined}} LogEntry */
/** @typedef {{index: number, size: number, root: Bytes, path: Bytes[], note: Bytes}} LogProof */
/**
 * A bundle; nothing in it is verified.
 * @typedef {object} Bundle
 * @property {import("./attestation.js").Envelope | undefined} envelope
 * @property {{signature: Bytes, algorithm: string, digest: Bytes} | undefined} signed the artifact itself
 * @property {Bytes[]} certificates the signer's first
 * @property {string} hint what the sender calls the key
 * @property {LogEntry[]} entries
 * @property {number} timestamps how many
 */

const VERSIONS = new Map([
  ["application/vnd.dev.sigstore.bundle+json;version=0.1", "0.1"],
  ["application/vnd.dev.sigstore.bundle+json;version=0.2", "0.2"],
  ["application/vnd.dev.sigstore.bundle+json;version=0.3", "0.3"],
  ["application/vnd.dev.sigstore.bundle.v0.3+json", "0.3"],
]);
export const MAX_BUNDLE_BYTES = (1 << 24) + (1 << 22);
const SIGNERS = ["publicKey", "x509CertificateChain", "certificate"];
const ENTRY = [
  "logIndex",
  "logId",
  "kindVersion",
  "integratedTime",
  "inclusionPromise",
  "inclusionProof",
  "canonicalizedBody",
];
const PROOF = ["logIndex", "rootHash", "treeSize", "hashes", "checkpoint"];
const MAX_DER_BYTES = 1 << 16;
const MAX_SIGNATURE_BYTES = 1 << 14;

/** @param {Bytes} bytes @returns {Bundle} */
export function parseBundleFile(bytes) {
  if (bytes.length > MAX_BUNDLE_BYTES) {
    throw new FormatError(`a bundle has at most ${MAX_BUNDLE_BYTES} bytes`);
  }
  const members = requireKnown("a bundle", parseObject("a bundle", bytes), [
    "mediaType",
    "verificationMaterial",
    "messageSignature",
    "dsseEnvelope",
  ]);
  const version = VERSIONS.get(requiredText("a bundle", members, "mediaType"));
  if (version === undefined) {
    throw new FormatError("a bundle's mediaType is one of versions 0.1 to 0.3");
  }
  const rule = "verificationMaterial";
  const material = requiredMessage("a bundle", members, rule, [
    ...SIGNERS,
    "tlogEntries",
    "timestampVerificationData",
  ]);
  const stamps = message(rule, material, "timestampVerificationData", ["rfc3161Timestamps"]);
  const entries = messages(rule, material, "tlogEntries", ENTRY, 16).map(readEntry);
  for (const entry of entries) {
    if (version === "0.1" ? !entry.hasPromise : !entry.proof?.note.length) {
      throw new FormatError(`a log entry of version ${version} lacks its proof or promise`);
    }
  }
  return {
    ...readSigner(material, version),
    ...readContent(members),
    entries,
    timestamps: stamps
      ? messages("timestampVerificationData", stamps, "rfc3161Timestamps", ["signedTimestamp"], 32)
          .length
      : 0,
  };
}

/** @param {Members} material @param {string} version */
function readSigner(material, version) {
  const given = SIGNERS.filter((name) => (material[name] ?? undefined) !== undefined);
  const allowed = version === "0.3" ? "certificate" : "x509CertificateChain";
  if (given.length !== 1 || !["publicKey", allowed].includes(given[0])) {
    throw new FormatError(`verificationMaterial has either publicKey or ${allowed}`);
  }
  const rule = "verificationMaterial";
  const key = message(rule, material, "publicKey", ["hint"]);
  if (key) return { hint: optionalText("publicKey", key, "hint", 1024), certificates: [] };
  const one = message(rule, material, "certificate", ["rawBytes"]);
  const chain = message(rule, material, "x509CertificateChain", ["certificates"]);
  const found = one
    ? [one]
    : messages("x509CertificateChain", chain ?? {}, "certificates", ["rawBytes"], 16);
  if (found.length === 0) throw new FormatError("an x509CertificateChain has a certificate");
  return {
    hint: "",
    certificates: found.map((it) => someBytes("certificate", it, "rawBytes", MAX_DER_BYTES)),
  };
}

/** @param {Members} members */
function readContent(members) {
  const signed = message("a bundle", members, "messageSignature", ["messageDigest", "signature"]);
  const envelope = message("a bundle", members, "dsseEnvelope", [
    "payload",
    "payloadType",
    "signatures",
  ]);
  if (signed && !envelope) return { signed: readMessage(signed), envelope: undefined };
  if (!envelope || signed) {
    throw new FormatError("a bundle has either a messageSignature or a dsseEnvelope");
  }
  const rule = "dsseEnvelope";
  const found = messages(rule, envelope, "signatures", ["sig", "keyid"], 10);
  if (found.length === 0) throw new FormatError("a dsseEnvelope has a signature");
  return {
    signed: undefined,
    envelope: {
      payloadType: requiredText(rule, envelope, "payloadType"),
      payload: parseBase64(`${rule}.payload`, requiredText(rule, envelope, "payload")),
      signatures: found.map((it) => someBytes("signatures", it, "sig", MAX_SIGNATURE_BYTES)),
    },
  };
}

/** @param {Members} members */
function readMessage(members) {
  const stated = message("messageSignature", members, "messageDigest", ["algorithm", "digest"]);
  const signature = someBytes("messageSignature", members, "signature", MAX_SIGNATURE_BYTES);
  if (!stated) return { signature, algorithm: "", digest: new Uint8Array() };
  const algorithm = requiredText("messageDigest", stated, "algorithm");
  const digest = someBytes("messageDigest", stated, "digest", 64);
  if (!Object.hasOwn(SHA2_BYTES, algorithm) || SHA2_BYTES[algorithm] !== digest.length) {
    throw new FormatError(`a messageDigest is of SHA2: found ${show(algorithm)}`);
  }
  return { signature, algorithm, digest };
}

/** @param {Members} members @returns {LogEntry} */
function readEntry(members) {
  const rule = "a log entry";
  const logId = requiredMessage(rule, members, "logId", ["keyId"]);
  const named = requiredMessage(rule, members, "kindVersion", ["kind", "version"]);
  const [kind, version] = ["kind", "version"].map((it) =>
    optionalText("kindVersion", named, it, 64),
  );
  if (!kind || !version)
    throw new FormatError("a log entry's kindVersion has a kind and a version");
  const promise = message(rule, members, "inclusionPromise", ["signedEntryTimestamp"]);
  if (promise) someBytes("inclusionPromise", promise, "signedEntryTimestamp", 1 << 12);
  const proof = message(rule, members, "inclusionProof", PROOF);
  number(rule, members, "integratedTime");
  return {
    index: number(rule, members, "logIndex"),
    logId: someBytes("logId", logId, "keyId", 32),
    kind,
    version,
    body: someBytes(rule, members, "canonicalizedBody", 1 << 20),
    hasPromise: promise !== undefined,
    proof: proof && readProof(proof),
  };
}

/** @param {Members} members @returns {LogProof} */
function readProof(members) {
  const rule = "inclusionProof";
  const checkpoint = message(rule, members, "checkpoint", ["envelope"]);
  const hashes = members.hashes ?? [];
  if (
    !Array.isArray(hashes) ||
    hashes.length > MAX_PATH ||
    hashes.some((it) => typeof it !== "string")
  ) {
    throw new FormatError(`inclusionProof.hashes has at most ${MAX_PATH} items of base64`);
  }
  const found = {
    index: number(rule, members, "logIndex"),
    size: number(rule, members, "treeSize"),
    root: someBytes(rule, members, "rootHash", 32),
    path: hashes.map((it) => parseHash("inclusionProof.hashes", it)),
    note: encodeText(
      checkpoint ? optionalText("checkpoint", checkpoint, "envelope", MAX_NOTE_BYTES) : "",
    ),
  };
  if (!(found.index < found.size) || found.root.length !== 32) {
    throw new FormatError("an inclusionProof's logIndex is below its treeSize");
  }
  return found;
}

/**
 * Return the signature of a bundle, once it holds and is of the artifact.
 * @param {Bundle} bundle
 * @param {{digests: Record<string, string>, read: () => Promise<Bytes>}} artifact its digests in hex, and its bytes
 * @param {readonly SignerKey[]} keys those that count, of a bundle without a certificate
 */
export async function openSigned(bundle, artifact, keys) {
  const trusted = bundle.certificates.length ? [new SignerKey(bundle.certificates[0], true)] : keys;
  const { envelope, signed } = bundle;
  if (envelope) {
    if (envelope.signatures.length !== 1) {
      throw new FormatError("a bundle's envelope has one signature");
    }
    const bytes = pae(envelope.payloadType, envelope.payload);
    const key = await firstSigner(trusted, bytes, envelope.signatures[0]);
    if (!statementNames(parseStatement(envelope), artifact.digests)) {
      throw new VerificationError("the statement in the bundle does not name this file");
    }
    return { key, message: bytes, signature: envelope.signatures[0] };
  }
  if (!signed) throw new FormatError("a bundle has a signature");
  const name = signed.algorithm.replace("SHA2_", "sha");
  if (name && encodeHex(signed.digest) !== artifact.digests[name]) {
    throw new VerificationError("the bundle is of another artifact, as its digest says");
  }
  const bytes = await artifact.read();
  const key = await firstSigner(trusted, bytes, signed.signature);
  return { key, message: bytes, signature: signed.signature };
}

/** @param {readonly SignerKey[]} keys @param {Bytes} bytes @param {Bytes} signature */
async function firstSigner(keys, bytes, signature) {
  let why = new VerificationError("no key is trusted");
  for (const key of keys) {
    try {
      await key.verify(bytes, signature);
      return key;
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error;
      why = error;
    }
  }
  throw why;
}

/**
 * Prove that a log's entry of a bundle is of this very signature; else somebody else's
 * entry would pass for the log's knowledge of it (CVE-2022-36056).
 * @param {LogEntry} entry @param {Bundle} bundle
 * @param {{key: SignerKey, signature: Bytes}} signed @param {Record<string, string>} digests of what was signed, in hex
 */
export function requireBound(entry, bundle, signed, digests) {
  if (entry.version !== "0.0.2" || !["hashedrekord", "dsse"].includes(entry.kind)) {
    throw new VerificationError(
      `a log entry of kind ${entry.kind} ${entry.version} is not judged here`,
    );
  }
  const logged = parseRekor(entry.body);
  if (logged.kind !== entry.kind)
    throw new VerificationError(`the log's entry is of kind ${logged.kind}`);
  const [made, ...more] = logged.signatures;
  const { key } = signed;
  const isOfKey =
    more.length === 0 &&
    sameBytes(made.content, signed.signature) &&
    sameBytes(made.der, key.der) &&
    made.isCertificate === key.isCertificate &&
    made.details === key.details;
  const isOfMessage =
    logged.kind === "dsse"
      ? bundle.envelope !== undefined && sameBytes(sha256(bundle.envelope.payload), logged.digest)
      : logged.algorithm === HASH_OF[key.details] &&
        encodeHex(logged.digest) === digests[logged.algorithm.replace("SHA2_", "sha")];
  if (!isOfKey || !isOfMessage) {
    throw new VerificationError("the log's entry is of another signature");
  }
}

/**
 * Prove that an entry of a bundle is in a tree that satisfies a policy.
 * @param {LogEntry} entry @param {import("./policy.js").Policy} policy
 */
export async function openLogged(entry, policy) {
  const { proof } = entry;
  if (!proof?.note.length) {
    throw new VerificationError("the bundle's log entry has no proof with a checkpoint");
  }
  const witnessed = await policy.openCheckpoint(proof.note);
  const { checkpoint } = witnessed;
  if (proof.size !== checkpoint.size || !sameBytes(proof.root, checkpoint.root)) {
    throw new VerificationError("the entry's tree is not the checkpoint's");
  }
  verifyInclusion(proof.index, checkpoint.size, leafHash(entry.body), proof.path, checkpoint.root);
  if (entry.index !== proof.index) throw new VerificationError("the entry has two indexes");
  if (!witnessed.log.some((key) => sameBytes(key.hash, entry.logId))) {
    throw new VerificationError("the entry's logId is another log's");
  }
  return witnessed;
}

// The document that an entry names: its bytes, who signed it, and of what it speaks.

import { AnswerError, fetchBytes } from "./fetching.js";
import { make } from "./elements.js";
import {
  MAX_ENVELOPE_BYTES,
  envelopeSigner,
  parseEnvelope,
  parseStatement,
  statementNames,
} from "./verify/attestation.js";
import { FormatError, UncheckedError, VerificationError } from "./verify/errors.js";
import { sha256 } from "./verify/hashing.js";
import { parseObject } from "./verify/json.js";
import { encodeHex } from "./verify/lines.js";
import { parseBundleFile } from "./verify/sigstore.js";

/** @typedef {import("./checks.js").Checks} Checks */
/** @typedef {import("./verify/kinds.js").Entry} Entry */

const SHOWN_CHARS = 20_000;

/**
 * Check the document of an entry, and return what to show of it.
 * @param {string} base @param {Entry} entry @param {string} digest of the document, in hex
 * @param {import("./trust.js").Trust} trust @param {Checks} checks
 */
export async function checkDocument(base, entry, digest, trust, checks) {
  const bytes = await checks.run("the document that the entry names is there", async () => {
    try {
      const found = await fetchBytes(base, `api/v1/documents/sha256:${digest}`, MAX_ENVELOPE_BYTES);
      if (encodeHex(sha256(found)) !== digest) {
        throw new VerificationError("the server's document has another SHA-256");
      }
      return [`${found.length} bytes with the SHA-256 ${digest}`, found];
    } catch (error) {
      if (error instanceof AnswerError && error.status === 404) {
        throw new UncheckedError("this server keeps no such document");
      }
      if (error instanceof AnswerError && error.status === 410) {
        throw new UncheckedError(
          `the server says that the document was removed: ${reasonOf(error.body)}`,
        );
      }
      throw error;
    }
  });
  if (bytes === undefined) return null;
  await checkSigner(bytes, entry, trust, checks);
  const text = new TextDecoder().decode(bytes.subarray(0, SHOWN_CHARS));
  const summary = make("summary", {}, "The document, as it is");
  return make("details", {}, summary, make("pre", { tabindex: "0" }, text));
}

/** Return why a document is gone, as the server says. @param {Uint8Array<ArrayBuffer>} body */
function reasonOf(body) {
  try {
    return String(parseObject("an answer", body).detail);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return "it does not say why";
  }
}

/** @param {Uint8Array<ArrayBuffer>} bytes @param {Entry} entry @param {import("./trust.js").Trust} trust @param {Checks} checks */
async function checkSigner(bytes, entry, trust, checks) {
  const envelope = envelopeOf(bytes);
  const title = "the document is signed by a key that you trust";
  if (envelope === undefined) {
    checks.add(
      "skip",
      title,
      "it is no DSSE envelope and no bundle of one, so it bears no signature that is known here",
    );
    return;
  }
  const signer = await checks.run(title, async () => {
    if (trust.keys.length === 0) {
      throw new UncheckedError("no public key was given: paste some below, under “Whom you trust”");
    }
    const key = await envelopeSigner(envelope, trust.keys);
    return [`signature by the key sha256:${key.sha256}`, key];
  });
  if (signer === undefined) return;
  await checks.run("the document speaks of what the entry names", async () => {
    const statement = parseStatement(envelope);
    const subjects = entry.kind === "provenance" ? entry.subjects : [];
    const named = subjects.filter((it) => statementNames(statement, { ...it }));
    if (named.length === 0) {
      throw new VerificationError("the signed statement names none of the entry's artifacts");
    }
    return [`${statement.predicateType}, of ${named.length} of ${subjects.length} artifacts`, null];
  });
}

/** Return the envelope that a document is, or holds. @param {Uint8Array<ArrayBuffer>} bytes */
function envelopeOf(bytes) {
  for (const read of [
    parseEnvelope,
    (/** @type {Uint8Array<ArrayBuffer>} */ it) => parseBundleFile(it).envelope,
  ]) {
    try {
      return read(bytes);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  }
  return undefined;
}

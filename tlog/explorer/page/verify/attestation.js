// DSSE envelopes and the in-toto statements in them.  A signature is over the type and the
// payload's bytes, never over their JSON; that an envelope can be parsed proves nothing.
// Source: DSSE v1.0.2, protocol.md and envelope.md; in-toto attestation v1.1, statement.md.

import { FormatError, SignatureError, TlogError, UncheckedError } from "./errors.js";
import { arrayMember, asObject, optionalText, parseObject, requiredText } from "./json.js";
import { encodeText, joinBytes, parseBase64 } from "./lines.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {import("./signers.js").SignerKey} SignerKey */
/** @typedef {{payloadType: string, payload: Bytes, signatures: Bytes[]}} Envelope */
/** @typedef {{subjects: {name: string, digest: Record<string, unknown>}[], predicateType: string}} Statement */

export const MAX_ENVELOPE_BYTES = 1 << 24;
const MAX_SIGNATURES = 10;
const MAX_SUBJECTS = 1024;
const PAYLOAD_TYPE = /^application\/vnd\.in-toto(?:\.[a-z0-9._-]+)?\+json$/;
const STATEMENT_TYPES = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];

/** Return the bytes that are signed. @param {string} payloadType @param {Bytes} payload */
export function pae(payloadType, payload) {
  const kind = encodeText(payloadType);
  return joinBytes(
    encodeText(`DSSEv1 ${kind.length} `),
    kind,
    encodeText(` ${payload.length} `),
    payload,
  );
}

/** @param {Bytes} bytes @returns {Envelope} */
export function parseEnvelope(bytes) {
  if (bytes.length > MAX_ENVELOPE_BYTES) throw new FormatError("an envelope is too large");
  const members = parseObject("an envelope", bytes);
  const signatures = arrayMember("an envelope", members, "signatures", MAX_SIGNATURES);
  return {
    payloadType: requiredText("an envelope", members, "payloadType"),
    payload: decode(requiredText("an envelope", members, "payload")),
    signatures: signatures.map((it) => decode(requiredText("a signature", it, "sig"))),
  };
}

/**
 * Return the first of the keys that signed an envelope.
 * @param {Envelope} envelope @param {readonly SignerKey[]} keys
 */
export async function envelopeSigner(envelope, keys) {
  const message = pae(envelope.payloadType, envelope.payload);
  /** @type {TlogError | undefined} */ let unchecked;
  for (const key of keys) {
    for (const signature of envelope.signatures) {
      try {
        await key.verify(message, signature);
        return key;
      } catch (error) {
        if (error instanceof UncheckedError) unchecked = error;
        else if (!(error instanceof SignatureError)) throw error;
      }
    }
  }
  throw unchecked ?? new SignatureError("none of the keys signed the envelope");
}

/** Parse the payload of an envelope. @param {Envelope} envelope @returns {Statement} */
export function parseStatement(envelope) {
  if (!PAYLOAD_TYPE.test(envelope.payloadType)) {
    throw new FormatError("the payload is no in-toto statement");
  }
  const members = parseObject("a statement", envelope.payload);
  if (!STATEMENT_TYPES.includes(String(members._type))) {
    throw new FormatError(`a statement is ${STATEMENT_TYPES[0]}`);
  }
  const subjects = arrayMember("a statement", members, "subject", MAX_SUBJECTS);
  const predicateType = requiredText("a statement", members, "predicateType");
  if (subjects.length === 0 || predicateType === "") {
    throw new FormatError("a statement has a subject and a predicateType");
  }
  return {
    subjects: subjects.map((it) => ({
      name: optionalText("a subject", it, "name"),
      digest: asObject("a subject: digest", it.digest),
    })),
    predicateType,
  };
}

/**
 * Tell whether a statement is of an artifact: by SHA-256, and without it by every longer
 * digest that stands there.
 * @param {Statement} statement @param {Record<string, string>} digests of the artifact, in hex
 */
export function statementNames(statement, digests) {
  return statement.subjects.some(({ digest }) => {
    if (digest.sha256) return digest.sha256 === digests.sha256;
    const longer = ["sha512", "sha384"].filter((name) => digest[name]);
    return longer.length > 0 && longer.every((name) => digest[name] === digests[name]);
  });
}

/** Either alphabet is allowed, a mixture is a third spelling. @param {string} field */
function decode(field) {
  const isMixed = /[-_]/.test(field) && /[+/]/.test(field);
  if (isMixed) throw new FormatError("an envelope has base64 in one spelling");
  return parseBase64("an envelope", field.replaceAll("-", "+").replaceAll("_", "/"));
}

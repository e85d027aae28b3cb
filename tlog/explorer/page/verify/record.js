// Provenance records: the entries of this log, digests and identifiers alone, in RFC
// 8785's canonical form.  One expression is the whole grammar.
// Source: this project's `docs/http.md`, "The provenance record"; RFC 8785.

import { MAX_ENTRY_BYTES } from "./bundles.js";
import { FormatError } from "./errors.js";
import { show } from "./lines.js";

export const MAX_SUBJECTS = 256;
export const MAX_PREDICATE_TYPE_CHARS = 256;

const SHA256 = '"sha256":"([0-9a-f]{64})"';
const SUBJECT = `\\{${SHA256}(?:,"sha384":"([0-9a-f]{96})")?(?:,"sha512":"([0-9a-f]{128})")?\\}`;
const URI = "[A-Za-z][A-Za-z0-9+.-]{0,62}:[A-Za-z0-9._~:/?#\\[\\]@!$&'()*+,;=%-]{1,254}";
const ANY_SUBJECT = SUBJECT.replace(/\((?!\?)/g, "(?:");
const RECORD = new RegExp(
  `^\\{"kind":"provenance",(?:"predicateType":"(${URI})",)?"provenance":\\{${SHA256}\\},` +
    `(?:"signer":\\{${SHA256}\\},)?"subject":\\[(${ANY_SUBJECT}(?:,${ANY_SUBJECT}){0,255})\\]` +
    ',"version":1\\}$',
);

/** Digests in hex. @typedef {{sha256: string, sha384?: string, sha512?: string}} Subject */
/**
 * @typedef {object} ProvenanceRecord
 * @property {"provenance"} kind
 * @property {Subject[]} subjects 1 to 256, strictly ascending by sha256
 * @property {string} provenance SHA-256 of the document, in hex
 * @property {string | undefined} predicateType
 * @property {string | undefined} signer SHA-256 of the key or certificate, in hex
 */

/** Parse canonical bytes; all other bytes are refused. @param {Uint8Array} entry @returns {ProvenanceRecord} */
export function parseRecord(entry) {
  const text = entry.length <= MAX_ENTRY_BYTES ? asciiOf(entry) : "";
  const match = RECORD.exec(text);
  if (match === null) {
    throw new FormatError(`an entry is a provenance record in canonical form: found ${show(text)}`);
  }
  const [, predicateType, provenance, signer, list] = match;
  if (predicateType !== undefined && predicateType.length > MAX_PREDICATE_TYPE_CHARS) {
    throw new FormatError(
      `predicateType is a URI of at most ${MAX_PREDICATE_TYPE_CHARS} characters`,
    );
  }
  const subjects = [...list.matchAll(new RegExp(SUBJECT, "g"))].map(
    ([, sha256, sha384, sha512]) => ({
      sha256,
      ...(sha384 && { sha384 }),
      ...(sha512 && { sha512 }),
    }),
  );
  if (subjects.some((it, at) => at > 0 && subjects[at - 1].sha256 >= it.sha256)) {
    throw new FormatError("subjects are sorted by sha256 and unique");
  }
  return { kind: "provenance", subjects, provenance, predicateType, signer };
}

/** Return bytes as text, with one character that no grammar allows for a byte above 127. @param {Uint8Array} bytes */
export function asciiOf(bytes) {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

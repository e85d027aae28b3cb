// The kinds of entry that a log holds, and the digests that each names.

import { sha256 } from "./hashing.js";
import { encodeHex } from "./lines.js";
import { asciiOf, parseRecord } from "./record.js";
import { REKOR_START, parseRekor } from "./rekor.js";

/** @typedef {import("./record.js").ProvenanceRecord | import("./rekor.js").RekorEntry} Entry */

/** Parse an entry of either kind. @param {Uint8Array} entry @returns {Entry} */
export function parseEntry(entry) {
  return asciiOf(entry.subarray(0, REKOR_START.length)) === REKOR_START
    ? parseRekor(entry)
    : parseRecord(entry);
}

/**
 * Return the digests of artifacts that an entry names, as `sha256:HEX`.
 * @param {Entry} entry
 */
export function artifactDigests(entry) {
  if (entry.kind === "provenance") {
    return entry.subjects.flatMap((subject) =>
      Object.entries(subject).map(([algorithm, digits]) => `${algorithm}:${digits}`),
    );
  }
  return [`${entry.algorithm.replace("SHA2_", "sha")}:${encodeHex(entry.digest)}`];
}

/** Return every digest that an entry is found by. @param {Entry} entry */
export function namedDigests(entry) {
  const named = artifactDigests(entry);
  if (entry.kind === "provenance") {
    named.push(`sha256:${entry.provenance}`);
    if (entry.signer) named.push(`sha256:${entry.signer}`);
  } else {
    named.push(...entry.signatures.map((it) => `sha256:${encodeHex(sha256(it.der))}`));
  }
  return named;
}

/** Return the SHA-256 of the document that an entry names, in hex, if it names one. @param {Entry} entry */
export function documentDigest(entry) {
  if (entry.kind === "provenance") return entry.provenance;
  return entry.kind === "dsse" ? encodeHex(entry.digest) : undefined;
}

// Evidence that a log's key signed two histories, as `python -m tlogverify --evidence`
// judges it.
//
//     tlog-evidence@v1 LF
//     older <base64 of a signed checkpoint> LF
//     newer <base64 of a signed checkpoint> LF
//     [prefix <base64 of a hash> LF]
//     (<base64 of a hash> LF)*              consistency proof, from prefix to newer
//
// Source: this project's `docs/specs.md`, "Evidence".

import { FormatError, VerificationError } from "./errors.js";
import { encodeBase64, parseBase64, parseHash, parseText, sameBytes, splitLines } from "./lines.js";
import { MAX_PATH, verifyConsistency } from "./merkle.js";
import { openSignedCheckpoint } from "./signed.js";

const MAGIC = "tlog-evidence@v1";

/** @typedef {{older: Uint8Array, newer: Uint8Array, prefix: Uint8Array | null, path: Uint8Array[]}} Evidence */

/** @param {Evidence} evidence @returns {string} */
export function encodeEvidence({ older, newer, prefix, path }) {
  const lines = [MAGIC, `older ${encodeBase64(older)}`, `newer ${encodeBase64(newer)}`];
  if (prefix !== null) lines.push(`prefix ${encodeBase64(prefix)}`);
  return [...lines, ...path.map(encodeBase64)].map((line) => `${line}\n`).join("");
}

/** @param {Uint8Array} bytes @returns {Evidence} */
export function parseEvidence(bytes) {
  const [magic, older, newer, ...rest] = splitLines("evidence", parseText("evidence", bytes));
  if (magic !== MAGIC || rest.length > MAX_PATH + 1) {
    throw new FormatError(`evidence starts with ${MAGIC}`);
  }
  if (!older?.startsWith("older ") || !newer?.startsWith("newer ")) {
    throw new FormatError("evidence has a line older and a line newer");
  }
  let prefix = null;
  if (rest[0]?.startsWith("prefix ")) prefix = parseHash("prefix", String(rest.shift()).slice(7));
  return {
    older: parseBase64("older", older.slice(6)),
    newer: parseBase64("newer", newer.slice(6)),
    prefix,
    path: rest.map((line) => parseHash("a proof's hash", line)),
  };
}

/**
 * Prove that a log of a policy signed two histories.
 * @param {Evidence} evidence @param {import("./policy.js").Policy} policy
 */
export async function verifyEvidence(evidence, policy) {
  const { checkpoint: older } = await openSignedCheckpoint(evidence.older, policy.logs, []);
  const { checkpoint: newer } = await openSignedCheckpoint(evidence.newer, policy.logs, []);
  if (older.origin !== newer.origin || older.size > newer.size) {
    throw new VerificationError("these are not an older and a newer head of one log");
  }
  if (older.size === newer.size && !sameBytes(older.root, newer.root)) return;
  if (evidence.prefix === null || sameBytes(evidence.prefix, older.root)) {
    throw new VerificationError("both heads are signed, and nothing here shows that they conflict");
  }
  verifyConsistency(older.size, newer.size, evidence.path, evidence.prefix, newer.root);
}

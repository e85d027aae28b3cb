// Whom this browser's user trusts, and the heads that this browser has seen: all of it is
// kept in the browser, for the place that this page came from.

import { FormatError } from "./verify/errors.js";
import { decodeBase64, encodeBase64, encodeText } from "./verify/lines.js";
import { Policy } from "./verify/policy.js";
import { SignerKey } from "./verify/signers.js";

const [POLICY, KEYS, OWN, HEAD, SEEN] = [
  "tlog-policy",
  "tlog-keys",
  "tlog-policy-is-the-logs",
  "tlog-head:",
  "tlog-seen:",
];
const MOST_SEEN = 100;

/** @typedef {{policy: Policy | undefined, isLogsOwn: boolean, keys: SignerKey[], text: string, pem: string}} Trust */

/** Return what was kept; a text that is no policy any more counts as none. @returns {Trust} */
export function keptTrust() {
  const [text, pem] = [read(POLICY), read(KEYS)];
  try {
    return { ...parseTrust(text, pem), isLogsOwn: read(OWN) !== "", text, pem };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { policy: undefined, isLogsOwn: false, keys: [], text, pem };
  }
}

/** Keep a policy and keys; a FormatError says what is wrong with them.
 * @param {string} text @param {string} pem @param {boolean} isLogsOwn whether the log itself named the policy */
export function keepTrust(text, pem, isLogsOwn) {
  parseTrust(text, pem);
  write(POLICY, text);
  write(KEYS, pem);
  write(OWN, isLogsOwn ? "yes" : "");
}

/** @param {string} text @param {string} pem */
function parseTrust(text, pem) {
  const pems = pem.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? [];
  if (pems.length === 0 && pem.trim() !== "") throw new FormatError("keys are PUBLIC KEYs in PEM");
  return {
    policy: text.trim() === "" ? undefined : Policy.parse(encodeText(text)),
    keys: pems.map((it) => SignerKey.ofPem(it)),
  };
}

/** Return the newest head of a log that was proven here: a note. @param {string} origin */
export function keptHead(origin) {
  const text = read(HEAD + origin);
  return text === "" ? undefined : decodeBase64("a kept head", text)[0];
}

/** @param {string} origin @param {Uint8Array} note */
export function keepHead(origin, note) {
  write(HEAD + origin, encodeBase64(note));
}

/** Return the sizes that were proven here, and when, oldest first. @param {string} origin @returns {{size: number, when: number}[]} */
export function seenSizes(origin) {
  try {
    const found = JSON.parse(read(SEEN + origin) || "[]");
    return Array.isArray(found)
      ? found.filter((it) => Number.isFinite(it?.size) && Number.isFinite(it?.when))
      : [];
  } catch {
    return [];
  }
}

/** @param {string} origin @param {number} size @param {number} when in POSIX milliseconds */
export function noteSize(origin, size, when) {
  const seen = seenSizes(origin);
  if (seen.at(-1)?.size === size) return;
  write(SEEN + origin, JSON.stringify([...seen, { size, when }].slice(-MOST_SEEN)));
}

/** Forget all of it. */
export function forgetAll() {
  const names = Array.from({ length: localStorage.length }, (_, at) => localStorage.key(at) ?? "");
  for (const name of names) if (name.startsWith("tlog-")) localStorage.removeItem(name);
}

/** @param {string} name */
function read(name) {
  try {
    return localStorage.getItem(name) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} name @param {string} value */
function write(name, value) {
  try {
    if (value === "") localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // A browser that keeps nothing for this page: the next visit begins anew.
  }
}

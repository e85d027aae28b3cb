// Signatures, by WebCrypto where this browser has the algorithm.  Without it Ed25519 is
// verified by a vendored library, and ML-DSA-44 is not checked: an UncheckedError.

import { UncheckedError } from "./errors.js";

/** Return WebCrypto; it is missing on a page that came by plain http. */
export function subtle() {
  if (!globalThis.crypto?.subtle) {
    throw new UncheckedError(
      "this page was not loaded over https or from this machine: whoever carried it " +
        "could have changed it, and the browser checks no signature for it",
    );
  }
  return globalThis.crypto.subtle;
}

/**
 * @param {Uint8Array<ArrayBuffer>} key @param {Uint8Array<ArrayBuffer>} signature
 * @param {Uint8Array<ArrayBuffer>} message @returns {Promise<boolean>}
 */
export async function verifyEd25519(key, signature, message) {
  const algorithm = { name: "Ed25519" };
  let imported;
  try {
    imported = await subtle().importKey("raw", key, algorithm, false, ["verify"]);
  } catch (error) {
    if (!isMissing(error)) throw error instanceof UncheckedError ? error : wrongKey();
    const { verifyAsync } = await import("../vendor/noble-ed25519/index.js");
    // As RFC 8032 says; a wrong length or a point off the curve is no signature.
    return verifyAsync(signature, message, key, { zip215: false }).catch(() => false);
  }
  return subtle().verify(algorithm, imported, signature, message);
}

/**
 * @param {Uint8Array<ArrayBuffer>} key @param {Uint8Array<ArrayBuffer>} signature
 * @param {Uint8Array<ArrayBuffer>} message @returns {Promise<boolean>}
 */
export async function verifyMldsa44(key, signature, message) {
  const algorithm = { name: "ML-DSA-44" };
  /** @type {any} */ // typescript's list of formats is older than ML-DSA
  const format = "raw-public";
  let imported;
  try {
    imported = await subtle().importKey(format, key, algorithm, false, ["verify"]);
  } catch (error) {
    if (error instanceof UncheckedError) throw error;
    throw new UncheckedError("this browser cannot check ML-DSA-44 signatures");
  }
  return subtle().verify(algorithm, imported, signature, message);
}

/**
 * Tell whether a key signed a message; key: its SubjectPublicKeyInfo.
 * @param {{algorithm: EcKeyImportParams | RsaHashedImportParams | Algorithm, verify: EcdsaParams | Algorithm}} how
 * @param {Uint8Array<ArrayBuffer>} spki @param {Uint8Array<ArrayBuffer>} signature
 * @param {Uint8Array<ArrayBuffer>} message @returns {Promise<boolean>}
 */
export async function verifySpki(how, spki, signature, message) {
  let imported;
  try {
    imported = await subtle().importKey("spki", spki, how.algorithm, false, ["verify"]);
  } catch (error) {
    if (error instanceof UncheckedError) throw error;
    throw new UncheckedError("this browser cannot read the signer's key");
  }
  return subtle().verify(how.verify, imported, signature, message);
}

/** @param {unknown} error */
function isMissing(error) {
  return error instanceof Error && error.name === "NotSupportedError";
}

function wrongKey() {
  return new UncheckedError("this browser refused to read an Ed25519 key");
}

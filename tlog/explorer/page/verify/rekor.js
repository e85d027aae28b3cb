// Rekor entries: what Sigstore's clients log, signatures over digests, version 0.0.2, in
// RFC 8785's canonical form.  Whether a signature holds is not asked here.
// Source: sigstore/rekor-tiles, "hashedrekord" and "dsse" 0.0.2; RFC 8785.

import { MAX_ENTRY_BYTES } from "./bundles.js";
import { FormatError } from "./errors.js";
import { encodeHex, parseBase64, show } from "./lines.js";
import { asciiOf } from "./record.js";

export const REKOR_START = '{"apiVersion":"0.0.2","kind":"';

/** The hash that each key's signatures are over, by the key's details. @type {Record<string, string>} */
export const HASH_OF = {
  PKIX_ECDSA_P256_SHA_256: "SHA2_256",
  PKIX_ECDSA_P384_SHA_384: "SHA2_384",
  PKIX_ECDSA_P521_SHA_512: "SHA2_512",
  PKIX_ED25519_PH: "SHA2_512",
  PKIX_RSA_PKCS1V15_2048_SHA256: "SHA2_256",
  PKIX_RSA_PKCS1V15_3072_SHA256: "SHA2_256",
  PKIX_RSA_PKCS1V15_4096_SHA256: "SHA2_256",
};
/** @type {Record<string, number>} */
export const SHA2_BYTES = { SHA2_256: 32, SHA2_384: 48, SHA2_512: 64 };

const BASE64 = "[A-Za-z0-9+/]+={0,2}";
const VERIFIER = `\\{"keyDetails":"([A-Z0-9_]{1,64})","(publicKey|x509Certificate)":\\{"rawBytes":"(${BASE64})"\\}\\}`;
const SIGNATURE = `\\{"content":"(${BASE64})","verifier":${VERIFIER}\\}`;
const ANY_SIGNATURE = SIGNATURE.replace(/\((?!\?)/g, "(?:");
const DIGEST = `\\{"algorithm":"(SHA2_[0-9]{3})","digest":"(${BASE64})"\\}`;
const START = REKOR_START.replace(/[{.]/g, "\\$&");
const HASHEDREKORD = new RegExp(
  `^${START}hashedrekord","spec":\\{"hashedRekordV002":\\{"data":${DIGEST},"signature":(${ANY_SIGNATURE})\\}\\}\\}$`,
);
const DSSE = new RegExp(
  `^${START}dsse","spec":\\{"dsseV002":\\{"payloadHash":${DIGEST},"signatures":` +
    `\\[(${ANY_SIGNATURE}(?:,${ANY_SIGNATURE}){0,9})\\]\\}\\}\\}$`,
);

/** @typedef {{content: Uint8Array<ArrayBuffer>, details: string, der: Uint8Array<ArrayBuffer>, isCertificate: boolean}} RekorSignature */
/**
 * @typedef {object} RekorEntry
 * @property {"hashedrekord" | "dsse"} kind
 * @property {string} algorithm a key of `SHA2_BYTES`
 * @property {Uint8Array<ArrayBuffer>} digest what was signed; of kind dsse: the payload's SHA-256
 * @property {RekorSignature[]} signatures one; of kind dsse 1 to 10, ascending by their bytes
 */

/** Parse canonical bytes; all other bytes are refused. @param {Uint8Array} entry @returns {RekorEntry} */
export function parseRekor(entry) {
  const text = entry.length <= MAX_ENTRY_BYTES ? asciiOf(entry) : "";
  const hashed = HASHEDREKORD.exec(text);
  const match = hashed ?? DSSE.exec(text);
  if (match === null) {
    throw new FormatError(`an entry is a Rekor entry in canonical form: found ${show(text)}`);
  }
  const [, algorithm, encoded, list] = match;
  const digest = parseBase64("digest", encoded);
  if (SHA2_BYTES[algorithm] !== digest.length) throw new FormatError(`a digest of ${algorithm}`);
  const signatures = [...list.matchAll(new RegExp(SIGNATURE, "g"))].map(readSignature);
  /** @type {RekorEntry} */
  const found = { kind: hashed ? "hashedrekord" : "dsse", algorithm, digest, signatures };
  if (found.kind === "dsse") {
    if (algorithm !== "SHA2_256") throw new FormatError("a payload's hash is SHA2_256");
    // Hex compares as the bytes do.
    const contents = signatures.map((it) => encodeHex(it.content));
    if (contents.some((it, at) => at > 0 && contents[at - 1] > it)) {
      throw new FormatError("signatures are sorted by their bytes");
    }
  } else if (HASH_OF[signatures[0].details] !== algorithm) {
    throw new FormatError("the key signs another hash");
  }
  return found;
}

/** @param {RegExpExecArray} found @returns {RekorSignature} */
function readSignature([, content, details, member, der]) {
  if (!Object.hasOwn(HASH_OF, details)) {
    throw new FormatError(`keyDetails is one of those allowed: found ${show(details)}`);
  }
  return {
    content: parseBase64("content", content),
    details,
    der: parseBase64("rawBytes", der),
    isCertificate: member === "x509Certificate",
  };
}

// Keys that sign attestations and bundles: of a public key, or of a certificate.  A
// certificate gives its key and nothing else: nobody here says whose key that is.
// Source: sigstore architecture-docs, algorithm-registry; RFC 5480; RFC 8410; RFC 7468.

import { verifyEd25519, verifySpki } from "./crypto.js";
import {
  BIT_STRING,
  SEQUENCE,
  childrenOf,
  elementAt,
  rawEcdsa,
  spkiOfCertificate,
  whole,
} from "./der.js";
import { FormatError, SignatureError, TlogError, UncheckedError } from "./errors.js";
import { sha256 } from "./hashing.js";
import { encodeHex, parseBase64 } from "./lines.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

const CURVES = [
  {
    oid: "06082a8648ce3d030107",
    details: "PKIX_ECDSA_P256_SHA_256",
    name: "P-256",
    hash: "SHA-256",
    size: 32,
  },
  {
    oid: "06052b81040022",
    details: "PKIX_ECDSA_P384_SHA_384",
    name: "P-384",
    hash: "SHA-384",
    size: 48,
  },
  {
    oid: "06052b81040023",
    details: "PKIX_ECDSA_P521_SHA_512",
    name: "P-521",
    hash: "SHA-512",
    size: 66,
  },
];
const EC = "06072a8648ce3d0201";
const RSA = "06092a864886f70d010101";
const ED25519 = "06032b6570";
const MODULI = new Map(
  [2048, 3072, 4096].map((bits) => [bits, `PKIX_RSA_PKCS1V15_${bits}_SHA256`]),
);
const MAX_PEM_CHARS = 16_384;
const PEM = /^\s*-----BEGIN PUBLIC KEY-----\s([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/;

export class SignerKey {
  /** @param {Bytes} der its SPKI, or the certificate that it is in @param {boolean} isCertificate */
  constructor(der, isCertificate = false) {
    this.der = der;
    this.isCertificate = isCertificate;
    this.spki = isCertificate ? spkiOfCertificate(der) : der;
    const [algorithm, key] = childrenOf(this.spki, whole(this.spki), SEQUENCE);
    if (key?.tag !== BIT_STRING) throw new FormatError("a signer's key is a SubjectPublicKeyInfo");
    const named = encodeHex(this.spki.subarray(algorithm.value, algorithm.end));
    this.curve = CURVES.find((it) => named === EC + it.oid);
    this.isEd25519 = named === ED25519;
    const bits = named.startsWith(RSA) ? modulusBits(this.spki, key.value + 1) : 0;
    const details =
      this.curve?.details ?? MODULI.get(bits) ?? (this.isEd25519 ? "PKIX_ED25519_PH" : undefined);
    if (details === undefined) {
      throw new FormatError("a signer's key is Ed25519, ECDSA or RSA of a known size");
    }
    /** What a log calls this kind of key. */
    this.details = details;
    /** The digest by which records name the signer, in hex. */
    this.sha256 = encodeHex(sha256(der));
  }

  /** Parse the PEM of one public key. @param {string} pem */
  static ofPem(pem) {
    if (pem.includes("PRIVATE KEY")) {
      throw new FormatError("a private key stands where a public key must");
    }
    const match = pem.length > MAX_PEM_CHARS ? null : PEM.exec(pem);
    if (match === null) throw new FormatError("a signer's key is one PUBLIC KEY in PEM");
    return new SignerKey(parseBase64("a PEM", match[1].replace(/\s/g, "")));
  }

  /**
   * Prove that this key signed a message.  Ed25519 keys sign attestations as they are, and
   * Sigstore's bundles as Ed25519ph, which WebCrypto lacks.
   * @param {Bytes} message @param {Bytes} signature
   */
  async verify(message, signature) {
    if (!(await this.#holds(message, signature))) {
      throw new SignatureError("the signature is not of this key and of what is signed");
    }
  }

  /** @param {Bytes} message @param {Bytes} signature */
  async #holds(message, signature) {
    if (this.isEd25519) return verifyEd25519(this.spki.slice(-32), signature, message);
    if (this.curve === undefined) {
      const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
      return verifySpki({ algorithm, verify: algorithm }, this.spki, signature, message);
    }
    const { name, hash, size } = this.curve;
    const how = { algorithm: { name: "ECDSA", namedCurve: name }, verify: { name: "ECDSA", hash } };
    let raw = signature;
    try {
      raw = rawEcdsa(signature, size);
    } catch (error) {
      // r and s alone, as JOSE writes them, or no signature at all.
      if (!(error instanceof TlogError) || error instanceof UncheckedError) throw error;
      if (signature.length !== 2 * size) return false;
    }
    return verifySpki(how, this.spki, raw, message);
  }
}

/** @param {Bytes} spki @param {number} start of the key within the bit string */
function modulusBits(spki, start) {
  const [modulus] = childrenOf(spki, elementAt(spki, start), SEQUENCE);
  const digits = spki.subarray(modulus.value, modulus.end);
  const first = digits.findIndex((it) => it !== 0);
  return 8 * (digits.length - first) - Math.clz32(digits[first] ?? 0) + 24;
}

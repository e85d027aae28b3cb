// As much of DER as keys, certificates and ECDSA signatures need.  Source: X.690.

import { FormatError } from "./errors.js";

export const [INTEGER, BIT_STRING, OID, SEQUENCE] = [0x02, 0x03, 0x06, 0x30];

/** @typedef {{tag: number, start: number, value: number, end: number}} Element */

/** Return the element at a place. @param {Uint8Array} bytes @param {number} start @param {number} [end] @returns {Element} */
export function elementAt(bytes, start, end = bytes.length) {
  let [value, length] = [start + 2, bytes[start + 1]];
  if (length > 0x80 && length < 0x84) {
    const count = length - 0x80;
    length = 0;
    for (const byte of bytes.subarray(value, value + count)) length = 256 * length + byte;
    value += count;
    const isShortest = length >= 0x80 && length >= 256 ** (count - 1);
    if (!isShortest) throw new FormatError("DER has one length");
  }
  if (!(length < 0x80 || value > start + 2) || !(value + length <= end)) {
    throw new FormatError("DER ends within an element");
  }
  return { tag: bytes[start], start, value, end: value + length };
}

/** Return the elements within one. @param {Uint8Array} bytes @param {Element} parent @param {number} tag what the parent must be */
export function childrenOf(bytes, parent, tag) {
  if (parent.tag !== tag) throw new FormatError("DER has another element here");
  const found = [];
  for (let at = parent.value; at < parent.end; at = found[found.length - 1].end) {
    found.push(elementAt(bytes, at, parent.end));
  }
  return found;
}

/** Return the SubjectPublicKeyInfo of a certificate. @param {Uint8Array<ArrayBuffer>} der Source: RFC 5280, 4.1 */
export function spkiOfCertificate(der) {
  const [tbs] = childrenOf(der, whole(der), SEQUENCE);
  const fields = childrenOf(der, tbs, SEQUENCE);
  // Without a version, [0], the certificate is of version 1.
  const spki = fields[fields[0]?.tag === 0xa0 ? 6 : 5];
  if (spki === undefined) throw new FormatError("a certificate has a public key");
  return der.slice(spki.start, spki.end);
}

/**
 * Return r and s side by side, each of `size` bytes, as WebCrypto takes them.
 * @param {Uint8Array<ArrayBuffer>} der @param {number} size
 */
export function rawEcdsa(der, size) {
  const numbers = childrenOf(der, whole(der), SEQUENCE);
  const raw = new Uint8Array(2 * size);
  if (numbers.length !== 2) throw new FormatError("an ECDSA signature is two numbers");
  numbers.forEach((it, nth) => {
    let digits = der.subarray(it.value, it.end);
    const isPadded = digits[0] === 0 && digits.length > 1;
    if (
      it.tag !== INTEGER ||
      digits.length === 0 ||
      digits[0] > 0x7f ||
      (isPadded && digits[1] < 0x80)
    ) {
      throw new FormatError("an ECDSA signature is two numbers in DER");
    }
    if (isPadded) digits = digits.subarray(1);
    if (digits.length > size) throw new FormatError("an ECDSA signature is of the curve");
    raw.set(digits, (nth + 1) * size - digits.length);
  });
  return raw;
}

/** @param {Uint8Array} der */
export function whole(der) {
  const element = elementAt(der, 0);
  if (element.end !== der.length) throw new FormatError("bytes stand behind the DER");
  return element;
}

// Entry bundles: (uint16 big-endian length || entry)*.  Source: C2SP tlog-tiles.

import { FormatError } from "./errors.js";

export const MAX_ENTRY_BYTES = 65_535;
export const MAX_BUNDLE_BYTES = 256 * (2 + MAX_ENTRY_BYTES);

/**
 * Return the entries that a bundle holds, and nothing besides.
 * @param {Uint8Array<ArrayBuffer>} bundle @param {number} width
 * @returns {Uint8Array<ArrayBuffer>[]}
 */
export function parseBundle(bundle, width) {
  const entries = [];
  let at = 0;
  for (let nth = 0; nth < width; nth += 1) {
    const start = at + 2;
    at = start + 256 * bundle[at] + bundle[at + 1];
    if (!(at <= bundle.length)) {
      throw new FormatError(`the bundle ends within entry ${nth}`);
    }
    entries.push(bundle.subarray(start, at));
  }
  if (at !== bundle.length) throw new FormatError(`bytes stand behind the last entry, at ${at}`);
  return entries;
}

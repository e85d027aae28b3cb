// The long work: hashing files in pieces, and recomputing a tree from its tiles.

import { auditTree } from "./audit.js";
import { askForTiles } from "./fetching.js";
import { TlogError } from "./verify/errors.js";
import { newHashers } from "./verify/hashing.js";
import { encodeHex } from "./verify/lines.js";

askForTiles("no-store");

self.addEventListener("message", async ({ data }) => {
  try {
    const value = data.file ? await hashFile(data.file) : await auditTree(data.audit, tell);
    self.postMessage({ value });
  } catch (error) {
    if (!(error instanceof TlogError) && !(error instanceof DOMException)) throw error;
    self.postMessage({ error: error.message });
  }
});

/** Return a file's digests in hex. @param {File} file */
async function hashFile(file) {
  const hashers = newHashers();
  let done = 0;
  const reader = file.stream().getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    for (const hasher of Object.values(hashers)) hasher.update(piece.value);
    done += piece.value.length;
    tell(done, file.size);
  }
  const digests = Object.entries(hashers).map(([name, it]) => [name, encodeHex(it.digest())]);
  return Object.fromEntries(digests);
}

let told = 0;

/** Tell how far the work is, at most ten times a second. @param {number} done @param {number} all */
function tell(done, all) {
  const now = Date.now();
  if (now - told < 100 && done < all) return;
  told = now;
  self.postMessage({ done, all });
}

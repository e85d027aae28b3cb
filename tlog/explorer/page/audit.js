// An audit: every entry is read and hashed, and the tree of all must have the head's root.
// Memory holds some bundles, one hash for each bundle, and the hits.

import { readTile } from "./tree.js";
import { MAX_BUNDLE_BYTES, parseBundle } from "./verify/bundles.js";
import { VerificationError } from "./verify/errors.js";
import { HASH_SIZE, hashLevel, leafHash } from "./verify/hashing.js";
import { encodeBase64, parseHex, sameBytes } from "./verify/lines.js";
import { asciiOf } from "./verify/record.js";
import { TILE_WIDTH, tilePath } from "./verify/tiles.js";

/** @typedef {{base: string, size: number, root: Uint8Array, sought: string | undefined}} AuditTask
 *  sought: a digest as `sha256:HEX`, which entries may name */
/** @typedef {Uint8Array<ArrayBuffer>} Hash */

const AT_ONCE = 8;
const MOST_HITS = 10_000;

/**
 * Recompute a tree; a VerificationError names the first tile that is not of it.  Return
 * the indexes of the entries that name what is sought.
 * @param {AuditTask} task @param {(done: number, all: number) => void} tell
 */
export async function auditTree({ base, size, root, sought }, tell) {
  const names = spellings(sought);
  /** @type {number[]} */ const hits = [];
  /** @type {Hash[]} */ let level = [];
  const count = Math.ceil(size / TILE_WIDTH);
  /** @type {ReturnType<typeof readPlace>[]} */ const ahead = [];
  for (let nth = 0; nth < count; nth += 1) {
    while (ahead.length < AT_ONCE && nth + ahead.length < count) {
      const next = readPlace(base, size, nth + ahead.length);
      // What fails is told when its turn comes.
      next.catch(() => undefined);
      ahead.push(next);
    }
    const { entries, tile } = await /** @type {ReturnType<typeof readPlace>} */ (ahead.shift());
    const leaves = entries.map(leafHash);
    requireTile(tile, leaves, 0, nth, size);
    entries.forEach((entry, at) => {
      if (names.length && hits.length < MOST_HITS && isNamed(entry, names))
        hits.push(nth * TILE_WIDTH + at);
    });
    level.push(rootOf(leaves));
    tell(Math.min((nth + 1) * TILE_WIDTH, size), size);
  }
  level = await upperTiles(base, size, level);
  if (size > 0 && !sameBytes(level[0], root)) {
    throw new VerificationError("the tree of all entries does not have the head's root");
  }
  return { hits, size };
}

/**
 * Hold the tiles above the leaves to what was computed, and return the root.
 * @param {string} base @param {number} size @param {Hash[]} bundleRoots
 */
async function upperTiles(base, size, bundleRoots) {
  let nodes = bundleRoots;
  for (let tileLevel = 1; nodes.length > 1; tileLevel += 1) {
    // The last node is of an incomplete subtree, and stands in no tile yet.
    const full = Math.floor(size / TILE_WIDTH ** tileLevel);
    /** @type {Hash[]} */ const above = [];
    for (let start = 0; start < nodes.length; start += TILE_WIDTH) {
      const part = nodes.slice(start, Math.min(start + TILE_WIDTH, full));
      if (part.length > 0) {
        const place = { level: tileLevel, index: start / TILE_WIDTH, width: part.length };
        const tile = await readTile(base, place, TILE_WIDTH * HASH_SIZE);
        requireTile(tile, part, tileLevel, place.index, size);
      }
      above.push(rootOf(nodes.slice(start, start + TILE_WIDTH)));
    }
    nodes = above;
  }
  return nodes;
}

/** @param {string} base @param {number} size @param {number} nth */
async function readPlace(base, size, nth) {
  const width = Math.min(TILE_WIDTH, size - nth * TILE_WIDTH);
  const [bundle, tile] = await Promise.all([
    readTile(base, { level: "entries", index: nth, width }, MAX_BUNDLE_BYTES),
    readTile(base, { level: 0, index: nth, width }, TILE_WIDTH * HASH_SIZE),
  ]);
  return { entries: parseBundle(bundle, width), tile };
}

/** @param {Hash} tile @param {Hash[]} hashes @param {number} level @param {number} index @param {number} size */
function requireTile(tile, hashes, level, index, size) {
  const wrong = hashes.findIndex((it, at) =>
    it.some((byte, nth) => byte !== tile[at * HASH_SIZE + nth]),
  );
  if (wrong < 0 && tile.length === hashes.length * HASH_SIZE) return;
  const path = tilePath({ level, index, width: hashes.length });
  const first = (index * TILE_WIDTH + Math.max(wrong, 0)) * TILE_WIDTH ** level;
  throw new VerificationError(
    `${path} is not of the entries: it differs from entry ${first} on, of ${size}`,
  );
}

/** @param {Hash[]} hashes @returns {Hash} */
function rootOf(hashes) {
  let level = hashes;
  while (level.length > 1) level = hashLevel(level);
  return level[0];
}

/** Return how a digest is spelled in entries: as hex, and as base64. @param {string | undefined} sought */
function spellings(sought) {
  const [, digits] = /^sha(?:256|384|512):([0-9a-f]+)$/.exec(sought ?? "") ?? [];
  return digits ? [`"${digits}"`, `"${encodeBase64(parseHex("a digest", digits))}"`] : [];
}

/** @param {Hash} entry @param {string[]} names */
function isNamed(entry, names) {
  const text = asciiOf(entry);
  return names.some((it) => text.includes(it));
}

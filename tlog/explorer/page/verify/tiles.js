// Tiles: the shape in which a log is stored and served.
//
//     tile/<L>/<N>[.p/<W>]         level L, index N, W hashes (256 without .p)
//     tile/entries/<N>[.p/<W>]     the entry bundle beside the level-0 tile N
//
// Source: C2SP tlog-tiles.

export const TILE_WIDTH = 256;

/** @typedef {{level: number | "entries", index: number, width: number}} Tile */

/** Return a tile's path: 1234067 is x001/x234/067. @param {Tile} tile */
export function tilePath(tile) {
  let rest = tile.index;
  const groups = [String(rest % 1000).padStart(3, "0")];
  while (rest >= 1000) {
    rest = Math.floor(rest / 1000);
    groups.unshift(`x${String(rest % 1000).padStart(3, "0")}`);
  }
  const suffix = tile.width === TILE_WIDTH ? "" : `.p/${tile.width}`;
  return `tile/${tile.level}/${groups.join("/")}${suffix}`;
}

/**
 * Return the tile that holds the nth hash of a tile level (8 levels of the tree), in a
 * log of `size` leaves.
 * @param {number} level @param {number} nth @param {number} size @returns {Tile}
 */
export function tileOf(level, nth, size) {
  const index = Math.floor(nth / TILE_WIDTH);
  const hashes = Math.floor(size / TILE_WIDTH ** level);
  return { level, index, width: Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH) };
}

/** Return the bundle that holds an entry. @param {number} index @param {number} size @returns {Tile} */
export function bundleOf(index, size) {
  return { ...tileOf(0, index, size), level: "entries" };
}

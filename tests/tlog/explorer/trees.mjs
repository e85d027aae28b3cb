// Reads trees from tiles in memory, as the page reads them from a server: the paths must be
// the oracle's, and no flipped byte of a tile may be taken for another leaf.

/** Return what the modules below a URL make of trees, paths and flipped bytes. */
export async function readTrees(url, { entries, proofs, flips }) {
  const [{ TileTree }, { auditTree }, merkle, lines, errors, { leafHash, hashLevel }] =
    await Promise.all(
      ["tree", "audit", "verify/merkle", "verify/lines", "verify/errors", "verify/hashing"].map(
        (it) => import(new URL(`${it}.js`, url).href),
      ),
    );
  const bytesOf = entries.map((it) => lines.parseBase64("an entry", it));
  const leaves = bytesOf.map(leafHash);

  /** What a server of one size holds, by path. */
  function tilesOf(size) {
    const tiles = new Map();
    const name = (level, at, width) =>
      `tile/${level}/${String(at).padStart(3, "0")}${width < 256 ? `.p/${width}` : ""}`;
    for (let at = 0; at < size; at += 256) {
      const some = bytesOf.slice(at, Math.min(at + 256, size));
      const parts = some.flatMap((it) => [Uint8Array.of(it.length >> 8, it.length & 255), it]);
      tiles.set(name("entries", at / 256, some.length), lines.joinBytes(...parts));
    }
    let hashes = leaves.slice(0, size);
    for (let level = 0; hashes.length > 0; level += 1) {
      const above = [];
      for (let at = 0; at < hashes.length; at += 256) {
        let some = hashes.slice(at, at + 256);
        tiles.set(name(level, at / 256, some.length), lines.joinBytes(...some));
        if (some.length < 256) continue;
        while (some.length > 1) some = hashLevel(some);
        above.push(some[0]);
      }
      hashes = above;
    }
    return tiles;
  }

  let served = new Map();
  globalThis.fetch = async (url) => {
    const body = served.get(url.replace("memory:/", ""));
    return new Response(body ?? "", { status: body ? 200 : 404 });
  };

  const wrong = [];
  let [compared, refused, harmless] = [0, 0, 0];
  let last = 0;
  for (const { size, index, old, path, root } of proofs) {
    if (size !== last) served = tilesOf(size);
    last = size;
    const tree = new TileTree("memory:/", size);
    const found =
      old === undefined ? await tree.inclusionPath(index) : await tree.consistencyPath(old);
    const same = JSON.stringify(found.map(lines.encodeBase64)) === JSON.stringify(path);
    if (!same || lines.encodeBase64(await tree.root()) !== root) wrong.push({ size, index, old });
    compared += 1;
  }

  async function isRefused(check) {
    try {
      await check();
      return false;
    } catch (error) {
      if (!(error instanceof errors.TlogError)) throw error;
      return true;
    }
  }

  for (const { size, index, step } of flips) {
    served = tilesOf(size);
    const root = await new TileTree("memory:/", size).root();
    const audit = () =>
      auditTree({ base: "memory:/", size, root, sought: undefined }, () => undefined);
    const prove = async () => {
      const tree = new TileTree("memory:/", size);
      const entry = await tree.entry(index);
      merkle.verifyInclusion(index, size, leafHash(entry), await tree.inclusionPath(index), root);
      // What is proven is the entry that was logged, whatever was changed elsewhere.
      if (!lines.sameBytes(entry, bytesOf[index])) wrong.push({ size, index, accepted: true });
    };
    if ((await isRefused(audit)) || (await isRefused(prove))) wrong.push({ size, unchanged: true });
    for (const [path, bytes] of served) {
      for (let at = 0; at < bytes.length; at += step) {
        bytes[at] ^= 1;
        if (!(await isRefused(audit))) wrong.push({ size, path, at });
        if (await isRefused(prove)) refused += 1;
        else harmless += 1;
        bytes[at] ^= 1;
      }
    }
  }
  return { wrong, compared, refused, harmless };
}

if (globalThis.process?.argv[2]) {
  const [, , page, file] = process.argv;
  const { readFileSync } = await import("node:fs");
  const { pathToFileURL } = await import("node:url");
  const found = await readTrees(pathToFileURL(`${page}/`), JSON.parse(readFileSync(file)));
  console.log(JSON.stringify(found));
}

// Judges vectors by the page's own modules: each verdict is a name of `errors.js`, or what
// was accepted, as `vectors.py` tells it of `tlogverify`.  Runs under Node and in a browser.

const FIELDS = {
  inclusion: ({ merkle }, it, hash) =>
    merkle.verifyInclusion(it.index, it.size, hash(it.leaf), it.path.map(hash), hash(it.root)),
  consistency: ({ merkle }, it, hash) =>
    merkle.verifyConsistency(
      it.old,
      it.new,
      it.path.map(hash),
      hash(it.old_root),
      hash(it.new_root),
    ),
};

const BYTES = {
  policy: async ({ policy }, bytes) => {
    const found = policy.Policy.parse(bytes);
    return [found.logs.length, found.witnesses.length, found.groups.length];
  },
  note: async ({ policy }, bytes, text) => {
    const opened = await text("policy", policy.Policy.parse).openCheckpoint(bytes);
    if (opened.unchecked.length > 0) return "unchecked";
    return [
      opened.checkpoint.origin,
      opened.checkpoint.size,
      opened.witnesses.map((it) => it.time),
    ];
  },
  proof: async ({ policy, proof, hashing, merkle }, bytes, text) => {
    const found = proof.parseProof(bytes);
    if (found.extra === null) return ["no extra"];
    const trusted = text("policy", policy.Policy.parse);
    const { checkpoint } = await trusted.openCheckpoint(found.note);
    const leaf = hashing.leafHash(found.extra);
    merkle.verifyInclusion(found.index, checkpoint.size, leaf, found.path, checkpoint.root);
    return [found.index, checkpoint.size];
  },
  entry: async ({ kinds }, bytes) => {
    const found = kinds.parseEntry(bytes);
    return [found.kind, kinds.namedDigests(found).toSorted()];
  },
  evidence: async ({ policy, evidence }, bytes, text) => {
    await evidence.verifyEvidence(
      evidence.parseEvidence(bytes),
      text("policy", policy.Policy.parse),
    );
    return [];
  },
  bundle: async ({ bundles }, bytes) => bundles.parseBundle(bytes, 3).map((it) => it.length),
  sigstore: async (modules, bytes, text, it) => {
    const { sigstore, policy, signers, hashing } = modules;
    const found = sigstore.parseBundleFile(bytes);
    const ofPem = (pem) => signers.SignerKey.ofPem(new TextDecoder().decode(pem));
    const keys = it.key !== undefined ? [text("key", ofPem)] : [];
    const artifact = text("artifact");
    const hex = (of) => {
      const digests = {};
      for (const [name, hasher] of Object.entries(hashing.newHashers())) {
        digests[name] = modules.lines.encodeHex(hasher.update(of).digest());
      }
      return digests;
    };
    const signed = await sigstore.openSigned(
      found,
      { digests: hex(artifact), read: async () => artifact },
      keys,
    );
    const trusted = text("policy", policy.Policy.parse);
    if (found.entries.length === 0) throw new modules.errors.VerificationError("no entry");
    for (const entry of found.entries) {
      await sigstore.openLogged(entry, trusted);
      sigstore.requireBound(entry, found, signed, hex(signed.message));
    }
    return [found.entries[0].index];
  },
};

/** Load the modules below a URL. */
export async function load(url) {
  const names = {
    policy: "policy",
    proof: "proof",
    hashing: "hashing",
    merkle: "merkle",
    kinds: "kinds",
    evidence: "evidence",
    bundles: "bundles",
    errors: "errors",
    sigstore: "sigstore",
    signers: "signers",
    lines: "lines",
  };
  const modules = {};
  for (const [name, file] of Object.entries(names)) {
    modules[name] = await import(new URL(`verify/${file}.js`, url).href);
  }
  return modules;
}

/** Return one verdict for each vector. */
export async function judge(modules, { hashes, bases, vectors }) {
  const bytesOf = (text) => modules.lines.parseBase64("a vector", text);
  const table = hashes.map(bytesOf);
  const documents = bases.map(bytesOf);
  // What only stands beside the judged document is not read again for each of its bytes.
  const known = new Map();
  const readOnce = (place, read) => {
    if (read === undefined) return documents[place];
    if (!known.has(place)) known.set(place, read(documents[place]));
    return known.get(place);
  };
  const verdicts = [];
  for (const it of vectors) {
    try {
      if (it.kind in FIELDS) {
        FIELDS[it.kind](modules, it, (nth) => table[nth]);
        verdicts.push([]);
        continue;
      }
      const bytes = documents[it.base].slice();
      if (it.xor) bytes[it.at] ^= it.xor;
      const text = (name, read) => readOnce(it[name], read);
      verdicts.push(await BYTES[it.kind](modules, bytes, text, it));
    } catch (error) {
      if (!(error instanceof modules.errors.TlogError)) throw error;
      verdicts.push(
        error instanceof modules.errors.UncheckedError ? "unchecked" : error.constructor.name,
      );
    }
  }
  return verdicts;
}

if (globalThis.process?.argv[2]) {
  const [, , page, file, lacking] = process.argv;
  const { readFileSync } = await import("node:fs");
  const { pathToFileURL } = await import("node:url");
  const known = crypto.subtle.importKey.bind(crypto.subtle);
  crypto.subtle.importKey = async (format, key, algorithm, ...more) => {
    if (algorithm.name === lacking) throw new DOMException("", "NotSupportedError");
    return known(format, key, algorithm, ...more);
  };
  const modules = await load(pathToFileURL(`${page}/`));
  console.log(JSON.stringify(await judge(modules, JSON.parse(readFileSync(file)))));
}

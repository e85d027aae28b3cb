// A released JavaScript verifier, unmodified: verifies a bundle that a key signed.
//
//   node keyed.cjs TRUSTED_ROOT KEY BUNDLE [FILE]
//
// KEY is a PEM; FILE is what was signed, if it is no envelope.

const fs = require('fs');
const { createPublicKey } = require('crypto');
const { bundleFromJSON } = require('@sigstore/bundle');
const { TrustedRoot } = require('@sigstore/protobuf-specs');
const { toSignedEntity, toTrustMaterial, Verifier } = require('@sigstore/verify');

const [root, key, bundleFile, file] = process.argv.slice(2);

try {
  const publicKey = createPublicKey(fs.readFileSync(key));
  const bundle = bundleFromJSON(JSON.parse(fs.readFileSync(bundleFile)));
  const trust = toTrustMaterial(
    TrustedRoot.fromJSON(JSON.parse(fs.readFileSync(root))),
    () => ({ publicKey, validFor: () => true }),
  );
  const thresholds = { ctlogThreshold: 0, timestampThreshold: 0, tlogThreshold: 1 };
  const data = file === undefined ? undefined : fs.readFileSync(file);
  new Verifier(trust, thresholds).verify(toSignedEntity(bundle, data));
} catch (error) {
  console.error(`${error.code}: ${error.message}`);
  process.exit(1);
}

// A released JavaScript client, unmodified: signs a file or a statement, or verifies.
//
//   node client.cjs sign|attest|verify TRUST FILE BUNDLE
//
// TRUST is a client_trust_config.json; the identity token is in SIGSTORE_IDENTITY_TOKEN.

const fs = require('fs');
const { DSSEBundleBuilder, FulcioSigner, MessageSignatureBundleBuilder, RekorWitness, TSAWitness } = require('@sigstore/sign');
const { bundleFromJSON, bundleToJSON } = require('@sigstore/bundle');
const { TrustedRoot } = require('@sigstore/protobuf-specs');
const { toSignedEntity, toTrustMaterial, Verifier } = require('@sigstore/verify');

const [verb, trust, file, out] = process.argv.slice(2);
const { trustedRoot, signingConfig } = JSON.parse(fs.readFileSync(trust));
const data = fs.readFileSync(file);

function tool(Builder) {
  const getToken = async () => process.env.SIGSTORE_IDENTITY_TOKEN;
  const [fulcio] = signingConfig.caUrls;
  const [tsa] = signingConfig.tsaUrls;
  const [rekor] = signingConfig.rekorTlogUrls;
  return new Builder({
    signer: new FulcioSigner({ fulcioBaseURL: fulcio.url, identityProvider: { getToken } }),
    witnesses: [
      new TSAWitness({ tsaBaseURL: tsa.url }),
      new RekorWitness({ rekorBaseURL: rekor.url, majorApiVersion: rekor.majorApiVersion }),
    ],
  });
}

async function main() {
  if (verb === 'verify') {
    const bundle = bundleFromJSON(JSON.parse(fs.readFileSync(out)));
    const thresholds = { ctlogThreshold: 1, timestampThreshold: 1, tlogThreshold: 1 };
    const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(trustedRoot)), thresholds);
    verifier.verify(toSignedEntity(bundle, bundle.content.$case === 'messageSignature' ? data : undefined));
    return;
  }
  const bundle = verb === 'sign'
    ? await tool(MessageSignatureBundleBuilder).create({ data })
    : await tool(DSSEBundleBuilder).create({ data, type: 'application/vnd.in-toto+json' });
  fs.writeFileSync(out, JSON.stringify(bundleToJSON(bundle)));
}

main().catch((error) => {
  console.error(`${error.code}: ${error.message}`);
  process.exit(1);
});

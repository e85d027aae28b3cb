// What is used of the vendored file, for `tsc --checkJs`.
interface Hasher {
  update(bytes: Uint8Array): Hasher;
  digest(): Uint8Array;
  digestInto(digest: Uint8Array): void;
  _cloneInto(to: Hasher): Hasher;
}
interface Hash {
  (bytes: Uint8Array): Uint8Array;
  create(): Hasher;
}
export const sha256: Hash;
export const sha384: Hash;
export const sha512: Hash;

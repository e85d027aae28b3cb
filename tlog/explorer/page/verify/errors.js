// What can go wrong, split as in `tlogverify.errors`, and one more: what a browser
// cannot check.  Whatever bytes go into these modules, only these come out.

/** The root of every error that these modules raise on purpose. */
export class TlogError extends Error {}

/** Bytes that break a format: the sender must act. */
export class FormatError extends TlogError {}

/** Well-formed, but not proven: do not trust. */
export class VerificationError extends TlogError {}

/** No trusted key signed, or a trusted key's signature is wrong. */
export class SignatureError extends VerificationError {}

/** A Merkle proof does not lead to the expected root. */
export class ProofError extends VerificationError {}

/** Fewer witnesses signed than the policy asks for. */
export class QuorumError extends VerificationError {}

/** Neither proven nor refuted, because this browser cannot check it. */
export class UncheckedError extends TlogError {}

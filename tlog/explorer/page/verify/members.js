// Members of the JSON that Sigstore's bundles are made of: lowerCamelCase names, standard
// base64, 64-bit integers as strings.  A member of another name is refused, because it
// could say what nobody here would judge.
// Source: protobuf.dev, "ProtoJSON Format"; `tlogverify.sigstore.members`.

import { FormatError } from "./errors.js";
import { arrayMember, asObject, optionalText } from "./json.js";
import { parseBase64, parseDecimal, show } from "./lines.js";

/** @typedef {import("./json.js").Members} Members */

/** @param {string} rule @param {Members} members @param {string[]} names */
export function requireKnown(rule, members, names) {
  for (const name of Object.keys(members)) {
    if (!names.includes(name)) {
      throw new FormatError(`${rule} has no member of this name: found ${show(name)}`);
    }
  }
  return members;
}

/** Return a member that is an object; undefined if it is unset.
 * @param {string} rule @param {Members} members @param {string} name @param {string[]} names */
export function message(rule, members, name, names) {
  const found = members[name] ?? undefined;
  if (found === undefined) return undefined;
  return requireKnown(`${rule}.${name}`, asObject(`${rule}: ${name}`, found), names);
}

/** @param {string} rule @param {Members} members @param {string} name @param {string[]} names */
export function requiredMessage(rule, members, name, names) {
  const found = message(rule, members, name, names);
  if (found === undefined) throw new FormatError(`${rule} has ${name}, an object`);
  return found;
}

/** @param {string} rule @param {Members} members @param {string} name @param {string[]} names @param {number} most */
export function messages(rule, members, name, names, most) {
  if ((members[name] ?? undefined) === undefined) return [];
  return arrayMember(rule, members, name, most).map((it) =>
    requireKnown(`${rule}.${name}`, it, names),
  );
}

/** Return 1 to `most` bytes, which must stand there in base64.
 * @param {string} rule @param {Members} members @param {string} name @param {number} most */
export function someBytes(rule, members, name, most) {
  const text = optionalText(rule, members, name);
  if (text.length === 0 || text.length > 4 * (Math.floor(most / 3) + 1)) {
    throw new FormatError(`${rule}.${name} is 1 to ${most} bytes in base64`);
  }
  return parseBase64(`${rule}.${name}`, text);
}

/** Return an integer that is written as a string; 0 if unset.
 * @param {string} rule @param {Members} members @param {string} name */
export function number(rule, members, name) {
  const text = optionalText(rule, members, name);
  return text === "" ? 0 : parseDecimal(`${rule}.${name}`, text);
}

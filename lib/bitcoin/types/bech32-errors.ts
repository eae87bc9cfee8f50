/**
 * Where text that was to be Bech32 or Bech32m is wrong: at most two characters are found that may have been mistyped.
 *
 * The checksum is linear: each wrong character changes the remainder by a value of its place and of its difference, and
 * two change it by both. So all single changes are worked out, and the remainder is looked up among them and their pairs.
 *
 * @see BIP173, BIP350; Bitcoin Core `bech32.cpp` LocateErrors, whose words these are
 * @module
 */

/** What is wrong, and the places in the text, from 0, where it is. */
export interface Bech32Fault {
  readonly error: string;
  readonly locations: readonly number[];
}

const CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHARS_MAX = 90;
const CHECKSUM_CHARS = 6;
/** What the checksum of a valid text comes to, and its name. */
const VARIANTS = [["Bech32", 1], ["Bech32m", 0x2bc830a3]] as const;
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3] as const;

/** The remainder after one more value of five bits. */
function step(remainder: number, value: number): number {
  const top = remainder >>> 25;
  let next = ((remainder & 0x1ffffff) << 5) ^ value;
  for (let i = 0; i < GENERATOR.length; i++) if ((top >>> i) & 1) next ^= GENERATOR[i]!;
  return next >>> 0;
}

/** Looks for the faults of text. The error is empty for text whose checksum is right. */
export function locateBech32Errors(text: string): Bech32Fault {
  if (text.length > CHARS_MAX) {
    const locations = Array.from({ length: text.length - CHARS_MAX }, (_, i) => CHARS_MAX + i);
    return { error: "Bech32 string too long", locations };
  }
  const odd = oddCharacters(text);
  if (odd.length > 0) return { error: "Invalid character or mixed case", locations: odd };
  const separator = text.lastIndexOf("1");
  if (separator < 0) return { error: "Missing separator", locations: [] };
  if (separator === 0 || separator + CHECKSUM_CHARS >= text.length) {
    return { error: "Invalid separator position", locations: [separator] };
  }
  const lower = text.toLowerCase();
  const values: number[] = [];
  for (let i = separator + 1; i < text.length; i++) {
    const value = CHARSET.indexOf(lower[i]!);
    if (value < 0) return { error: "Invalid Base 32 character", locations: [i] };
    values.push(value);
  }
  return locate(lower.slice(0, separator), values, separator + 1);
}

/** Characters outside of printable ASCII, and those of the second case where both are used. */
function oddCharacters(text: string): number[] {
  const odd: number[] = [];
  let hasLower = false;
  let hasUpper = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char >= "a" && char <= "z") {
      if (hasUpper) odd.push(i);
      else hasLower = true;
    } else if (char >= "A" && char <= "Z") {
      if (hasLower) odd.push(i);
      else hasUpper = true;
    } else if (char < "!" || char > "~") odd.push(i);
  }
  return odd;
}

function locate(prefix: string, values: readonly number[], start: number): Bech32Fault {
  const head = [...prefix].map((char) => char.charCodeAt(0));
  let whole = 1;
  for (const value of [...head.map((code) => code >>> 5), 0, ...head.map((code) => code & 31), ...values]) {
    whole = step(whole, value);
  }
  const changes = singleChanges(values.length);
  let error = "Invalid checksum";
  let locations: readonly number[] = [];
  for (const [name, constant] of VARIANTS) {
    const residue = (whole ^ constant) >>> 0;
    if (residue === 0) return { error: "", locations: [] };
    const places = placesOf(residue, changes);
    if (places.length === 0 || (locations.length > 0 && places.length >= locations.length)) continue;
    locations = places.map((place) => start + place);
    error = `Invalid ${name} checksum`;
  }
  return { error, locations };
}

/** What each single change does to the remainder, with its place. */
function singleChanges(length: number): ReadonlyMap<number, number> {
  const changes = new Map<number, number>();
  for (let place = 0; place < length; place++) {
    for (let value = 1; value < 32; value++) {
      let remainder = value;
      for (let i = place + 1; i < length; i++) remainder = step(remainder, 0);
      changes.set(remainder, place);
    }
  }
  return changes;
}

/** One place, or two in their order, that explain a remainder; none when there are none. */
function placesOf(residue: number, changes: ReadonlyMap<number, number>): readonly number[] {
  const single = changes.get(residue);
  if (single !== undefined) return [single];
  for (const [remainder, place] of changes) {
    const other = changes.get((residue ^ remainder) >>> 0);
    if (other !== undefined && other !== place) return [place, other].sort((a, b) => a - b);
  }
  return [];
}

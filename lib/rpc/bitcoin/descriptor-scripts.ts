/**
 * Descriptors as text, and the scripts that they stand for. Trees of taproot and miniscript are not known here.
 *
 * @see BIP380, BIP381, BIP382, BIP383, BIP384, BIP385, BIP386; Bitcoin Core `script/descriptor.cpp` (ParseScript)
 * @module
 */
import { fromHex, toHex } from "../../codec/hex.ts";
import { hash160 } from "../../bitcoin/hash.ts";
import {
  addressToScript,
  joinScript,
  Op,
  type PaymentAddressPrefixes,
  payToPublicKeyHash,
  payToWitness,
  pushData,
  scriptNumber,
  scriptToAddress,
  wrapInScriptHash,
  wrapInWitnessScriptHash,
} from "../../bitcoin/types/mod.ts";
import { isHex } from "./arguments.ts";
import { descriptorChecksum, inferDescriptor } from "./descriptor.ts";
import { invalidParameter } from "./error.ts";
import { descriptorFault, type DescriptorKey, DescriptorKeys, taprootOutputKey } from "./descriptor-keys.ts";

/** A script, and the descriptor that Core shows for it. */
export interface DescribedScript {
  readonly script: Uint8Array;
  readonly descriptor: string;
}

const KEYS_MAX = 20;
const BARE_KEYS_MAX = 3;
const P2SH_SCRIPT_BYTES_MAX = 520;
const DESCRIPTOR_CHARS_MAX = 10_000;

/** What is around an expression. */
type Within = "top" | "sh" | "wsh";
/** A script as a function makes it, described without a checksum. */
type Made = { readonly script: Uint8Array; readonly text: string };

/** A descriptor that was read. */
export class Descriptor {
  /** Whether it stands for other scripts for each number: a key of it ends in `*`. */
  readonly isRange: boolean;
  readonly #text: string;
  readonly #prefixes: PaymentAddressPrefixes;
  readonly #expression: Expression;

  /** Throws −5, in Core's words, for a checksum that is wrong. */
  constructor(descriptor: string, prefixes: PaymentAddressPrefixes) {
    if (descriptor.length > DESCRIPTOR_CHARS_MAX) throw descriptorFault("the descriptor is too long");
    this.#text = withoutChecksum(descriptor);
    this.#prefixes = prefixes;
    this.#expression = new Expression(prefixes);
    this.isRange = /\/\*['h]?(?=[,)])/.test(this.#text);
  }

  /** The scripts that it stands for with a number for `*`, each once. Throws −5 in Core's words. */
  scripts(index = 0): readonly DescribedScript[] {
    this.#expression.keys.index = index;
    return this.#expression.parse(this.#text, "top").map(({ script, text }) => ({
      script,
      descriptor: text === "" ? inferDescriptor(script, scriptToAddress(script, this.#prefixes)) : checked(text),
    }));
  }
}

const checked = (text: string) => `${text}#${descriptorChecksum(text)}`;

/** A descriptor without its checksum, which has to be right where there is one. */
function withoutChecksum(descriptor: string): string {
  const [text = "", given, more] = descriptor.split("#");
  if (more !== undefined) throw descriptorFault("Multiple '#' symbols");
  if (given !== undefined && given.length !== 8) {
    throw descriptorFault(`Expected 8 character checksum, not ${given.length} characters`);
  }
  const sum = descriptorChecksum(text);
  if (sum === undefined) throw descriptorFault("Invalid characters in payload");
  if (given !== undefined && given !== sum) {
    throw descriptorFault(`Provided checksum '${given}' does not match computed checksum '${sum}'`);
  }
  return text;
}

/**
 * The one script that a coinbase pays for a descriptor: of `combo()` the witness program where there is one, else the hash of the key.
 * Throws −5 for what is no descriptor, −8 for one with a range.
 * @see Bitcoin Core `rpc/mining.cpp` (getScriptFromDescriptor)
 */
export function coinbaseScript(text: string, prefixes: PaymentAddressPrefixes): Uint8Array {
  const descriptor = new Descriptor(text, prefixes);
  if (descriptor.isRange) {
    throw invalidParameter("Ranged descriptor not accepted. Maybe pass through deriveaddresses first?");
  }
  const [only, hash, witness] = descriptor.scripts();
  return (witness ?? hash ?? only)!.script;
}

/** Reads expressions. */
class Expression {
  readonly keys: DescriptorKeys;
  readonly #prefixes: PaymentAddressPrefixes;

  constructor(prefixes: PaymentAddressPrefixes) {
    this.#prefixes = prefixes;
    this.keys = new DescriptorKeys(prefixes);
  }

  parse(text: string, within: Within): readonly Made[] {
    const [, name = "", inner = ""] = /^([a-z]+)\((.*)\)$/s.exec(text) ?? [];
    switch (name) {
      case "pk":
        return [payToKey(this.#key(inner, "pk", within))];
      case "pkh":
        return [payToKeyHash(this.#key(inner, "pkh", within))];
      case "combo":
        if (within !== "top") throw descriptorFault("Can only have combo() at top level");
        return allOf(this.#key(inner, "combo", within));
      case "multi":
      case "sortedmulti":
        return [this.#multi(inner, name, within)];
      case "wpkh":
        if (within === "wsh") throw descriptorFault("Can only have wpkh() at top level or inside sh()");
        return [payToWitnessKeyHash(this.keys.parse(inner, { name, uncompressed: false, xOnly: false }))];
      case "sh":
        return [this.#sh(inner, within)];
      case "wsh":
        return [this.#wsh(inner, within)];
      case "addr":
      case "raw":
      case "tr":
      case "rawtr":
        if (within !== "top") throw descriptorFault(`Can only have ${name}() at top level`);
        return [this.#output(name, inner)];
    }
    if (within !== "top") throw descriptorFault(`A function is needed within ${within === "sh" ? "P2SH" : "P2WSH"}`);
    throw descriptorFault(`'${text.slice(0, 200)}' is not a valid descriptor function`);
  }

  #key(text: string, name: string, within: Within): DescriptorKey {
    return this.keys.parse(text, { name, uncompressed: within !== "wsh", xOnly: false });
  }

  #multi(text: string, name: "multi" | "sortedmulti", within: Within): Made {
    const [required = "", ...texts] = text.split(",");
    if (!/^\d{1,9}$/.test(required)) throw descriptorFault(`Multi threshold '${required.slice(0, 100)}' is not valid`);
    const keys = texts.map((each) => this.#key(each, "multi", within));
    const threshold = Number(required);
    if (keys.length === 0 || keys.length > KEYS_MAX) {
      throw descriptorFault(
        `Cannot have ${keys.length} keys in multisig; must have between 1 and ${KEYS_MAX} keys, inclusive`,
      );
    }
    if (threshold < 1) throw descriptorFault(`Multisig threshold cannot be ${threshold}, must be at least 1`);
    if (threshold > keys.length) {
      throw descriptorFault(
        `Multisig threshold cannot be larger than the number of keys; threshold is ${threshold} but only ` +
          `${keys.length} keys specified`,
      );
    }
    if (within === "top" && keys.length > BARE_KEYS_MAX) {
      throw descriptorFault(
        `Cannot have ${keys.length} pubkeys in bare multisig; only at most ${BARE_KEYS_MAX} pubkeys`,
      );
    }
    if (name === "sortedmulti") keys.sort((a, b) => (toHex(a.bytes) < toHex(b.bytes) ? -1 : 1));
    return {
      script: joinScript(
        ...number(threshold),
        ...keys.map(({ bytes }) => pushData(bytes)),
        ...number(keys.length),
        Op.OP_CHECKMULTISIG,
      ),
      text: `multi(${[threshold, ...keys.map((key) => key.text)].join(",")})`,
    };
  }

  #sh(inner: string, within: Within): Made {
    if (within !== "top") throw descriptorFault("Can only have sh() at top level");
    const [made] = this.parse(inner, "sh");
    const { script, text } = made!;
    if (script.length > P2SH_SCRIPT_BYTES_MAX) {
      throw descriptorFault(
        `P2SH script is too large, ${script.length} bytes is larger than ${P2SH_SCRIPT_BYTES_MAX} bytes`,
      );
    }
    return { script: wrapInScriptHash(script), text: `sh(${text})` };
  }

  #wsh(inner: string, within: Within): Made {
    if (within === "wsh") throw descriptorFault("Can only have wsh() at top level or inside sh()");
    const [made] = this.parse(inner, "wsh");
    const { script, text } = made!;
    return { script: wrapInWitnessScriptHash(script), text: `wsh(${text})` };
  }

  #output(name: "addr" | "raw" | "tr" | "rawtr", inner: string): Made {
    if (name === "addr") {
      try {
        return { script: addressToScript(inner, this.#prefixes), text: "" };
      } catch {
        throw descriptorFault("Address is not valid");
      }
    }
    if (name === "raw") {
      if (inner !== "" && !isHex(inner)) throw descriptorFault("Raw script is not hex");
      return { script: fromHex(inner.toLowerCase()), text: "" };
    }
    if (inner.includes(",")) throw descriptorFault(`${name}(): trees are not supported`);
    const { bytes, text } = this.keys.parse(inner, { name, uncompressed: false, xOnly: true });
    return { script: payToWitness(1, name === "tr" ? taprootOutputKey(bytes) : bytes), text: `${name}(${text})` };
  }
}

/** Pieces of a script that push a number of 1 to 20. */
const number = (value: number): (Uint8Array | number)[] =>
  value <= 16 ? [Op.OP_1 + value - 1] : [pushData(scriptNumber(value))];

const payToKey = ({ bytes, text }: DescriptorKey): Made => ({
  script: joinScript(pushData(bytes), Op.OP_CHECKSIG),
  text: `pk(${text})`,
});
const payToKeyHash = ({ bytes, text }: DescriptorKey): Made => ({
  script: payToPublicKeyHash(hash160(bytes)),
  text: `pkh(${text})`,
});
const payToWitnessKeyHash = ({ bytes, text }: DescriptorKey): Made => ({
  script: payToWitness(0, hash160(bytes)),
  text: `wpkh(${text})`,
});

/** All outputs that pay to a key (BIP384). */
function allOf(key: DescriptorKey): readonly Made[] {
  const plain = [payToKey(key), payToKeyHash(key)];
  if (key.bytes.length !== 33) return plain;
  const witness = payToWitnessKeyHash(key);
  return [...plain, witness, { script: wrapInScriptHash(witness.script), text: `sh(${witness.text})` }];
}

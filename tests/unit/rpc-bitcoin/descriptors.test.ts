/** Descriptors and the scripts that they stand for. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { p2ms, p2pk, p2pkh, p2sh, p2tr, p2wpkh, p2wsh } from "@scure/btc-signer";
import { hash160 } from "../../../lib/bitcoin/hash.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { descriptorChecksum } from "../../../lib/rpc/bitcoin/descriptor.ts";
import { Descriptor } from "../../../lib/rpc/bitcoin/descriptor-scripts.ts";
import type { JsonRpcError } from "../../../lib/rpc/bitcoin/error.ts";

const A = "03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd";
const B = "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9";
const C = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
/** {@link A} with both of its numbers. */
const LONG = "04a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd" +
  "5b8dec5235a0fa8722476c7709c02559e3aa73aa03918ba2d492eea75abea235";
const key = fromHex;

const scriptsOf = (descriptor: string) =>
  new Descriptor(descriptor, regtest).scripts().map(({ script }) => toHex(script));
/** What is shown, without the fingerprints of keys that come from nowhere else. */
const shownOf = (descriptor: string, index = 0) =>
  new Descriptor(descriptor, regtest).scripts(index).map((each) => {
    const [text = "", sum] = each.descriptor.split("#");
    assert.equal(sum, descriptorChecksum(text));
    return text.replaceAll(/\[([0-9a-f]{8})\]([0-9a-f]+)/g, (whole, fingerprint: string, hex: string) => {
      const bytes = key(hex.length === 64 ? `02${hex}` : hex);
      return fingerprint === toHex(hash160(bytes)).slice(0, 8) ? hex : whole;
    });
  });

describe("Descriptor", () => {
  const PRIVATE =
    "tprv8ZgxMBicQKsPd7Uf69XL1XwhmjHopUGep8GuEiJDZmbQz6o58LninorQAfcKZWARbtRtfnLcJ5MQ2AtHcQJCCRUcMRvmDUjyEmNUWwx8UbK";
  const PUBLIC =
    "tpubD6NzVbkrYhZ4WaWSyoBvQwbpLkojyoTZPRsgXELWz3Popb3qkjcJyJUGLnL4qHHoQvao8ESaAstxYSnhyswJ76uZPStJRJCTKvosUCJZL5B";

  test("derives keys, and shows them as Core's own test of scantxoutset has them", () => {
    const shown = (descriptor: string, index = 0) =>
      new Descriptor(descriptor, regtest).scripts(index).map((each) => each.descriptor).find((text) =>
        text.startsWith("pkh(")
      );
    const [zero, many, one] = [
      "pkh([0c5f9a1e/1/1/0]03e1c5b6e650966971d7e71ef2674f80222752740fc1dfd63bbbd220d2da9bd0fb)#cxmct4w8",
      "pkh([0c5f9a1e/1/1/1500]03832901c250025da2aebae2bfb38d5c703a57ab66ad477f9c578bfbcd78abca6f)#vchwd07g",
      "pkh([0c5f9a1e/1/1/1]030d820fc9e8211c4169be8530efbc632775d8286167afd178caaf1089b77daba7)#z2t3ypsa",
    ];
    assert.equal(shown(`combo(${PRIVATE}/1/1/0)`), zero);
    for (const root of [PRIVATE, PUBLIC]) {
      assert.deepEqual([0, 1500, 1].map((index) => shown(`combo(${root}/1/1/*)`, index)), [zero, many, one]);
    }
    assert.equal(
      shown(`combo(${PRIVATE}/0h/0'/*)`, 1),
      "pkh([0c5f9a1e/0h/0h/1]033e6f25d76c00bedb3a8993c7d5739ee806397f0529b1b31dda31ef890f19a60c)#mcjajulr",
    );
    assert.match(shown(`pkh([AABBCCDD/44']${PUBLIC}/7/*)`, 3)!, /^pkh\(\[aabbccdd\/44h\/7\/3\]0[23]/);
    assert.deepEqual(
      [`wpkh(${PUBLIC}/*)`, `wpkh(${PUBLIC}/1)`, `pk(${A})`].map((text) => new Descriptor(text, regtest).isRange),
      [
        true,
        false,
        false,
      ],
    );
  });

  test("takes private keys, and refuses what cannot be derived, in Core's words", () => {
    // The private key 1, whose public key is the generator.
    assert.deepEqual(scriptsOf("wpkh(cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA)"), scriptsOf(`wpkh(${C})`));
    const refused = (text: string, message: RegExp) =>
      assert.throws(
        () => scriptsOf(text),
        (error: JsonRpcError) => error.code === -5 && message.test(error.message),
        text,
      );
    refused("wpkh(KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn)", /key 'Kw.*' is not valid/);
    refused(`pkh(${PUBLIC}/1h/*)`, /Cannot derive script without private keys/);
    refused(`pkh(${PUBLIC}/2147483648)`, /Key path value 2147483648 is out of range/);
    refused(`pkh(${PUBLIC}/x/*)`, /Key path value 'x' is not a valid uint32/);
    refused(`pkh(${PUBLIC.replace("tpub", "xpub")}/1)`, /key 'xpub.*' is not valid/);
  });

  test("gives the scripts of the test vectors of BIP381, BIP382, BIP384 and BIP386", () => {
    const cases: readonly (readonly [descriptor: string, scripts: readonly string[]])[] = [
      [`pk(${A})`, [`21${A}ac`]],
      [`pkh([deadbeef/1/2'/3/4']${A})`, ["76a9149a1c78a507689f6f54b847ad1cef1e614ee23f1e88ac"]],
      [`sh(pk(${A}))`, ["a9141857af51a5e516552b3086430fd8ce55f7c1a52487"]],
      [`sh(pkh(${A}))`, ["a9141a31ad23bf49c247dd531a623c2ef57da3c400c587"]],
      [`wpkh(${B})`, ["00147dd65592d0ab2fe0d0257d571abf032cd9db93dc"]],
      [`combo(${A})`, [
        `21${A}ac`,
        "76a9149a1c78a507689f6f54b847ad1cef1e614ee23f1e88ac",
        "00149a1c78a507689f6f54b847ad1cef1e614ee23f1e",
        "a91484ab21b1b2fd065d4504ff693d832434b6108d7b87",
      ]],
      [`combo(${LONG})`, [`41${LONG}ac`, "76a914b5bd079c4d57cc7fc28ecf8213a6b791625b818388ac"]],
      [`tr(${A.slice(2)})`, ["512077aab6e066f8a7419c5ab714c12c67d25007ed55a43cadcacb4d7a970a093f11"]],
      [`rawtr(${A.slice(2)})`, [`5120${A.slice(2)}`]],
      ["raw(deadbeef)", ["deadbeef"]],
      ["raw()", [""]],
    ];
    for (const [descriptor, scripts] of cases) assert.deepEqual(scriptsOf(descriptor), scripts, descriptor);
  });

  test("gives the same as another library, for every form", () => {
    const keys = [A, B, C].map(key);
    const sorted = [C, B, A].map(key);
    const cases: readonly (readonly [descriptor: string, script: Uint8Array])[] = [
      [`pk(${C})`, p2pk(key(C)).script],
      [`pkh(${C})`, p2pkh(key(C)).script],
      [`wpkh(${C})`, p2wpkh(key(C)).script],
      [`sh(wpkh(${C}))`, p2sh(p2wpkh(key(C))).script],
      [`wsh(pk(${C}))`, p2wsh(p2pk(key(C))).script],
      [`wsh(pkh(${C}))`, p2wsh(p2pkh(key(C))).script],
      [`sh(wsh(pkh(${C})))`, p2sh(p2wsh(p2pkh(key(C)))).script],
      [`multi(2,${A},${B},${C})`, p2ms(2, keys).script],
      [`sh(multi(1,${A},${B},${C}))`, p2sh(p2ms(1, keys)).script],
      [`wsh(multi(3,${A},${B},${C}))`, p2wsh(p2ms(3, keys)).script],
      [`wsh(sortedmulti(2,${A},${B},${C}))`, p2wsh(p2ms(2, sorted)).script],
      [`sh(wsh(sortedmulti(2,${A},${B},${C})))`, p2sh(p2wsh(p2ms(2, sorted))).script],
      [`tr(${C})`, p2tr(key(C.slice(2))).script],
      [`tr([00000000]${B.slice(2)})`, p2tr(key(B.slice(2))).script],
    ];
    for (const [descriptor, script] of cases) assert.deepEqual(scriptsOf(descriptor), [toHex(script)], descriptor);
    const many = Array.from({ length: 20 }, () => C);
    assert.match(scriptsOf(`wsh(multi(17,${many.join(",")}))`)[0]!, /^0020/);
  });

  test("shows what Core would infer for each script", () => {
    const same = [
      `pk(${A})`,
      `sh(wpkh(${A}))`,
      `wsh(multi(2,${A},${B}))`,
      `tr(${A.slice(2)})`,
      `wpkh([deadbeef/1h/2]${A})`,
    ];
    for (const descriptor of same) assert.deepEqual(shownOf(descriptor), [descriptor]);
    assert.deepEqual(shownOf(`pkh([DEADBEEF/1'/2h]${A})`), [`pkh([deadbeef/1h/2h]${A})`]);
    assert.deepEqual(shownOf(`sortedmulti(1,${A},${B})`), [`multi(1,${B},${A})`]);
    assert.deepEqual(shownOf(`tr(${A})`), [`tr([9a1c78a5]${A.slice(2)})`]);
    assert.deepEqual(shownOf(`combo(${A})`), [`pk(${A})`, `pkh(${A})`, `wpkh(${A})`, `sh(wpkh(${A}))`]);
    assert.deepEqual(shownOf("raw(6a00)"), ["raw(6a00)"]);
    assert.deepEqual(shownOf(`raw(21${A}ac)`), [`pk(${A})`]);
    const address = "bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85";
    assert.deepEqual(shownOf(`addr(${address})`), [`addr(${address})`]);
    assert.deepEqual(shownOf("raw(00204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260)"), [
      `addr(${address})`,
    ]);
  });

  test("takes a checksum that is right, and says in Core's words what is wrong with the rest", () => {
    const text = `wpkh(${C})`;
    assert.deepEqual(scriptsOf(`${text}#${descriptorChecksum(text)}`), scriptsOf(text));
    const cases: readonly (readonly [descriptor: string, message: string])[] = [
      [`${text}#`, "Expected 8 character checksum, not 0 characters"],
      [
        `${text}#aaaaaaaa`,
        `Provided checksum 'aaaaaaaa' does not match computed checksum '${descriptorChecksum(text)}'`,
      ],
      [`${text}##`, "Multiple '#' symbols"],
      ["raw(é)", "Invalid characters in payload"],
      ["", "'' is not a valid descriptor function"],
      ["nonsense(51)", "'nonsense(51)' is not a valid descriptor function"],
      [C, `'${C}' is not a valid descriptor function`],
      ["sh(51)", "A function is needed within P2SH"],
      ["wsh(51)", "A function is needed within P2WSH"],
      ["addr(x)", "Address is not valid"],
      ["raw(5)", "Raw script is not hex"],
      ["pk()", "pk(): No key provided"],
      ["pk(xyz)", "pk(): key 'xyz' is not valid"],
      [`pkh( ${C})`, `pkh(): Key ' ${C}' is invalid due to whitespace`],
      [`pkh(${C.slice(0, 64)}ff)`, `pkh(): Pubkey '${C.slice(0, 64)}ff' is invalid`],
      [`pk(06${LONG.slice(2)})`, "pk(): Hybrid public keys are not allowed"],
      [`wpkh(${LONG})`, "wpkh(): Uncompressed keys are not allowed"],
      [`wsh(pk(${LONG}))`, "pk(): Uncompressed keys are not allowed"],
      [`sh(sh(pk(${A})))`, "Can only have sh() at top level"],
      [`wsh(wsh(pk(${A})))`, "Can only have wsh() at top level or inside sh()"],
      [`wsh(wpkh(${A}))`, "Can only have wpkh() at top level or inside sh()"],
      [`sh(combo(${A}))`, "Can only have combo() at top level"],
      [`wsh(tr(${A}))`, "Can only have tr() at top level"],
      ["sh(addr(x))", "Can only have addr() at top level"],
      ["sh(raw(51))", "Can only have raw() at top level"],
      [`multi(x,${A})`, "Multi threshold 'x' is not valid"],
      [`multi(0,${A})`, "Multisig threshold cannot be 0, must be at least 1"],
      ["multi(1)", "Cannot have 0 keys in multisig; must have between 1 and 20 keys, inclusive"],
      [
        `multi(2,${A})`,
        "Multisig threshold cannot be larger than the number of keys; threshold is 2 but only 1 keys specified",
      ],
      [
        `multi(1,${A},${A},${A},${A})`,
        "Cannot have 4 pubkeys in bare multisig; only at most 3 pubkeys",
      ],
      [
        `sh(multi(1,${Array.from({ length: 16 }, () => A).join(",")}))`,
        "P2SH script is too large, 547 bytes is larger than 520 bytes",
      ],
      [`pk([aabbcc]${A})`, "pk(): Fingerprint is not 4 bytes (6 characters instead of 8 characters)"],
      [`pk([aabbccdx]${A})`, "pk(): Fingerprint 'aabbccdx' is not hex"],
      [`pk([aabbccdd/x]${A})`, "pk(): Key path value 'x' is not a valid uint32"],
      [`pk([aabbccdd/2147483648]${A})`, "pk(): Key path value 2147483648 is out of range"],
      [`pk(aabbccdd]${A})`, "pk(): Key origin start '[ character expected but not found, got 'a' instead"],
      [`pk([aabbccdd]]${A})`, "pk(): Multiple ']' characters found for a single pubkey"],
    ];
    for (const [descriptor, message] of cases) {
      assert.throws(
        () => new Descriptor(descriptor, regtest).scripts(),
        { name: "JsonRpcError", code: -5, message },
        descriptor,
      );
    }
    const long = () => new Descriptor(`raw(${"00".repeat(6_000)})`, regtest).scripts();
    assert.throws(long, { code: -5 });
  });
});

/** Forms of signatures, keys, numbers and script codes, at their edges. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { isKeyShaped, keyFault, readLaxSignature, signatureFault } from "../../../lib/bitcoin/script/encodings.ts";
import { isTrue, readNumber, writeNumber } from "../../../lib/bitcoin/script/numbers.ts";
import { withoutPush, withoutSeparators } from "../../../lib/bitcoin/script/script-code.ts";
import { ScriptFlag } from "../../../lib/bitcoin/script/mod.ts";
import { parseScript } from "../../support/script-text.ts";

const ORDER = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const HALF = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";
const ABOVE_HALF = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1";

/** r and s of a signature in hex, as numbers in hex. */
function lax(hex: string): string | undefined {
  const bytes = fromHex(hex);
  const read = readLaxSignature(bytes, bytes.length);
  return read && `${toHex(read.subarray(0, 32)).replace(/^0+/, "")},${toHex(read.subarray(32)).replace(/^0+/, "")}`;
}

/** A DER signature of r = 1 and this s, with hash type ALL. */
function signatureOf(s: string): Uint8Array {
  const padded = parseInt(s.slice(0, 2), 16) >= 0x80 ? `00${s}` : s;
  const body = `02010102${(padded.length / 2).toString(16).padStart(2, "0")}${padded}`;
  return fromHex(`30${(body.length / 2).toString(16)}${body}01`);
}

describe("readLaxSignature()", () => {
  test("takes what OpenSSL once took", () => {
    assert.equal(lax("300602010102010f"), "1,f");
    assert.equal(lax("30ff02010102010f".replace("ff", "80")), "1,f", "a length of no bytes");
    assert.equal(lax("30810002010102010f"), "1,f", "a length of one byte that says nothing true");
    assert.equal(lax("308400000000" + "02010102010f"), "1,f");
    assert.equal(lax("3000" + "02010102010f"), "1,f", "the length of the whole is not read");
    assert.equal(lax("3006" + "028101010281010f"), "1,f", "lengths in a longer form");
    assert.equal(lax("3006" + "028500000000010102010f"), "1,f", "zeros before a length");
    assert.equal(lax("3006" + "0203000001" + "0201ff"), "1,ff", "zeros before a number, and a negative one");
    assert.equal(lax("3006" + "0200" + "0200"), ",", "numbers of no bytes");
    assert.equal(lax("3006" + "020101" + "028100"), "1,", "a length up to the end");
    assert.equal(lax("3006" + "0280" + "020101"), ",1", "a length in no bytes");
    assert.equal(lax("300602010102010f" + "aabbcc"), "1,f", "what follows");
    assert.equal(lax("3006" + "02" + "2200" + "00" + "11".repeat(32) + "020101"), `${"11".repeat(32)},1`);
    assert.equal(lax("3006" + "02" + "21" + "11".repeat(33) + "020101"), ",", "a number too large is none");
    assert.equal(lax("3006" + "020101" + "02" + "21" + "11".repeat(33)), ",");
  });

  test("refuses what is no signature", () => {
    for (
      const hex of [
        "",
        "30",
        "31060201010201",
        "3006",
        "3083aabb",
        "300603010102010f",
        "30060201",
        "300602050102010f",
        "300602010103010f",
        "3006020101",
        "300602010102",
        "300602010102020f",
        "3006" + "0284010000000102010f",
        "3006" + "0282ff",
      ]
    ) assert.equal(lax(hex), undefined, hex);
  });
});

describe("signatureFault()", () => {
  const { DERSIG, LOW_S, STRICTENC } = ScriptFlag;

  test("tells what the rules have against a signature, in Core's order", () => {
    const good = signatureOf(HALF);
    assert.equal(signatureFault(good, DERSIG | LOW_S | STRICTENC), undefined);
    assert.equal(signatureFault(new Uint8Array(0), DERSIG | LOW_S | STRICTENC), undefined);
    const bad = fromHex("30060201010201");
    assert.equal(signatureFault(bad, 0), undefined);
    for (const flag of [DERSIG, LOW_S, STRICTENC]) assert.equal(signatureFault(bad, flag), "SCRIPT_ERR_SIG_DER");
    const high = signatureOf(ABOVE_HALF);
    assert.equal(signatureFault(high, DERSIG | STRICTENC), undefined);
    assert.equal(signatureFault(high, LOW_S), "SCRIPT_ERR_SIG_HIGH_S");
    high[high.length - 1] = 0;
    assert.equal(signatureFault(high, LOW_S | STRICTENC), "SCRIPT_ERR_SIG_HIGH_S");
    assert.equal(signatureFault(high, STRICTENC), "SCRIPT_ERR_SIG_HASHTYPE");
    for (
      const [hashType, isDefined] of [[1, true], [3, true], [4, false], [0x81, true], [0x80, false], [
        0x84,
        false,
      ]] as const
    ) {
      good[good.length - 1] = hashType;
      assert.equal(signatureFault(good, STRICTENC) === undefined, isDefined, String(hashType));
    }
  });

  test("takes a number beyond the order for low, as Core does", () => {
    assert.equal(signatureFault(signatureOf(ORDER), LOW_S), undefined);
    assert.equal(signatureFault(signatureOf("ff".repeat(32)), LOW_S), undefined);
    assert.equal(signatureFault(signatureOf(ORDER.slice(0, -1) + "0"), LOW_S), "SCRIPT_ERR_SIG_HIGH_S");
  });
});

describe("keyFault()", () => {
  const key = (kind: number, length: number) => Uint8Array.of(kind, ...new Uint8Array(length - 1));

  test("tells which keys the rules allow", () => {
    const rows = [
      [key(2, 33), true, true, true],
      [key(3, 33), true, true, true],
      [key(4, 65), true, true, false],
      [key(6, 65), true, false, false],
      [key(7, 65), true, false, false],
      [key(5, 65), false, false, false],
      [key(2, 65), false, false, false],
      [key(4, 33), false, false, false],
      [key(2, 32), false, false, false],
      [new Uint8Array(0), false, false, false],
    ] as const;
    for (const [bytes, isShaped, isStrict, isWitness] of rows) {
      assert.equal(isKeyShaped(bytes), isShaped, toHex(bytes));
      assert.equal(keyFault(bytes, 0, true), undefined);
      assert.equal(keyFault(bytes, ScriptFlag.STRICTENC, false), isStrict ? undefined : "SCRIPT_ERR_PUBKEYTYPE");
      assert.equal(keyFault(bytes, ScriptFlag.WITNESS_PUBKEYTYPE, false), undefined);
      const fault = keyFault(bytes, ScriptFlag.WITNESS_PUBKEYTYPE, true);
      assert.equal(fault, isWitness ? undefined : "SCRIPT_ERR_WITNESS_PUBKEYTYPE");
    }
  });
});

describe("readNumber()", () => {
  test("reads what is short enough, and minimal where that is asked for", () => {
    const rows = [
      ["", 0, 0],
      ["00", 0, NaN],
      ["80", 0, NaN],
      ["01", 1, 1],
      ["81", -1, -1],
      ["7f", 127, 127],
      ["ff", -127, -127],
      ["8000", 128, 128],
      ["7f00", 127, NaN],
      ["ff00", 255, 255],
      ["ff80", -255, -255],
      ["7f80", -127, NaN],
      ["0080", 0, NaN],
      ["ffffff7f", 2 ** 31 - 1, 2 ** 31 - 1],
      ["ffffffff", 1 - 2 ** 31, 1 - 2 ** 31],
      ["0000000001", NaN, NaN],
    ] as const;
    for (const [hex, value, minimal] of rows) {
      assert.ok(Object.is(readNumber(fromHex(hex), false), value), hex);
      assert.ok(Object.is(readNumber(fromHex(hex), true), minimal), `${hex}, minimal`);
    }
    assert.equal(readNumber(fromHex("ffffffff7f"), true, 5), 2 ** 39 - 1);
    assert.ok(Number.isNaN(readNumber(fromHex("ffffffffff00"), false, 5)));
  });

  test("writeNumber() writes what readNumber() reads", () => {
    for (const value of [0, -0, 1, -1, 16, 17, -2, 127, 128, 255, 256, -32_768, 2 ** 31, 1 - 2 ** 32, 2 ** 32 - 2]) {
      assert.equal(readNumber(writeNumber(value), true, 5), value + 0, String(value));
    }
  });

  test("isTrue() is any bit but the sign of nothing", () => {
    for (
      const [hex, expected] of [["", false], ["00", false], ["80", false], ["0080", false], ["8000", true], [
        "000001",
        true,
      ]] as const
    ) {
      assert.equal(isTrue(fromHex(hex)), expected, hex);
    }
  });
});

describe("withoutPush()", () => {
  const left = (script: string, data: string) => toHex(withoutPush(parseScript(script), fromHex(data)));
  const hex = (script: string) => toHex(parseScript(script));

  test("removes a push where an opcode starts, and only in its plainest form", () => {
    assert.equal(left("0x02 0xaabb DUP 0x02 0xaabb", "aabb"), hex("DUP"));
    assert.equal(left("0x02 0xaabb 0x02 0xaabb", "aabb"), "");
    assert.equal(left("0x4c 0x02 0xaabb DUP", "aabb"), hex("0x4c 0x02 0xaabb DUP"), "another opcode");
    assert.equal(left("0x04 0x02aabb00 DUP", "aabb"), hex("0x04 0x02aabb00 DUP"), "within a push");
    assert.equal(left("0 DUP 0", ""), hex("DUP"), "the empty push");
    assert.equal(left("1 DUP", "01"), hex("1 DUP"), "a number's opcode is no push of it");
    assert.equal(left("0x01 0x01 DUP", "01"), hex("DUP"));
    assert.equal(left(`0x4c 0x50 0x${"cc".repeat(80)} DUP`, "cc".repeat(80)), hex("DUP"));
    assert.equal(left(`0x4d 0x0001 0x${"cc".repeat(256)} DUP`, "cc".repeat(256)), hex("DUP"));
    for (const push of ["0x4c 0x02 0x5151", "0x4d 0x0200 0x5151", "0x4e 0x02000000 0x5151"]) {
      assert.equal(left(`${push} 0x01 0x51 DUP`, "51"), hex(`${push} DUP`), "a push of any length is passed over");
    }
    assert.equal(left("0x02 0xaabb 0x05 0x0102", "aabb"), hex("0x05 0x0102"), "what is malformed stays");
    // Removed once, what follows is where an opcode starts, although it was not before.
    assert.equal(left("0x02 0xfeed 0x02 0xfeed 0x51", "feed"), "51");
  });

  test("gives the same array where there is nothing to remove", () => {
    const script = parseScript("DUP 0x02 0xaabb");
    for (const data of ["aabc", "aa", "", "aabb".repeat(20)]) assert.equal(withoutPush(script, fromHex(data)), script);
  });
});

describe("withoutSeparators()", () => {
  test("leaves separators out, not bytes of pushes", () => {
    const { length, pieces } = withoutSeparators(parseScript("CODESEPARATOR 1 CODESEPARATOR 0x01 0xab CODESEPARATOR"));
    assert.equal(length, 3);
    assert.equal(toHex(Uint8Array.from(pieces.flatMap((piece) => [...piece]))), "5101ab");
  });
});

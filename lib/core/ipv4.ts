/**
 * IPv4 addresses as numbers: what an address book does a thousand times for one message of a peer. Everything else about
 * addresses is left to `ipaddr.js`.
 *
 * @module
 */

/** The 32 bits of an address in four decimal parts, first byte highest; −1 for any other text. No part has a leading zero. */
export function parseIpv4(text: string): number {
  // 1.1.1.1 … 255.255.255.255
  if (text.length < 7 || text.length > 15) return -1;
  let bits = 0;
  let parts = 0;
  let part = -1;
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? 0x2e : text.charCodeAt(i);
    if (code === 0x2e) {
      if (part < 0 || part > 255) return -1;
      bits = bits * 256 + part;
      parts += 1;
      part = -1;
    } else if (code >= 0x30 && code <= 0x39 && part !== 0) {
      part = Math.max(0, part) * 10 + (code - 0x30);
    } else return -1;
  }
  return parts === 4 ? bits : -1;
}

/** The four bytes of an address. */
export function ipv4Bytes(bits: number): Uint8Array {
  // One by one: `Uint8Array.of` takes several times as long, and this is done for every address that is told.
  const bytes = new Uint8Array(4);
  bytes[0] = bits >>> 24;
  bytes[1] = bits >>> 16;
  bytes[2] = bits >>> 8;
  bytes[3] = bits;
  return bytes;
}

/** The text of an address of four bytes. */
export function ipv4Text(bytes: Uint8Array): string {
  return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
}

/** Whether an address lies in one of the subnets, which are written as `10.0.0.0/8`. */
export function inSubnets(subnets: readonly string[]): (bits: number) => boolean {
  const ranges = subnets.map((subnet) => {
    const [address = "", prefix = ""] = subnet.split("/");
    const bits = parseIpv4(address);
    if (bits < 0 || !/^([1-9]|[12]\d|3[0-2])$/.test(prefix)) throw new TypeError(`not a subnet: ${subnet}`);
    const shift = 32 - Number(prefix);
    return { shift, network: bits >>> shift };
  });
  return (bits) => {
    for (const { shift, network } of ranges) if (bits >>> shift === network) return true;
    return false;
  };
}

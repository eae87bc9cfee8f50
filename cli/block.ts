/**
 * `gemel block`: single blocks, ranges, and those to come.
 *
 * @module
 */
import { type Json, NodeError, parseJson, type RpcClient, stringifyJson } from "../mod.ts";
import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { openClient } from "./context.ts";
import { UsageError } from "./failures.ts";
import type { CliIo } from "./io.ts";
import { parseWhole } from "./values.ts";

/** A height in digits, or a hash of 64 hex digits. */
function parseId(text: string): { readonly height: number } | { readonly hash: string } {
  if (/^(0x)?[0-9a-fA-F]{64}$/.test(text)) return { hash: text.toLowerCase().replace(/^0x/, "") };
  if (/^[0-9]{1,10}$/.test(text) && Number(text) < 2 ** 32) return { height: Number(text) };
  throw new UsageError(`${text} is neither a height nor a header hash of 64 hex digits`);
}

/** How one chain is asked for blocks. */
interface BlockSource {
  /** The hash of a height or hash, in hex. */
  hashOf(text: string): Promise<string>;
  block(hash: string): Promise<Json>;
  header(hash: string): Promise<Json>;
  /** Topic of the event that a new tip gives. */
  readonly topic: string;
}

function chiaSource(client: RpcClient): BlockSource {
  return {
    async hashOf(text) {
      const id = parseId(text);
      if ("hash" in id) return id.hash;
      const answer = await client.call("get_block_record_by_height", { height: id.height });
      return String((answer.block_record as { header_hash: string }).header_hash);
    },
    block: async (hash) => (await client.call("get_block", { header_hash: hash })).block ?? null,
    header: async (hash) => (await client.call("get_block_record", { header_hash: hash })).block_record ?? null,
    topic: "chia.peak",
  };
}

function bitcoinSource(client: RpcClient): BlockSource {
  return {
    async hashOf(text) {
      const id = parseId(text);
      return "hash" in id ? id.hash : String(parseJson(await client.callBitcoin("getblockhash", [id.height])));
    },
    block: async (hash) => parseJson(await client.callBitcoin("getblock", [hash, 2])),
    header: async (hash) => parseJson(await client.callBitcoin("getblockheader", [hash])),
    topic: "bitcoin.block",
  };
}

/** The chain that is asked: the one that was named, or the only one that runs. */
async function sourceOf(
  client: RpcClient,
  name: string | undefined,
): Promise<BlockSource & { readonly chain: string }> {
  let chain = name;
  if (chain === undefined) {
    const { chains } = await client.status();
    if (chains.length > 1) throw new UsageError(`--chain: ${chains.map((each) => each.chain).join(" or ")}?`);
    chain = chains[0]?.chain ?? "chia";
  }
  if (chain !== "chia" && chain !== "bitcoin") throw new UsageError(`--chain: there is no chain ${chain}`);
  return { ...(chain === "chia" ? chiaSource(client) : bitcoinSource(client)), chain };
}

/** Adds the command. */
export function addBlock(program: Command, io: CliIo): void {
  const block = program.command("block").description("show blocks of the chain");
  const print = (value: Json) => io.out(stringifyJson(value) + "\n");
  const CHAIN = ["--chain <name>", "where more than one runs"] as const;

  block.command("get <height|hash>")
    .description("a block as JSON, or as it is on the wire")
    .option("--raw <form>", "hex or bin: the bytes as they are on the wire")
    .option(...CHAIN)
    .option("--out <file>", "write to a file")
    .addHelpText("after", "\nExample:\n  $ gemel block get 100 --raw bin --out block-100.bin")
    .action(async (text: string, options: { raw?: string; out?: string; chain?: string }, command: Command) => {
      if (options.raw !== undefined && !["hex", "bin"].includes(options.raw)) throw new UsageError("--raw: hex or bin");
      const client = await openClient(command, io);
      const source = await sourceOf(client, options.chain);
      const hash = await source.hashOf(text);
      let data: Uint8Array | string;
      if (options.raw === undefined) {
        data = stringifyJson(await source.block(hash)) + "\n";
      } else {
        const bytes = await client.bytes(`/v1/chains/${source.chain}/blocks/${hash.replace(/^0x/, "")}.bin`);
        data = options.raw === "bin"
          ? bytes
          : Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("") + "\n";
      }
      if (options.out !== undefined) await writeFile(options.out, data);
      else if (typeof data === "string") io.out(data);
      else throw new UsageError("--raw bin needs --out FILE");
    });

  block.command("range <from> <to>")
    .description("the blocks from one height to another, the last included; one line of JSON each")
    .option(...CHAIN)
    .addHelpText("after", "\nExample:\n  $ gemel block range 100 110 | jq .header_hash")
    .action(async (from: string, to: string, options: { chain?: string }, command: Command) => {
      const [first, last] = [parseWhole(from, "from", 0, 2 ** 32 - 1), parseWhole(to, "to", 0, 2 ** 32 - 1)];
      const client = await openClient(command, io);
      const source = await sourceOf(client, options.chain);
      if (source.chain === "bitcoin") {
        for (let height = first; height <= last; height++) print(await source.block(await source.hashOf(`${height}`)));
        return;
      }
      // In pages, so that neither side holds all of a long range.
      for (let start = first; start <= last; start += 32) {
        const end = Math.min(last + 1, start + 32);
        const { blocks } = await client.call("get_blocks", { start, end, exclude_reorged: true });
        if (!Array.isArray(blocks) || blocks.length === 0) break;
        blocks.forEach(print);
      }
    });

  block.command("header <height|hash>")
    .description("the block's record: what the chain keeps about it")
    .option(...CHAIN)
    .addHelpText("after", "\nExample:\n  $ gemel block header 100")
    .action(async (text: string, options: { chain?: string }, command: Command) => {
      const source = await sourceOf(await openClient(command, io), options.chain);
      print(await source.header(await source.hashOf(text)));
    });

  block.command("watch")
    .description("each new tip as it comes, until Ctrl-C")
    .option("--count <n>", "end after so many")
    .option(...CHAIN)
    .addHelpText("after", "\nExample:\n  $ gemel block watch --count 3")
    .action(async (options: { count?: string; chain?: string }, command: Command) => {
      let left = options.count === undefined ? Infinity : parseWhole(options.count, "count", 1, 1e9);
      const client = await openClient(command, io);
      const { topic } = await sourceOf(client, options.chain);
      const controller = new AbortController();
      try {
        for await (const event of client.events({ topics: [topic], signal: controller.signal })) {
          print(event);
          if (--left === 0) return;
        }
        throw new NodeError("STREAM_ENDED", "network", "the node ended the stream");
      } finally {
        controller.abort();
      }
    });
}

/**
 * Core's methods that this node does not have, and what each would need: a caller is told more than that a name is not
 * known.
 *
 * @module
 */
import { JsonRpcError, RpcCode } from "./error.ts";

const UNSUPPORTED: readonly (readonly [needs: string, names: string])[] = [
  [
    "this node has no wallet",
    "abandontransaction abortrescan addmultisigaddress backupwallet bumpfee createwallet createwalletdescriptor " +
    "dumpprivkey dumpwallet encryptwallet exportwatchonlywallet fundrawtransaction getaddressesbylabel getaddressinfo " +
    "getbalance getbalances gethdkeys getnewaddress getrawchangeaddress getreceivedbyaddress getreceivedbylabel " +
    "gettransaction getunconfirmedbalance getwalletinfo importaddress importdescriptors importmulti importprivkey " +
    "importprunedfunds importpubkey importwallet keypoolrefill listaddressgroupings listdescriptors listlabels " +
    "listlockunspent listreceivedbyaddress listreceivedbylabel listsinceblock listtransactions listunspent " +
    "listwalletdir listwallets loadwallet lockunspent migratewallet newkeypool psbtbumpfee removeprunedfunds " +
    "rescanblockchain restorewallet send sendall sendmany sendtoaddress sethdseed setlabel settxfee setwalletflag " +
    "signmessage signrawtransactionwithwallet simulaterawtransaction unloadwallet upgradewallet " +
    "walletcreatefundedpsbt walletdisplayaddress walletlock walletpassphrase walletpassphrasechange walletprocesspsbt " +
    "enumeratesigners",
  ],
  [
    "this node announces transactions to all peers alike",
    "abortprivatebroadcast getprivatebroadcastinfo",
  ],
  [
    "this version does not do it",
    "generate converttopsbt " +
    "descriptorprocesspsbt finalizepsbt joinpsbts analyzepsbt utxoupdatepsbt " +
    "signrawtransactionwithkey createmultisig deriveaddresses getdescriptorinfo signmessagewithprivkey verifymessage " +
    "echoipc getrawaddrman getdescriptoractivity",
  ],
];

const NEEDS = new Map(UNSUPPORTED.flatMap(([needs, names]) => names.split(" ").map((name) => [name, needs] as const)));

/** The answer for a method that is not here: Core's words, and beside them why, where that is known. */
export function methodNotFound(method: string): JsonRpcError {
  const needs = NEEDS.get(method);
  const why = needs === undefined
    ? `${JSON.stringify(method.slice(0, 60))}; help lists what there is`
    : `${method}: ${needs}`;
  return new JsonRpcError(RpcCode.methodNotFound, "Method not found", why);
}

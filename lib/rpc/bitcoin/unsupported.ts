/**
 * Core's methods that this node does not have, and what each would need: a caller is told more than that a name is not
 * known.
 *
 * @module
 */

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
    "this node keeps no mempool",
    "getmempoolinfo getrawmempool getmempoolentry getmempoolancestors getmempooldescendants getmempoolcluster " +
    "getmempoolfeeratediagram gettxspendingprevout savemempool importmempool loadmempool sendrawtransaction " +
    "submitpackage testmempoolaccept estimatesmartfee estimaterawfee prioritisetransaction getprioritisedtransactions " +
    "getorphantxs abortprivatebroadcast getprivatebroadcastinfo",
  ],
  [
    "this node keeps no set of unspent outputs",
    "gettxout gettxoutsetinfo scantxoutset dumptxoutset loadtxoutset getblockstats getchainstates",
  ],
  ["this node keeps no block filters", "getblockfilter scanblocks getdescriptoractivity"],
  [
    "this version does not do it",
    "getblockfrompeer pruneblockchain preciousblock invalidateblock reconsiderblock verifychain getchaintxstats " +
    "getdeploymentinfo getzmqnotifications getaddrmaninfo addpeeraddress setnetworkactive getmemoryinfo getmininginfo " +
    "getnetworkhashps generatetodescriptor generate combinepsbt combinerawtransaction converttopsbt createpsbt " +
    "createrawtransaction decodepsbt descriptorprocesspsbt finalizepsbt joinpsbts analyzepsbt utxoupdatepsbt " +
    "signrawtransactionwithkey createmultisig deriveaddresses getdescriptorinfo signmessagewithprivkey verifymessage " +
    "echo echojson echoipc getrawaddrman sendmsgtopeer",
  ],
];

const NEEDS = new Map(UNSUPPORTED.flatMap(([needs, names]) => names.split(" ").map((name) => [name, needs] as const)));

/** What is said of a method that is not here: why, where that is known. */
export function notFoundMessage(method: string): string {
  const needs = NEEDS.get(method);
  if (needs !== undefined) return `Method not found (${method}: ${needs})`;
  return `Method not found (${JSON.stringify(method.slice(0, 60))}; help lists what there is)`;
}

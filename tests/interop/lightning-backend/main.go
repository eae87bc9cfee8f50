// The chain client of btcwallet, by which lnd follows a bitcoind whose RPC it polls, told by lines what to do. It writes
// what it hears, one JSON object a line.
//
//	lightning-backend HOST:PORT USER PASSWORD ADDRESS
//	send HEX      hands a transaction in
//	test HEX      asks whether it would be taken
//	quit
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/wire"
	"github.com/btcsuite/btcwallet/chain"
)

func say(fields map[string]any) {
	line, _ := json.Marshal(fields)
	fmt.Println(string(line))
}

func must(what string, err error) {
	if err == nil {
		return
	}
	say(map[string]any{"event": "failed", "what": what, "error": err.Error()})
	os.Exit(1)
}

func transactionOf(text string) (*wire.MsgTx, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, err
	}
	transaction := wire.NewMsgTx(2)
	return transaction, transaction.Deserialize(bytes.NewReader(raw))
}

func main() {
	host, user, password, text := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	params := &chaincfg.RegressionNetParams
	connection, err := chain.NewBitcoindConn(&chain.BitcoindConfig{
		ChainParams: params,
		Host:        host,
		User:        user,
		Pass:        password,
		PollingConfig: &chain.PollingConfig{
			BlockPollingInterval: 200 * time.Millisecond,
			TxPollingInterval:    200 * time.Millisecond,
		},
	})
	must("connect", err)
	must("start", connection.Start())
	client := connection.NewBitcoindClient()
	must("start of the client", client.Start())
	must("notify of blocks", client.NotifyBlocks())
	address, err := btcutil.DecodeAddress(text, params)
	must("address", err)
	must("notify of an address", client.NotifyReceived([]btcutil.Address{address}))
	_, height, err := client.GetBestBlock()
	must("best block", err)
	say(map[string]any{"event": "ready", "height": height, "current": client.IsCurrent(), "backend": client.BackEnd()})

	go func() {
		for heard := range client.Notifications() {
			switch each := heard.(type) {
			case chain.BlockConnected:
				say(map[string]any{"event": "connected", "hash": each.Hash.String(), "height": each.Height})
			case chain.BlockDisconnected:
				say(map[string]any{"event": "disconnected", "hash": each.Hash.String(), "height": each.Height})
			case chain.RelevantTx:
				mined := ""
				if each.Block != nil {
					mined = each.Block.Hash.String()
				}
				say(map[string]any{"event": "transaction", "txid": each.TxRecord.Hash.String(), "block": mined})
			}
		}
	}()

	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<24)
	for lines.Scan() {
		command, argument, _ := strings.Cut(lines.Text(), " ")
		switch command {
		case "send":
			transaction, err := transactionOf(argument)
			must("transaction", err)
			hash, err := client.SendRawTransaction(transaction, false)
			if err != nil {
				say(map[string]any{"event": "refused", "error": client.MapRPCErr(err).Error()})
			} else {
				say(map[string]any{"event": "sent", "txid": hash.String()})
			}
		case "test":
			transaction, err := transactionOf(argument)
			must("transaction", err)
			results, err := client.TestMempoolAccept([]*wire.MsgTx{transaction}, 0.1)
			must("trial", err)
			say(map[string]any{"event": "tested", "allowed": results[0].Allowed, "reason": results[0].RejectReason})
		case "quit":
			client.Stop()
			connection.Stop()
			return
		}
	}
}

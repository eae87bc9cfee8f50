// Times btcd's own mempool on transactions, one after the other as its sync manager gives them. Built by bench/mempool.ts;
// takes a file: length u32 and transaction, little-endian, the first of which makes the outputs that all others spend. For
// each line of input it begins with an empty mempool and prints the transactions that it took a second.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/mempool"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

func main() {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var all []*wire.MsgTx
	for len(data) > 0 {
		length := binary.LittleEndian.Uint32(data)
		tx := &wire.MsgTx{}
		if err := tx.Deserialize(bytes.NewReader(data[4 : 4+length])); err != nil {
			panic(err)
		}
		all = append(all, tx)
		data = data[4+length:]
	}
	root := btcutil.NewTx(all[0])
	const height = 1000
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		pool := mempool.New(&mempool.Config{
			Policy: mempool.Policy{
				MaxTxVersion:         2,
				DisableRelayPriority: true,
				FreeTxRelayLimit:     15,
				MaxOrphanTxs:         100,
				MaxOrphanTxSize:      100000,
				MaxSigOpCostPerTx:    blockchain.MaxBlockSigOpsCost / 4,
				MinRelayTxFee:        1000,
			},
			ChainParams: &chaincfg.RegressionNetParams,
			FetchUtxoView: func(tx *btcutil.Tx) (*blockchain.UtxoViewpoint, error) {
				view := blockchain.NewUtxoViewpoint()
				for _, in := range tx.MsgTx().TxIn {
					view.AddTxOut(root, in.PreviousOutPoint.Index, height-1)
				}
				return view, nil
			},
			BestHeight:     func() int32 { return height },
			MedianTimePast: time.Now,
			CalcSequenceLock: func(*btcutil.Tx, *blockchain.UtxoViewpoint) (*blockchain.SequenceLock, error) {
				return &blockchain.SequenceLock{Seconds: -1, BlockHeight: -1}, nil
			},
			IsDeploymentActive: func(uint32) (bool, error) { return true, nil },
			SigCache:           txscript.NewSigCache(100000),
			HashCache:          txscript.NewHashCache(100000),
		})
		began := time.Now()
		for _, tx := range all[1:] {
			if _, err := pool.ProcessTransaction(btcutil.NewTx(tx), true, true, 0); err != nil {
				panic(err)
			}
		}
		fmt.Printf("%.1f\n", float64(len(all)-1)/time.Since(began).Seconds())
	}
}

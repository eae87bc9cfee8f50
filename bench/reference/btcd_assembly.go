// Times btcd's own filling of a block: the choice of transactions, the block that is made of them, and its trial. Built by
// bench/block-assembly.ts; takes a file: the number of blocks u32, then each block above genesis and each transaction with its
// length u32 before it, little-endian. For each line of input it fills a block and prints the milliseconds; the first line
// of its output is the number of transactions that a block takes.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/database"
	_ "github.com/btcsuite/btcd/database/ffldb"
	"github.com/btcsuite/btcd/mempool"
	"github.com/btcsuite/btcd/mining"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// Less than what ours leaves for the coinbase: both take as many transactions.
const maxWeight = 3996000 - 4000

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	data, err := os.ReadFile(os.Args[1])
	must(err)
	next := func() []byte {
		length := binary.LittleEndian.Uint32(data)
		part := data[4 : 4+length]
		data = data[4+length:]
		return part
	}
	folder, err := os.MkdirTemp("", "gemel-bench-")
	must(err)
	defer os.RemoveAll(folder)
	params := &chaincfg.RegressionNetParams
	db, err := database.Create("ffldb", filepath.Join(folder, "blocks"), params.Net)
	must(err)
	defer db.Close()
	source := blockchain.NewMedianTime()
	signatures, hashes := txscript.NewSigCache(100000), txscript.NewHashCache(100000)
	chain, err := blockchain.New(&blockchain.Config{
		DB:               db,
		UtxoCacheMaxSize: 250 << 20,
		ChainParams:      params,
		TimeSource:       source,
		SigCache:         signatures,
		HashCache:        hashes,
	})
	must(err)
	blocks := binary.LittleEndian.Uint32(data)
	for data = data[4:]; blocks > 0; blocks-- {
		block, err := btcutil.NewBlockFromBytes(next())
		must(err)
		_, isOrphan, err := chain.ProcessBlock(block, blockchain.BFNone)
		must(err)
		if isOrphan {
			panic("a block without its parent")
		}
	}
	pool := mempool.New(&mempool.Config{
		Policy: mempool.Policy{
			MaxTxVersion:         2,
			DisableRelayPriority: true,
			FreeTxRelayLimit:     15,
			MaxOrphanTxs:         100,
			MaxOrphanTxSize:      100000,
			MaxSigOpCostPerTx:    blockchain.MaxBlockSigOpsCost / 4,
			MinRelayTxFee:        100,
		},
		ChainParams:    params,
		FetchUtxoView:  chain.FetchUtxoView,
		BestHeight:     func() int32 { return chain.BestSnapshot().Height },
		MedianTimePast: func() time.Time { return chain.BestSnapshot().MedianTime },
		CalcSequenceLock: func(tx *btcutil.Tx, view *blockchain.UtxoViewpoint) (*blockchain.SequenceLock, error) {
			return chain.CalcSequenceLock(tx, view, true)
		},
		IsDeploymentActive: chain.IsDeploymentActive,
		SigCache:           signatures,
		HashCache:          hashes,
	})
	for len(data) > 0 {
		tx := &wire.MsgTx{}
		must(tx.Deserialize(bytes.NewReader(next())))
		_, err := pool.ProcessTransaction(btcutil.NewTx(tx), true, false, 0)
		must(err)
	}
	generator := mining.NewBlkTmplGenerator(&mining.Policy{
		BlockMaxWeight: maxWeight,
		BlockMaxSize:   maxWeight,
		TxMinFreeFee:   100,
	}, params, pool, chain, source, signatures, hashes)
	fill := func() (int, float64) {
		began := time.Now()
		template, err := generator.NewBlockTemplate(nil)
		must(err)
		return len(template.Block.Transactions) - 1, float64(time.Since(began).Microseconds()) / 1000
	}
	count, _ := fill()
	fmt.Println(count)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		_, ms := fill()
		fmt.Printf("%.1f\n", ms)
	}
}

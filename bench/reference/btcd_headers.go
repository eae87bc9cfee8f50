// What btcd does with a headers message: its own decoder, double SHA-256 and target arithmetic, and the link to the
// header before. Copied into a module of its own and built by bench/bitcoin-headers.ts.
//
// Usage: btcd_headers FILE ROUNDS [CHAIN FOLDER]: FILE is the payload of a headers message, CHAIN regtest headers of 80
// bytes each from height 1 on, FOLDER where a new database may be. Prints the median headers per second of the former,
// and of the latter the rate at which they enter btcd's block index.
package main

import (
	"bytes"
	"fmt"
	"os"
	"sort"
	"strconv"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/database"
	_ "github.com/btcsuite/btcd/database/ffldb"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

func main() {
	payload, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	rounds, _ := strconv.Atoi(os.Args[2])
	rates := make([]float64, 0, rounds)
	for round := 0; round < rounds+2; round++ {
		const repeats = 20
		count := 0
		began := time.Now()
		for i := 0; i < repeats; i++ {
			var message wire.MsgHeaders
			if err := message.BtcDecode(bytes.NewReader(payload), wire.ProtocolVersion, wire.WitnessEncoding); err != nil {
				panic(err)
			}
			previous := message.Headers[0].PrevBlock
			for _, header := range message.Headers {
				hash := header.BlockHash()
				if blockchain.HashToBig(&hash).Cmp(blockchain.CompactToBig(header.Bits)) > 0 {
					panic("no proof of work")
				}
				if header.PrevBlock != previous {
					panic("not continuous")
				}
				previous = hash
			}
			count += len(message.Headers)
		}
		if round >= 2 { // warm by then
			rates = append(rates, float64(count)/time.Since(began).Seconds())
		}
	}
	sort.Float64s(rates)
	fmt.Printf("%.0f\n", rates[len(rates)/2])
	if len(os.Args) > 4 {
		fmt.Printf("%.0f\n", grow(os.Args[3], os.Args[4]))
	}
}

// grow puts the headers of a file into a new block index and returns headers per second.
func grow(file, folder string) float64 {
	headers, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	params := chaincfg.RegressionNetParams
	db, err := database.Create("ffldb", folder, params.Net)
	if err != nil {
		panic(err)
	}
	defer db.Close()
	chain, err := blockchain.New(&blockchain.Config{
		DB:          db,
		ChainParams: &params,
		TimeSource:  blockchain.NewMedianTime(),
		SigCache:    txscript.NewSigCache(1),
	})
	if err != nil {
		panic(err)
	}
	reader := bytes.NewReader(headers)
	count := 0
	began := time.Now()
	for reader.Len() > 0 {
		var header wire.BlockHeader
		if err := header.Deserialize(reader); err != nil {
			panic(err)
		}
		if _, err := chain.ProcessBlockHeader(&header, blockchain.BFNone, false); err != nil {
			panic(err)
		}
		count++
	}
	return float64(count) / time.Since(began).Seconds()
}

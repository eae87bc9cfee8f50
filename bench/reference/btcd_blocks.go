// Times btcd on blocks: decoding and all txids. Takes file names, prints one JSON object of megabytes a second by name.
// Built by bench/bitcoin-blocks.ts in a module of its own that requires github.com/btcsuite/btcd/wire/v2.
package main

import (
	"bytes"
	"encoding/json"
	"os"
	"sort"
	"time"

	"github.com/btcsuite/btcd/wire/v2"
)

func main() {
	rates := map[string]float64{}
	for _, name := range os.Args[1:] {
		raw, err := os.ReadFile(name)
		if err != nil {
			panic(err)
		}
		work := func() {
			var block wire.MsgBlock
			if err := block.Deserialize(bytes.NewReader(raw)); err != nil {
				panic(err)
			}
			for _, tx := range block.Transactions {
				tx.TxHash()
			}
		}
		warm := time.Now()
		for time.Since(warm) < 300*time.Millisecond {
			work()
		}
		var rounds []float64
		for i := 0; i < 7; i++ {
			count := 0
			start := time.Now()
			for time.Since(start) < 150*time.Millisecond {
				work()
				count++
			}
			rounds = append(rounds, float64(len(raw)*count)/1e6/time.Since(start).Seconds())
		}
		sort.Float64s(rounds)
		rates[name] = rounds[3]
	}
	json.NewEncoder(os.Stdout).Encode(rates)
}

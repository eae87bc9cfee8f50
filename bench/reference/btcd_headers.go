// What btcd does with a headers message: its own decoder, double SHA-256 and target arithmetic, and the link to the
// header before. Copied into a module of its own and built by bench/bitcoin-headers.ts.
//
// Usage: btcd_headers FILE ROUNDS: FILE is the payload of a headers message. Prints the median headers per second.
package main

import (
	"bytes"
	"fmt"
	"os"
	"sort"
	"strconv"
	"time"

	"github.com/btcsuite/btcd/blockchain"
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
}

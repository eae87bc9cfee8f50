// Times btcd on the inputs of a block, as its own validation runs them: hashes shared within a transaction, no cache of
// signatures. Built by bench/bitcoin-scripts.ts; takes the file and the lines that consensus_scripts.rs takes.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

type spend struct {
	tx    *wire.MsgTx
	spent []*wire.TxOut
}

func main() {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	take := func(length int) []byte {
		part := data[:length]
		data = data[length:]
		return part
	}
	u32 := func() int { return int(binary.LittleEndian.Uint32(take(4))) }
	var spends []spend
	inputs := 0
	for len(data) > 0 {
		tx := &wire.MsgTx{}
		if err := tx.Deserialize(bytes.NewReader(take(u32()))); err != nil {
			panic(err)
		}
		var spent []*wire.TxOut
		for left := u32(); left > 0; left-- {
			value := int64(binary.LittleEndian.Uint64(take(8)))
			spent = append(spent, wire.NewTxOut(value, take(u32())))
			inputs++
		}
		spends = append(spends, spend{tx, spent})
	}
	flags := txscript.ScriptBip16 | txscript.ScriptVerifyDERSignatures | txscript.ScriptStrictMultiSig |
		txscript.ScriptVerifyCheckLockTimeVerify | txscript.ScriptVerifyCheckSequenceVerify |
		txscript.ScriptVerifyWitness | txscript.ScriptVerifyTaproot
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		began := time.Now()
		for _, each := range spends {
			outputs := map[wire.OutPoint]*wire.TxOut{}
			for i, in := range each.tx.TxIn {
				outputs[in.PreviousOutPoint] = each.spent[i]
			}
			fetcher := txscript.NewMultiPrevOutFetcher(outputs)
			hashes := txscript.NewTxSigHashes(each.tx, fetcher)
			for i, out := range each.spent {
				engine, err := txscript.NewEngine(out.PkScript, each.tx, i, flags, nil, hashes, out.Value, fetcher)
				if err == nil {
					err = engine.Execute()
				}
				if err != nil {
					panic(err)
				}
			}
		}
		fmt.Printf("%.1f\n", float64(time.Since(began).Nanoseconds())/float64(inputs))
	}
}

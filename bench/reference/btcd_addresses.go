// btcd's address manager with the addresses that bench/addresses.ts gives it. Copied into a module of its own and built
// there.
//
// Usage: btcd_addresses FILE GOODS SELECTS: FILE has lines "host port source". Prints the seconds that all adds, the
// first GOODS marks as good and SELECTS draws took.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/btcsuite/btcd/addrmgr"
	"github.com/btcsuite/btcd/wire/v2"
)

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	goods, _ := strconv.Atoi(os.Args[2])
	selects, _ := strconv.Atoi(os.Args[3])
	seen := time.Now().Add(-time.Hour)
	address := func(host string, port int) *wire.NetAddressV2 {
		return wire.NetAddressV2FromBytes(seen, wire.SFNodeNetwork, net.ParseIP(host).To4(), uint16(port))
	}
	var told, sources []*wire.NetAddressV2
	for lines := bufio.NewScanner(file); lines.Scan(); {
		words := strings.Fields(lines.Text())
		port, _ := strconv.Atoi(words[1])
		told = append(told, address(words[0], port))
		sources = append(sources, address(words[2], port))
	}
	manager := addrmgr.New(os.TempDir(), nil)
	began := time.Now()
	for i := range told {
		manager.AddAddress(told[i], sources[i])
	}
	fmt.Println(time.Since(began).Seconds())
	began = time.Now()
	for _, each := range told[:goods] {
		manager.Good(each)
	}
	fmt.Println(time.Since(began).Seconds())
	began = time.Now()
	for i := 0; i < selects; i++ {
		manager.GetAddress()
	}
	fmt.Println(time.Since(began).Seconds())
}

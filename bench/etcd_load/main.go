// etcd_load puts and gets keys of an etcd cluster with many requests under way, and prints what it measured as the one
// line of JSON that `trellis bench --json` prints: so both are driven and measured alike.
//
// Built in GOPATH mode over Debian's golang-etcd-server-dev (bench/compare does it):
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o etcd_load ./bench/etcd_load
//
// Every request has a goroutine of its own; they share a few gRPC connections, as etcd's own benchmark does.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/clientv3"
)

var (
	endpoints   = flag.String("endpoints", "127.0.0.1:2379", "members, separated by commas")
	connections = flag.Int("connections", 8, "gRPC connections, spread over the members")
	underWay    = flag.Int("under-way", 64, "requests under way in all")
	keys        = flag.Int("keys", 100000, "number of keys")
	valueSize   = flag.Int("value-size", 64, "bytes of a value")
	duration    = flag.Duration("duration", 10*time.Second, "how long to measure")
	timeout     = flag.Duration("timeout", 5*time.Second, "how long a request may take")
)

type latencies struct {
	Count int     `json:"count"`
	Mean  float64 `json:"mean"`
	P50   int64   `json:"p50"`
	P90   int64   `json:"p90"`
	P99   int64   `json:"p99"`
	P999  int64   `json:"p99.9"`
	Max   int64   `json:"max"`
}

type result struct {
	Workload   string         `json:"workload"`
	Seconds    float64        `json:"seconds"`
	Operations int            `json:"operations"`
	Throughput float64        `json:"throughput"`
	LatencyUs  latencies      `json:"latency_us"`
	Errors     map[string]int `json:"errors"`
}

// lane is one request at a time.
type lane struct {
	client *clientv3.Client
	random *rand.Rand
	micros []int64
	errors map[string]int
}

func key(number int) string { return fmt.Sprintf("key:%012d", number) }

func (l *lane) do(workload string, value string) {
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	begun := time.Now()
	var err error
	if workload == "put" {
		_, err = l.client.Put(ctx, key(l.random.Intn(*keys)), value)
	} else {
		var response *clientv3.GetResponse
		response, err = l.client.Get(ctx, key(l.random.Intn(*keys))) // Linearizable unless told otherwise.
		if err == nil && len(response.Kvs) != 1 {
			err = fmt.Errorf("NOT_FOUND")
		}
	}
	l.micros = append(l.micros, time.Since(begun).Microseconds())
	if err != nil {
		l.errors[err.Error()]++
	}
}

func connect() []*clientv3.Client {
	members := strings.Split(*endpoints, ",")
	var clients []*clientv3.Client
	for i := 0; i < *connections; i++ {
		client, err := clientv3.New(clientv3.Config{
			Endpoints:   []string{members[i%len(members)]},
			DialTimeout: 5 * time.Second,
		})
		if err != nil {
			log.Fatal("cannot connect to ", members[i%len(members)], ": ", err)
		}
		clients = append(clients, client)
	}
	return clients
}

// load stores every key once.
func load(clients []*clientv3.Client, value string) {
	var next int64 = -1
	var group sync.WaitGroup
	for i := 0; i < 256; i++ {
		group.Add(1)
		go func(client *clientv3.Client) {
			defer group.Done()
			for {
				number := int(atomic.AddInt64(&next, 1))
				if number >= *keys {
					return
				}
				for attempt := 0; ; attempt++ {
					if _, err := client.Put(context.Background(), key(number), value); err == nil {
						break
					} else if attempt == 20 {
						log.Fatal("cannot store a key: ", err)
					}
					time.Sleep(50 * time.Millisecond)
				}
			}
		}(clients[i%len(clients)])
	}
	group.Wait()
}

func measure(clients []*clientv3.Client, workload, value string) result {
	lanes := make([]*lane, *underWay)
	var group sync.WaitGroup
	begun := time.Now()
	for i := range lanes {
		lanes[i] = &lane{clients[i%len(clients)], rand.New(rand.NewSource(int64(i))), nil, map[string]int{}}
		group.Add(1)
		go func(l *lane) {
			defer group.Done()
			for time.Since(begun) < *duration {
				l.do(workload, value)
			}
		}(lanes[i])
	}
	group.Wait()
	return summary(lanes, workload, time.Since(begun).Seconds())
}

func summary(lanes []*lane, workload string, seconds float64) result {
	var all []int64
	var sum int64
	errors := map[string]int{}
	for _, l := range lanes {
		all = append(all, l.micros...)
		for text, count := range l.errors {
			errors[text] += count
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	for _, micros := range all {
		sum += micros
	}
	if len(all) == 0 {
		return result{Workload: workload, Seconds: seconds, Errors: errors}
	}
	at := func(part float64) int64 { return all[int(part*float64(len(all)-1))] }
	return result{workload, seconds, len(all), float64(len(all)) / seconds,
		latencies{len(all), float64(sum) / float64(len(all)), at(0.5), at(0.9), at(0.99), at(0.999), all[len(all)-1]},
		errors}
}

func main() {
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: etcd_load [flags] load|put|get")
		flag.PrintDefaults()
	}
	flag.Parse()
	workload := flag.Arg(0)
	if workload != "load" && workload != "put" && workload != "get" {
		flag.Usage()
		os.Exit(2)
	}
	clients := connect()
	value := strings.Repeat("x", *valueSize)
	if workload == "load" {
		load(clients, value)
		return
	}
	json.NewEncoder(os.Stdout).Encode(measure(clients, workload, value))
}

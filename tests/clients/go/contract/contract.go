// Package contract is what the Go programs share: the plan, and the lines that tell what is seen. See ../../README.md.
package contract

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"strings"
	"sync"
	"time"
)

// Plan is what a program is asked to do.
type Plan struct {
	Bootstrap  string     `json:"bootstrap"`
	Topic      string     `json:"topic"`
	Group      string     `json:"group"`
	Partitions int32      `json:"partitions"`
	Isolation  string     `json:"isolation"`
	Do         string     `json:"do"`
	Count      int        `json:"count"`
	Seconds    int        `json:"seconds"`
	List       [][2]int64 `json:"list"`
}

const linger = time.Second

// Told keeps what was seen, for the end of a program.
type Told struct {
	Plan      Plan
	lock      sync.Mutex
	seen      map[[2]int64]bool
	deadline  time.Time
	fullSince time.Time
}

// Read takes the plan from the arguments.
func Read() *Told {
	told := &Told{seen: map[[2]int64]bool{}}
	if err := json.Unmarshal([]byte(os.Args[1]), &told.Plan); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	told.deadline = time.Now().Add(time.Duration(told.Plan.Seconds) * time.Second)
	return told
}

// Bootstrap is where to begin: one address or several.
func (t *Told) Bootstrap() []string { return strings.Split(t.Plan.Bootstrap, ",") }

// Committed is whether only records of committed transactions are asked for.
func (t *Told) Committed() bool { return t.Plan.Isolation == "read_committed" }

func (t *Told) line(fact map[string]any) {
	text, err := json.Marshal(fact)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

func crc(data []byte) any {
	if data == nil {
		return nil
	}
	return crc32.ChecksumIEEE(data)
}

// Record tells a record.
func (t *Told) Record(member int, partition int32, offset int64, timestamp time.Time, key, value []byte) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.seen[[2]int64{int64(partition), offset}] = true
	t.line(map[string]any{"r": []any{member, partition, offset, timestamp.UnixMilli(), crc(key), crc(value)}})
}

// At tells what lies at a time.
func (t *Told) At(partition int32, at, offset int64) {
	t.line(map[string]any{"at": []int64{int64(partition), at, offset}})
}

// Bounds tells where a partition begins and ends.
func (t *Told) Bounds(partition int32, begin, end int64) {
	t.line(map[string]any{"bounds": []int64{int64(partition), begin, end}})
}

// Fault tells an error that the library told.
func (t *Told) Fault(err error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.line(map[string]any{"fault": err.Error()})
}

// Share is whether so much of the expected records was seen.
func (t *Told) Share(part, of int) bool {
	t.lock.Lock()
	defer t.lock.Unlock()
	return len(t.seen)*of >= t.Plan.Count*part
}

// IsOver is whether all was seen and nothing came after it, or the time is over.
func (t *Told) IsOver() bool {
	t.lock.Lock()
	defer t.lock.Unlock()
	now := time.Now()
	if t.Plan.Count > 0 && len(t.seen) >= t.Plan.Count {
		if t.fullSince.IsZero() {
			t.fullSince = now
		}
		return now.Sub(t.fullSince) > linger
	}
	return now.After(t.deadline)
}

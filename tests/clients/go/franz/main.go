// franz-go: a client with fetch sessions, and with ideas of its own about offsets that are out of range.
package main

import (
	"context"
	"errors"
	"time"

	"firnline-clients/contract"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var told = contract.Read()

func client(options ...kgo.Opt) *kgo.Client {
	all := []kgo.Opt{
		kgo.SeedBrokers(told.Bootstrap()...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(500 * time.Millisecond),
	}
	if told.Committed() {
		all = append(all, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	made, err := kgo.NewClient(append(all, options...)...)
	if err != nil {
		panic(err)
	}
	return made
}

func member() *kgo.Client {
	return client(
		kgo.ConsumerGroup(told.Plan.Group), kgo.ConsumeTopics(told.Plan.Topic), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(45*time.Second), kgo.HeartbeatInterval(time.Second),
	)
}

func poll(one *kgo.Client, number, most int) int {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	fetches := one.PollRecords(ctx, most)
	fetches.EachError(func(_ string, _ int32, err error) {
		if !errors.Is(err, context.DeadlineExceeded) {
			told.Fault(err)
		}
	})
	fetches.EachRecord(func(record *kgo.Record) {
		told.Record(number, record.Partition, record.Offset, record.Timestamp, record.Key, record.Value)
	})
	return fetches.NumRecords()
}

func commit(one *kgo.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// What is not committed while the group is divided anew is read again.
	_ = one.CommitUncommittedOffsets(ctx)
}

func group() {
	one := member()
	defer one.Close()
	first := map[string][]int32{told.Plan.Topic: {0}}
	paused := time.Time{}
	for !told.IsOver() {
		poll(one, 0, 100)
		switch {
		case paused.IsZero() && told.Share(1, 3):
			paused = time.Now()
			one.PauseFetchPartitions(first)
		case !paused.IsZero() && time.Since(paused) > time.Second:
			one.ResumeFetchPartitions(first)
		}
	}
	commit(one)
}

func members() {
	both := []*kgo.Client{member()}
	left := false
	for !told.IsOver() {
		if len(both) == 1 && !left && told.Share(1, 3) {
			both = append(both, member())
		}
		if len(both) == 2 && told.Share(2, 3) {
			both[1].Close()
			both, left = both[:1], true
		}
		for number, one := range both {
			if poll(one, number, 100) > 0 {
				commit(one)
			}
		}
	}
	for _, one := range both {
		one.Close()
	}
}

func seek() {
	for _, place := range told.Plan.List {
		at := map[string]map[int32]kgo.Offset{told.Plan.Topic: {int32(place[0]): kgo.NewOffset().At(place[1])}}
		one := client(kgo.ConsumePartitions(at))
		for !told.IsOver() && poll(one, 0, 1) == 0 {
		}
		one.Close()
	}
}

func times() {
	one := client()
	defer one.Close()
	admin, ctx := kadm.NewClient(one), context.Background()
	offset := func(listed kadm.ListedOffsets, err error, partition int32) int64 {
		found, ok := listed.Lookup(told.Plan.Topic, partition)
		switch {
		case err != nil:
			told.Fault(err)
		case !ok:
			told.Fault(errors.New("no offset"))
		case found.Err != nil:
			told.Fault(found.Err)
		default:
			return found.Offset
		}
		return -1
	}
	for _, place := range told.Plan.List {
		listed, err := admin.ListOffsetsAfterMilli(ctx, place[1], told.Plan.Topic)
		told.At(int32(place[0]), place[1], offset(listed, err, int32(place[0])))
	}
	begins, err := admin.ListStartOffsets(ctx, told.Plan.Topic)
	ends, errOfEnds := admin.ListEndOffsets(ctx, told.Plan.Topic)
	for partition := range told.Plan.Partitions {
		told.Bounds(partition, offset(begins, err, partition), offset(ends, errOfEnds, partition))
	}
}

func main() {
	map[string]func(){"group": group, "members": members, "seek": seek, "times": times}[told.Plan.Do]()
}

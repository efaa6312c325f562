// kafka-go: a small client; its sessions have the id -1.
package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"firnline-clients/contract"

	"github.com/segmentio/kafka-go"
)

var told = contract.Read()

func config() kafka.ReaderConfig {
	isolation := kafka.ReadUncommitted
	if told.Committed() {
		isolation = kafka.ReadCommitted
	}
	return kafka.ReaderConfig{
		Brokers: told.Bootstrap(), Topic: told.Plan.Topic, IsolationLevel: isolation,
		StartOffset: kafka.FirstOffset, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 500 * time.Millisecond,
		SessionTimeout: 45 * time.Second, HeartbeatInterval: time.Second, RebalanceTimeout: 5 * time.Second,
	}
}

// read takes one message; it answers false where none came in time.
func read(one *kafka.Reader, member int) (kafka.Message, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	message, err := one.FetchMessage(ctx)
	if err != nil {
		if !errors.Is(err, context.DeadlineExceeded) {
			told.Fault(err)
		}
		return message, false
	}
	told.Record(member, int32(message.Partition), message.Offset, message.Time, message.Key, message.Value)
	return message, true
}

func join() *kafka.Reader {
	config := config()
	config.GroupID = told.Plan.Group
	config.CommitInterval = 200 * time.Millisecond
	return kafka.NewReader(config)
}

// follow reads until it is told to stop.
func follow(one *kafka.Reader, member int, stop <-chan struct{}, done *sync.WaitGroup) {
	defer done.Done()
	for {
		select {
		case <-stop:
			return
		default:
			if message, ok := read(one, member); ok {
				_ = one.CommitMessages(context.Background(), message)
				if told.Plan.Do == "members" {
					time.Sleep(time.Millisecond)
				}
			}
		}
	}
}

type member struct {
	reader *kafka.Reader
	stop   chan struct{}
	done   *sync.WaitGroup
}

func begin(number int) member {
	one := member{join(), make(chan struct{}), &sync.WaitGroup{}}
	one.done.Add(1)
	go follow(one.reader, number, one.stop, one.done)
	return one
}

func (m member) leave() {
	close(m.stop)
	m.done.Wait()
	_ = m.reader.Close()
}

func group() {
	one := begin(0)
	for !told.IsOver() {
		time.Sleep(10 * time.Millisecond)
	}
	one.leave()
}

func members() {
	one := begin(0)
	var other *member
	left := false
	for !told.IsOver() {
		time.Sleep(10 * time.Millisecond)
		if other == nil && !left && told.Share(1, 3) {
			joined := begin(1)
			other = &joined
		}
		if other != nil && told.Share(2, 3) {
			other.leave()
			other, left = nil, true
		}
	}
	if other != nil {
		other.leave()
	}
	one.leave()
}

func seek() {
	for _, place := range told.Plan.List {
		config := config()
		config.Partition = int(place[0])
		one := kafka.NewReader(config)
		if err := one.SetOffset(place[1]); err != nil {
			told.Fault(err)
		}
		for !told.IsOver() {
			if _, ok := read(one, 0); ok {
				break
			}
		}
		_ = one.Close()
	}
}

func times() {
	client := &kafka.Client{Addr: kafka.TCP(told.Bootstrap()...), Timeout: 10 * time.Second}
	ask := func(partition int32, at int64) kafka.PartitionOffsets {
		isolation := kafka.ReadUncommitted
		if told.Committed() {
			isolation = kafka.ReadCommitted
		}
		request := kafka.OffsetRequest{Partition: int(partition), Timestamp: at}
		answer, err := client.ListOffsets(context.Background(), &kafka.ListOffsetsRequest{
			Topics: map[string][]kafka.OffsetRequest{told.Plan.Topic: {request}}, IsolationLevel: isolation,
		})
		if err != nil {
			told.Fault(err)
			return kafka.PartitionOffsets{FirstOffset: -1, LastOffset: -1}
		}
		found := answer.Topics[told.Plan.Topic][0]
		if found.Error != nil {
			told.Fault(found.Error)
		}
		return found
	}
	for _, place := range told.Plan.List {
		offset := int64(-1)
		for found := range ask(int32(place[0]), place[1]).Offsets {
			offset = found
		}
		told.At(int32(place[0]), place[1], offset)
	}
	for partition := range told.Plan.Partitions {
		told.Bounds(partition, ask(partition, kafka.FirstOffset).FirstOffset, ask(partition, kafka.LastOffset).LastOffset)
	}
}

func main() {
	map[string]func(){"group": group, "members": members, "seek": seek, "times": times}[told.Plan.Do]()
}

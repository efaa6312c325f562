// sarama: it holds a wanted offset against the log's bounds before it fetches.
package main

import (
	"context"
	"time"

	"firnline-clients/contract"

	"github.com/IBM/sarama"
)

var told = contract.Read()

func config() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Interval = 200 * time.Millisecond
	config.Consumer.Return.Errors = true
	config.Consumer.MaxWaitTime = 500 * time.Millisecond
	config.Consumer.Group.Session.Timeout = 45 * time.Second
	config.Consumer.Group.Heartbeat.Interval = time.Second
	if told.Committed() {
		config.Consumer.IsolationLevel = sarama.ReadCommitted
	}
	return config
}

func must[T any](made T, err error) T {
	if err != nil {
		panic(err)
	}
	return made
}

type handler struct{ member int }

func (handler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (h handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			told.Record(h.member, message.Partition, message.Offset, message.Timestamp, message.Key, message.Value)
			session.MarkMessage(message, "")
			// So that a plan's shares are reached while there is something left to be divided.
			if told.Plan.Do == "members" {
				time.Sleep(time.Millisecond)
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

type member struct {
	group  sarama.ConsumerGroup
	cancel context.CancelFunc
	done   chan struct{}
}

func join(number int) member {
	group := must(sarama.NewConsumerGroup(told.Bootstrap(), told.Plan.Group, config()))
	ctx, cancel := context.WithCancel(context.Background())
	joined := member{group, cancel, make(chan struct{})}
	go func() {
		for err := range group.Errors() {
			told.Fault(err)
		}
	}()
	go func() {
		defer close(joined.done)
		for ctx.Err() == nil {
			if err := group.Consume(ctx, []string{told.Plan.Topic}, handler{number}); err != nil {
				told.Fault(err)
				time.Sleep(200 * time.Millisecond)
			}
		}
	}()
	return joined
}

func (m member) leave() {
	m.cancel()
	<-m.done
	_ = m.group.Close()
}

func group() {
	one := join(0)
	first := map[string][]int32{told.Plan.Topic: {0}}
	paused := time.Time{}
	for !told.IsOver() {
		time.Sleep(10 * time.Millisecond)
		switch {
		case paused.IsZero() && told.Share(1, 3):
			paused = time.Now()
			one.group.Pause(first)
		case !paused.IsZero() && time.Since(paused) > time.Second:
			one.group.Resume(first)
		}
	}
	one.leave()
}

func members() {
	one := join(0)
	var other *member
	left := false
	for !told.IsOver() {
		time.Sleep(10 * time.Millisecond)
		if other == nil && !left && told.Share(1, 3) {
			joined := join(1)
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
	consumer := must(sarama.NewConsumer(told.Bootstrap(), config()))
	defer consumer.Close()
	for _, place := range told.Plan.List {
		one, err := consumer.ConsumePartition(told.Plan.Topic, int32(place[0]), place[1])
		if err != nil {
			told.Fault(err)
			continue
		}
		for found := false; !found && !told.IsOver(); {
			select {
			case message := <-one.Messages():
				told.Record(0, message.Partition, message.Offset, message.Timestamp, message.Key, message.Value)
				found = true
			case err := <-one.Errors():
				told.Fault(err)
			case <-time.After(200 * time.Millisecond):
			}
		}
		one.AsyncClose()
		for range one.Messages() {
		}
	}
}

func times() {
	client := must(sarama.NewClient(told.Bootstrap(), config()))
	defer client.Close()
	offset := func(partition int32, at int64) int64 {
		found, err := client.GetOffset(told.Plan.Topic, partition, at)
		if err != nil {
			told.Fault(err)
		}
		return found
	}
	for _, place := range told.Plan.List {
		told.At(int32(place[0]), place[1], offset(int32(place[0]), place[1]))
	}
	for partition := range told.Plan.Partitions {
		told.Bounds(partition, offset(partition, sarama.OffsetOldest), offset(partition, sarama.OffsetNewest))
	}
}

func main() {
	map[string]func(){"group": group, "members": members, "seek": seek, "times": times}[told.Plan.Do]()
}

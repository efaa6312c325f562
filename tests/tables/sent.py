"""Topics whose records are sent one by one, each with the row that it is to become."""

import expected

START = 1_790_000_000_000


class Sent:
    """What was produced, by partition and in order, so that rows can be told from offsets."""

    def __init__(self, lane, topic, partitions=1, framed=True):
        """`framed` where values name their schemas."""
        self.framed = framed
        self.lane, self.topic, self.rows = lane, topic, [[] for _ in range(partitions)]
        self.names, self.number = set(), 0
        lane.stand.topic(topic, partitions)

    def send(self, value, row, key=None, headers=None):
        """One record; `row` is None where it is to be a dead letter."""
        partition = self.number % len(self.rows)
        self.lane.stand.produce_one(self.topic, {
            "key": key, "value": value, "partition": partition, "timestamp": START + self.number * 30_000, "headers": headers or None,
        })
        self.number += 1
        self.names |= set(row or {})
        self.rows[partition].append(row)

    def offload(self):
        self.lane.stand.flush()
        self.lane.stand.offload(self.topic)
        for rows in self.rows:
            rows.append({})  # the filler, which the next offload brings
        self.records = self.lane.stand.records(self.topic)
        return self

    def expected(self, *more):
        """Rows as they are to be in a table; columns that a row has nothing for are null."""
        empty = dict.fromkeys([*self.names, *more])
        return [{**expected.row(record), **empty, **row} for record in self.records if (row := self.row(record)) is not None]

    def dead(self):
        named = {} if self.framed else {"kafka_schema_id": None}
        return [{**expected.row(record), **named} for record in self.records if self.row(record) is None]

    def row(self, record):
        return self.rows[record.partition][record.offset]

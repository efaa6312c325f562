// kafkajs. It reads in groups only; what it seeks, it seeks in one. See ../README.md.
"use strict";

const { Kafka, logLevel } = require("kafkajs");

const plan = JSON.parse(process.argv[2]);
const deadline = Date.now() + plan.seconds * 1000;
const seen = new Set();
let fullSince = 0;

const kafka = new Kafka({ clientId: "kafkajs", brokers: plan.bootstrap.split(","), logLevel: logLevel.NOTHING });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const tell = (fact) => process.stdout.write(JSON.stringify(fact) + "\n");
const share = (part, of) => seen.size * of >= plan.count * part;

const TABLE = Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
});

function crc(data) {
  if (data === null) return null;
  let crc = 0xffffffff;
  for (const byte of data) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function isOver() {
  if (plan.count > 0 && seen.size >= plan.count) {
    fullSince = fullSince || Date.now();
    return Date.now() - fullSince > 1000;
  }
  return Date.now() > deadline;
}

function record(member, partition, message) {
  seen.add(`${partition}/${message.offset}`);
  tell({ r: [member, partition, Number(message.offset), Number(message.timestamp), crc(message.key), crc(message.value)] });
}

async function join(member, group, each) {
  const consumer = kafka.consumer({
    groupId: group, readUncommitted: plan.isolation !== "read_committed", sessionTimeout: 45000, heartbeatInterval: 1000,
    maxWaitTimeInMs: 500, rebalanceTimeout: 5000,
  });
  consumer.on(consumer.events.CRASH, (event) => tell({ fault: String(event.payload.error) }));
  await consumer.connect();
  await consumer.subscribe({ topic: plan.topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      record(member, partition, message);
      if (each) await each(partition, message);
    },
  });
  return consumer;
}

async function group() {
  const consumer = await join(0, plan.group);
  let paused = 0;
  while (!isOver()) {
    await sleep(20);
    if (!paused && share(1, 3)) {
      paused = Date.now();
      consumer.pause([{ topic: plan.topic, partitions: [0] }]);
    } else if (paused > 0 && Date.now() - paused > 1000) {
      paused = Infinity;
      consumer.resume([{ topic: plan.topic, partitions: [0] }]);
    }
  }
  await consumer.disconnect();
}

async function members() {
  // Slowed down, so that there is something left to be divided when the second comes.
  const slowly = () => sleep(1);
  const first = await join(0, plan.group, slowly);
  let second = null;
  let left = false;
  while (!isOver()) {
    await sleep(20);
    if (!second && !left && share(1, 3)) second = await join(1, plan.group, slowly);
    if (second && share(2, 3)) {
      await second.disconnect();
      [second, left] = [null, true];
    }
  }
  if (second) await second.disconnect();
  await first.disconnect();
}

async function seek() {
  for (const [partition, offset] of plan.list) {
    let found = false;
    const consumer = kafka.consumer({
      groupId: `${plan.group}-${partition}-${offset}`, readUncommitted: plan.isolation !== "read_committed",
      maxWaitTimeInMs: 500,
    });
    await consumer.connect();
    await consumer.subscribe({ topic: plan.topic, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ partition: of, message }) => {
        if (of === partition && Number(message.offset) >= offset && !found) {
          found = true;
          record(0, of, message);
        }
      },
    });
    consumer.seek({ topic: plan.topic, partition, offset: String(offset) });
    while (!found && Date.now() < deadline) await sleep(20);
    await consumer.disconnect();
  }
}

async function times() {
  const admin = kafka.admin();
  await admin.connect();
  for (const [partition, at] of plan.list) {
    const found = await admin.fetchTopicOffsetsByTimestamp(plan.topic, at);
    tell({ at: [partition, at, Number(found.find((one) => one.partition === partition).offset)] });
  }
  for (const one of await admin.fetchTopicOffsets(plan.topic)) {
    tell({ bounds: [one.partition, Number(one.low), Number(one.high)] });
  }
  await admin.disconnect();
}

({ group, members, seek, times })[plan.do]().then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);

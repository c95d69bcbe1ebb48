// Typical use of mqtt.js: node typical.js PORT|URL VERSION PREFIX. Prints what it saw as one line of JSON.
"use strict";
const mqtt = require("mqtt");
const { once } = require("events");

const [where, version, prefix] = [process.argv[2], Number(process.argv[3]), process.argv[4]];
const url = where.includes("://") ? where : `mqtt://127.0.0.1:${where}`;

async function join(name, more = {}) {
  const client = mqtt.connect(url, {
    protocolVersion: version, clientId: `${prefix}-${name}`, reconnectPeriod: 0, ...more,
  });
  const waiting = [], arrived = [];
  client.on("message", (topic, payload, packet) => {
    const seen = [topic, payload.toString(), packet.qos, packet.retain];
    waiting.length ? waiting.shift()(seen) : arrived.push(seen);
  });
  client.receive = () => new Promise((done) => (arrived.length ? done(arrived.shift()) : waiting.push(done)));
  const [connack] = await once(client, "connect"); // an "error" event rejects
  client.sessionPresent = connack.sessionPresent;
  return client;
}

async function main() {
  const seen = {};
  const one = await join("one"), two = await join("two");
  seen.granted = (await one.subscribeAsync(`${prefix}/+`, { qos: 2 })).map((g) => g.qos);
  seen.live = [];
  for (const qos of [0, 1, 2]) {
    await two.publishAsync(`${prefix}/t`, `q${qos}`, { qos });
    seen.live.push(await one.receive());
  }

  await two.publishAsync(`${prefix}/kept/state`, "on", { qos: 1, retain: true });
  await one.subscribeAsync(`${prefix}/kept/#`, { qos: 1 });
  seen.retained = await one.receive();

  const will = { topic: `${prefix}/will`, payload: Buffer.from("gone"), qos: 1 };
  const lost = await join("lost", { will });
  lost.stream.destroy();
  seen.will = await one.receive();

  const keep = { clean: false, ...(version === 5 ? { properties: { sessionExpiryInterval: 100 } } : {}) };
  const before = await join("keeper", keep);
  await before.subscribeAsync(`${prefix}/away/#`, { qos: 2 });
  await before.endAsync();
  for (const qos of [1, 2]) await two.publishAsync(`${prefix}/away/t`, `while away ${qos}`, { qos });
  const after = await join("keeper", keep);
  seen.resumed = [before.sessionPresent, after.sessionPresent];
  seen.away = [await after.receive(), await after.receive()];

  await one.unsubscribeAsync(`${prefix}/+`);
  for (const client of [one, two, after]) await client.endAsync();
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

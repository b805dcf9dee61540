// RunPod's own JavaScript client, told nothing but another address: node client.mjs URL KEY [stream]
import runpodSdk from "runpod-sdk"

const [baseUrl, key, mode] = process.argv.slice(2)
console.log = () => {} // the client prints while it waits
const endpoint = runpodSdk(key, { baseUrl }).endpoint("local")
const facts = {}

if (mode === "stream") {
  const job = await endpoint.run({ input: { count: 3 } })
  const chunks = []
  for await (const chunk of endpoint.stream(job.id)) chunks.push(chunk.output)
  process.stdout.write(JSON.stringify({ chunks }))
  process.exit(0)
}

facts.sync = await endpoint.runSync({ input: { text: "sync" } }, 20000)

const started = await endpoint.run({ input: { text: "async" }, policy: { executionTimeout: 60000 } })
facts.started = started
facts.finished = await endpoint.statusSync(started.id, 20000)
facts.status = await endpoint.status(started.id)

const waiting = await endpoint.run({ input: { sleep_s: 60 } })
const queued = await endpoint.run({ input: { sleep_s: 60 } })
facts.cancelled = await endpoint.cancel(waiting.id)
facts.cancelledStatus = await endpoint.status(waiting.id)
await endpoint.cancel(queued.id)

facts.health = await endpoint.health()
facts.purged = await endpoint.purgeQueue()
const failures = {}
for (const [name, call] of Object.entries({
  unknown: () => endpoint.status("no-such-job"),
  unauthorized: () => runpodSdk("wrong", { baseUrl }).endpoint("local").health(),
})) {
  try {
    await call()
  } catch (error) {
    failures[name] = error.response?.status ?? String(error)
  }
}
facts.failures = failures
process.stdout.write(JSON.stringify(facts))

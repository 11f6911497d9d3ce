import t from 'tap'
import { get } from './http.ts'
import { join, listPhases, makeProcess, setUp, setUpBlock, start, stop, type TestBlock } from './harness.ts'

const ADDRESS = '127.0.0.1:0'

async function ask(block: TestBlock): Promise<string> {
  const { status, type, body } = await get(block.process.http.port(ADDRESS), '/ready')
  t.equal(type, 'text/plain; charset=utf-8')
  return `${status} ${body}`
}

void t.test('without a plugin that has to become ready, it is ready at once', async t => {
  const block = setUpBlock(`ready ${ADDRESS}\nwhoami`)
  await start(block)
  t.equal(await ask(block), '200 OK')
  await stop(block)
})

void t.test('the names of what is not ready are told in alphabetical order', async t => {
  const block = setUpBlock(`ready ${ADDRESS}`)
  const isReady: Record<string, boolean> = { kubernetes: false, erratic: false, file: true }
  for (const name of Object.keys(isReady)) join(block, name, { ready: () => isReady[name] })
  await start(block)
  t.equal(await ask(block), '503 erratic,kubernetes')
  isReady.erratic = true
  t.equal(await ask(block), '503 kubernetes')
  isReady.kubernetes = true
  t.equal(await ask(block), '200 OK')
  t.same(block.process.lines, [
    'info plugin/ready: Plugins not ready: "erratic,kubernetes"',
    'info plugin/ready: Plugins not ready: "kubernetes"',
  ])
  await stop(block)
})

void t.test('what was ready once is not asked again', async t => {
  const block = setUpBlock(`ready ${ADDRESS} {\n monitor until-ready\n}`)
  let asked = 0
  join(block, 'once', { ready: () => ++asked === 1 })
  join(block, 'never', { ready: () => false })
  await start(block)
  t.equal(await ask(block), '503 never')
  t.equal(await ask(block), '503 never')
  t.equal(asked, 1)
  await stop(block)
})

void t.test('monitor continuously asks each time', async t => {
  const block = setUpBlock(`ready ${ADDRESS} {\n monitor continuously\n}`)
  let isReady = true
  join(block, 'kubernetes', { ready: () => isReady })
  await start(block)
  t.equal(await ask(block), '200 OK')
  isReady = false
  t.equal(await ask(block), '503 kubernetes')
  isReady = true
  t.equal(await ask(block), '200 OK')
  await stop(block)
})

void t.test('server blocks that share the address are ready together, from the start on', async t => {
  const context = makeProcess()
  const [one, two] = setUp(`one. {\n ready ${ADDRESS}\n}\ntwo. {\n ready ${ADDRESS}\n}`, context)
  let isReady = false
  join(one, 'file', { ready: () => true })
  join(two, 'file', { ready: () => isReady })
  const [, expected] = listPhases(one)
  await expected.start?.()
  t.equal(await ask(one), '503 Starting', 'nothing answers yet')
  await expected.stop?.()
  await start(one, two)
  t.equal(await ask(one), '503 file')
  isReady = true
  t.equal(await ask(one), '200 OK')
  await stop(one, two)
})

void t.test('a block that has stopped does not count any more', async t => {
  const [one, two] = setUp(`one. {\n ready ${ADDRESS}\n}\ntwo. {\n ready ${ADDRESS}\n}`)
  join(two, 'file', { ready: () => false })
  await start(one, two)
  for (const phase of listPhases(two)) await phase.stop?.()
  t.equal(await ask(one), '200 OK')
  await stop(one)
})

void t.test('in lameduck it is not ready', async t => {
  const block = setUpBlock(`ready ${ADDRESS}`)
  await start(block)
  for (const phase of listPhases(block)) await phase.lameduck?.()
  t.equal(await ask(block), '503 Shutting down')
  await stop(block)
})

void t.test('the address is :8181 unless it is given', async t => {
  const block = setUpBlock('ready')
  const addresses: string[] = []
  block.process.http.open = address => {
    addresses.push(address)
    return Promise.resolve({ port: 1, close: () => Promise.resolve() })
  }
  await start(block)
  t.same(addresses, [':8181'])
})

const mistakes: [directives: string, message: RegExp][] = [
  ['ready 8181', /^Corefile:2:7: bad value '8181'; expected an address/],
  ['ready :8181 x', /^Corefile:2:13: /],
  ['ready {\n monitor\n}', /^Corefile:3:2: nothing after 'monitor'; expected until-ready or continuously/],
  ['ready {\n monitor always\n}', /^Corefile:3:10: unknown monitor type 'always'/],
  ['ready {\n monitors\n}', /^Corefile:3:2: unknown property 'monitors' \(did you mean 'monitor'\?\)/],
]
for (const [directives, message] of mistakes) {
  void t.test(`refused: ${directives.replaceAll('\n', ' ')}`, async t => {
    t.throws(() => setUpBlock(directives), message)
  })
}

void t.test(
  'whoever probes knows of the end when it was refused three times; who does not probe need not know',
  async t => {
    for (const probes of [0, 1]) {
      const block = setUpBlock(`ready ${ADDRESS}\nwhoami`)
      await start(block)
      for (let i = 0; i < probes; i++) t.equal(await ask(block), '200 OK')
      const phases = listPhases(block)
      for (const phase of phases) await phase.lameduck?.()
      const isEndKnown = (): boolean => phases.every(phase => phase.isEndKnown?.() ?? true)
      for (let refused = 0; refused < 3; refused++) {
        t.equal(isEndKnown(), probes === 0, `probed ${probes} times, refused ${refused} times`)
        t.equal(await ask(block), '503 Shutting down')
      }
      t.ok(isEndKnown())
      await stop(block)
    }
  },
)

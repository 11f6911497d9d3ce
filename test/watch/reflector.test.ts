import { Buffer } from 'node:buffer'
import t, { type Test } from 'tap'
import { type Bench, makeBench, RecordingSink, ScriptedApi, service, syncByStream } from './scripted.ts'
import type { SlimService } from '../../src/watch/slim.ts'
import { until } from '../cli/command.ts'

/** The delays that follow from randomness 0.5: half of 0.8 s, 1.6 s, … 30 s. */
const FIRST_BACKOFF_MS = 400

async function bench(t: Test, options = {}): Promise<Bench> {
  const made = await makeBench(options)
  t.teardown(() => made.end())
  return made
}

void t.test('a streaming list is asked for first, and the watch goes on in the same stream', async t => {
  const b = await bench(t)
  const call = await syncByStream(b, '10', [service('ns/a', 3), service('ns/b', 4)])
  t.equal(call.path, '/api/v1/services')
  const { timeoutSeconds, ...query } = call.query
  t.strictSame(query, {
    watch: 'true',
    allowWatchBookmarks: 'true',
    sendInitialEvents: 'true',
    resourceVersionMatch: 'NotOlderThan',
  })
  t.equal(timeoutSeconds, '450', 'half way between 300 and 600')
  t.strictSame(b.sink.take(), ['+ns/a@3', '+ns/b@4', 'listed'])
  t.match(b.reflector.status, { synced: true, connected: true, resourceVersion: '10', relists: 0, errors: 0 })
  call.event('MODIFIED', service('ns/a', 11)).event('DELETED', service('ns/b', 12)).event('ADDED', service('ns/c', 13))
  await b.sink.hears('+ns/c@13')
  t.strictSame(b.sink.take(), ['~ns/a@3>11', '-ns/b@4', '+ns/c@13'])
  t.equal(b.reflector.status.resourceVersion, '13')
  t.equal(b.reflector.size, 2)
  t.equal(b.reflector.get('ns/a')?.resourceVersion, '11')
  t.strictSame(
    [...b.reflector.values()].map(({ key }) => key),
    ['ns/a', 'ns/c'],
  )
  t.equal(b.api.calls.length, 0, 'no second request')
})

void t.test('namespace and selectors are asked for', async t => {
  const b = await bench(t, { namespace: 'kube-system', labelSelector: 'a in (b,c)', fieldSelector: 'x=y' })
  b.reflector.start()
  const call = await b.api.next()
  t.equal(call.path, '/api/v1/namespaces/kube-system/services')
  t.match(call.query, { labelSelector: 'a in (b,c)', fieldSelector: 'x=y' })
})

void t.test('a change during the initial events is not undone when they end', async t => {
  const b = await bench(t)
  b.reflector.start()
  const call = await b.api.next()
  call.open().event('ADDED', service('ns/a', 1)).event('ADDED', service('ns/b', 2)).event('DELETED', service('ns/a', 5))
  call.bookmark('6').endInitialEvents('7')
  await b.sink.hears('listed')
  t.strictSame(b.sink.take(), ['+ns/a@1', '+ns/b@2', '-ns/a@1', 'listed'])
  t.equal(b.reflector.status.resourceVersion, '7')
})

void t.test('a server without streaming lists is asked for pages of 500, and for good', async t => {
  const b = await bench(t)
  b.reflector.start()
  ;(await b.api.next()).refuseStreaming()
  const first = await b.api.next()
  t.strictSame(first.query, { limit: '500' })
  first.list('20', [service('ns/a', 3)], 'next page')
  const second = await b.api.next()
  t.strictSame(second.query, { limit: '500', continue: 'next page' })
  t.notOk(b.reflector.status.synced, 'half a list is no list')
  second.list('20', [service('ns/b', 4)])
  const watch = await b.api.next()
  t.match(watch.query, { watch: 'true', resourceVersion: '20', allowWatchBookmarks: 'true' })
  t.strictSame(b.sink.take(), ['+ns/a@3', '+ns/b@4', 'listed'])
  watch.refuse(410, 'Expired')
  await b.clock.waits(FIRST_BACKOFF_MS)
  b.clock.advance(FIRST_BACKOFF_MS)
  const again = await b.api.next()
  t.strictSame(again.query, { limit: '500' })
  t.strictSame(b.log.lines, [], 'neither is worth a line')
})

void t.test('a server that takes a streaming list for a plain watch is found out by its silence', async t => {
  const b = await bench(t)
  b.reflector.start()
  const call = await b.api.next()
  call.open().event('ADDED', service('ns/a', 3))
  await b.sink.hears('+ns/a@3')
  b.clock.advance(10_000)
  const list = await b.api.next()
  t.strictSame(list.query, { limit: '500' })
  list.list('5', [service('ns/a', 3)])
  await b.sink.hears('listed')
  t.strictSame(b.sink.take(), ['+ns/a@3', 'listed'])
})

void t.test('a server that takes a streaming list for a plain watch is found out by its end', async t => {
  const b = await bench(t)
  b.reflector.start()
  ;(await b.api.next()).open().end()
  t.strictSame((await b.api.next()).query, { limit: '500' })
})

void t.test('a streaming list that breaks is asked for again, not given up', async t => {
  const b = await bench(t)
  b.reflector.start()
  ;(await b.api.next()).open().event('ADDED', service('ns/a', 3)).cut()
  await b.clock.waits(FIRST_BACKOFF_MS)
  b.clock.advance(FIRST_BACKOFF_MS)
  const again = await b.api.next()
  t.equal(again.query.sendInitialEvents, 'true')
  again.open().endInitialEvents('9')
  await b.sink.hears('listed')
  t.strictSame(b.sink.take(), ['+ns/a@3', '-ns/a@3', 'listed'])
})

void t.test('a watch that ends in order is resumed from the last version, at once', async t => {
  const b = await bench(t)
  const call = await syncByStream(b, '10', [])
  call.event('ADDED', service('ns/a', 11)).end()
  const watch = await b.api.next()
  t.equal(watch.query.resourceVersion, '11')
  t.equal(b.reflector.status.errors, 0)
})

void t.test('a bookmark moves the version on from which a watch is resumed', async t => {
  const b = await bench(t)
  const call = await syncByStream(b, '10', [])
  call.bookmark('99').end()
  t.equal((await b.api.next()).query.resourceVersion, '99')
})

void t.test('a watch that breaks is resumed from the last version after a backoff', async t => {
  const b = await bench(t)
  const call = await syncByStream(b, '10', [])
  call.event('ADDED', service('ns/a', 11)).cut()
  await b.clock.waits(FIRST_BACKOFF_MS)
  t.notOk(b.reflector.status.connected)
  t.equal(b.reflector.get('ns/a')?.resourceVersion, '11', 'and keeps what it has meanwhile')
  b.clock.advance(FIRST_BACKOFF_MS)
  t.equal((await b.api.next()).query.resourceVersion, '11')
  t.strictSame(b.log.lines, [], 'not worth a line')
})

void t.test('a watch that the server ends at once, again and again, is not asked for in a hot loop', async t => {
  const b = await bench(t)
  const call = await syncByStream(b, '10', [])
  call.end()
  ;(await b.api.next()).open().bookmark('10').end()
  await b.clock.waits(FIRST_BACKOFF_MS)
  b.clock.advance(FIRST_BACKOFF_MS)
  ;(await b.api.next()).open().end()
  await b.clock.waits(2 * FIRST_BACKOFF_MS)
  t.equal(b.reflector.status.resourceVersion, '10')
})

for (const [how, expire] of [
  [
    'answer',
    (call: Awaited<ReturnType<ScriptedApi['next']>>) =>
      call.refuse(410, 'Expired', 'too old resource version: 10 (99)'),
  ],
  [
    'event',
    (call: Awaited<ReturnType<ScriptedApi['next']>>) =>
      call
        .open()
        .event('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 10 (99)' })
        .end(),
  ],
] as const) {
  void t.test(`relist after 410 as ${how} keeps what did not change`, async t => {
    const b = await bench(t)
    const same = service('ns/same', 1)
    const call = await syncByStream(b, '10', [
      same,
      service('ns/new-version', 2),
      service('ns/gone', 3),
      service('ns/made-anew', 4),
    ])
    const held = b.reflector.get('ns/same')
    b.sink.take()
    call.end()
    expire(await b.api.next())
    await b.clock.waits(FIRST_BACKOFF_MS)
    b.clock.advance(FIRST_BACKOFF_MS)
    const relist = await b.api.next()
    t.equal(relist.query.sendInitialEvents, 'true')
    t.equal(relist.query.resourceVersion, undefined)
    relist.open()
    for (const item of [same, service('ns/new-version', 50), service('ns/made-anew', 51, 'another uid')])
      relist.event('ADDED', item)
    relist.event('ADDED', service('ns/first-seen', 52)).endInitialEvents('99')
    await b.sink.hears('listed')
    t.strictSame(b.sink.take(), [
      '~ns/new-version@2>50',
      '-ns/made-anew@4',
      '+ns/made-anew@51',
      '+ns/first-seen@52',
      '-ns/gone@3',
      'listed',
    ])
    t.equal(b.reflector.get('ns/same'), held, 'the very object that was held')
    t.match(b.reflector.status, { relists: 1, errors: 1, resourceVersion: '99' })
  })
}

void t.test('an object made anew under its old name is told as deleted and added, in a watch too', async t => {
  const b = await bench(t)
  const call = await syncByStream(b, '10', [service('ns/a', 1)])
  let heldWhenDeleted: SlimService | undefined
  b.sink.onTold = line => {
    if (line.startsWith('-')) heldWhenDeleted = b.reflector.get('ns/a')
  }
  call.event('MODIFIED', service('ns/a', 12, 'another uid'))
  await b.sink.hears('+ns/a@12')
  t.strictSame(b.sink.take(), ['+ns/a@1', 'listed', '-ns/a@1', '+ns/a@12'])
  t.equal(heldWhenDeleted, undefined)
})

void t.test('410 for a continue token starts the list over', async t => {
  const b = await bench(t)
  b.reflector.start()
  ;(await b.api.next()).refuseStreaming()
  ;(await b.api.next()).list('20', [service('ns/a', 3)], 'old')
  ;(await b.api.next()).refuse(410, 'Expired', 'The provided continue parameter is too old')
  await b.clock.waits(FIRST_BACKOFF_MS)
  b.clock.advance(FIRST_BACKOFF_MS)
  const over = await b.api.next()
  t.strictSame(over.query, { limit: '500' })
  over.list('30', [service('ns/b', 4)])
  await b.sink.hears('listed')
  t.strictSame(b.sink.take(), ['+ns/a@3', '+ns/b@4', '-ns/a@3', 'listed'])
})

void t.test('a server restored from an older copy is listed again', async t => {
  const b = await bench(t)
  const call = await syncByStream(b, '1000', [service('ns/a', 900)])
  call.end()
  ;(await b.api.next()).json(504, {
    kind: 'Status',
    code: 504,
    reason: 'Timeout',
    message: 'Too large resource version: 1000, current: 500',
    details: { causes: [{ reason: 'ResourceVersionTooLarge' }] },
  })
  await b.clock.waits(FIRST_BACKOFF_MS)
  b.clock.advance(FIRST_BACKOFF_MS)
  ;(await b.api.next()).open().event('ADDED', service('ns/a', 400)).endInitialEvents('500')
  await b.sink.hears('listed', 2)
  t.strictSame(b.sink.take(), ['+ns/a@900', 'listed', '~ns/a@900>400', 'listed'])
})

for (const [name, code, headers, body, waitMs] of [
  ['429 with Retry-After in seconds', 429, { 'retry-after': '7' }, {}, 7_000],
  ['503 with Retry-After as a date', 503, { 'retry-after': new Date(1_700_000_009_000).toUTCString() }, {}, 9_000],
  ['429 with retryAfterSeconds in its Status', 429, {}, { details: { retryAfterSeconds: 3 } }, 3_000],
  ['a Retry-After of a year is cut to five minutes', 429, { 'retry-after': '31536000' }, {}, 300_000],
  ['a Retry-After that is no time leaves the backoff', 503, { 'retry-after': 'soon' }, {}, FIRST_BACKOFF_MS],
] as const) {
  void t.test(`the server is left alone as it asks: ${name}`, async t => {
    const b = await bench(t)
    b.reflector.start()
    ;(await b.api.next()).json(code, body, headers)
    await b.clock.waits(waitMs)
    t.strictSame(b.clock.delays, [waitMs])
    b.clock.advance(waitMs)
    t.equal((await b.api.next()).query.sendInitialEvents, 'true')
  })
}

void t.test('the backoff doubles to 30 s, and starts over after two healthy minutes', async t => {
  const b = await bench(t)
  b.reflector.start()
  for (const waitMs of [400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000]) {
    ;(await b.api.next()).refuse(500, 'InternalError')
    await b.clock.waits(waitMs)
    b.clock.advance(waitMs)
  }
  const call = await b.api.next()
  call.open().endInitialEvents('5')
  await b.sink.hears('listed')
  for (let second = 0; second < 120; second += 60) {
    b.clock.advance(60_000)
    call.bookmark(`${second + 6}`)
    while (b.reflector.status.resourceVersion !== `${second + 6}`) await new Promise(setImmediate)
  }
  call.cut()
  await b.clock.waits(400)
})

void t.test('the jitter is full: from nothing to the whole delay', async t => {
  const b = await bench(t)
  b.clock.randomness = 0
  b.reflector.start()
  ;(await b.api.next()).refuse(500, 'InternalError')
  await b.clock.waits(0)
  b.clock.randomness = 0.999
  b.clock.advance(0)
  ;(await b.api.next()).refuse(500, 'InternalError')
  await b.clock.waits(0.999 * 1600)
})

void t.test('a stream that is silent for longer than bookmarks are apart is taken for dead', async t => {
  const b = await bench(t)
  const call = await syncByStream(b, '10', [])
  b.clock.advance(69_999)
  t.ok(b.reflector.status.connected)
  b.clock.advance(1)
  await call.closed
  await b.clock.waits(FIRST_BACKOFF_MS)
  t.match(b.reflector.status.lastError, /nothing heard from http:\/\/127\.0\.0\.1:\d+ for 70 s/)
  b.clock.advance(FIRST_BACKOFF_MS)
  t.equal((await b.api.next()).query.resourceVersion, '10')
})

void t.test(
  'a watch that brings nothing from its start is given up for a list: the server may be behind our version',
  async t => {
    const b = await bench(t)
    const first = await syncByStream(b, '10', [service('ns/a', 3)])
    first.cut()
    await b.clock.waits(FIRST_BACKOFF_MS)
    b.clock.advance(FIRST_BACKOFF_MS)
    const mute = await b.api.next()
    t.equal(mute.query.resourceVersion, '10')
    mute.open()
    t.ok(await until(() => b.reflector.status.connected))
    b.clock.advance(70_000)
    await mute.closed
    t.match(
      await b.log.next(),
      'warn services: not even a bookmark from a new watch: has the API server lost data? Listing anew',
    )
    await b.clock.waits(2 * FIRST_BACKOFF_MS)
    b.clock.advance(2 * FIRST_BACKOFF_MS)
    t.equal((await b.api.next()).query.sendInitialEvents, 'true')
  },
)

void t.test('a server that takes a request and never answers it is asked again', async t => {
  const b = await bench(t)
  b.reflector.start()
  const call = await b.api.next()
  b.clock.advance(70_000)
  await call.closed
  await b.clock.waits(FIRST_BACKOFF_MS)
  b.clock.advance(FIRST_BACKOFF_MS)
  t.equal((await b.api.next()).query.sendInitialEvents, 'true')
})

for (const [name, line] of [
  ['no JSON', '{"type":"ADDED","object":{"metadata":\n'],
  ['no event', '[]\n'],
  ['an unknown type', '{"type":"RENAMED","object":{}}\n'],
] as const) {
  void t.test(`a malformed line (${name}) is not skipped: the watch is resumed before it`, async t => {
    const b = await bench(t)
    const call = await syncByStream(b, '10', [])
    call.event('ADDED', service('ns/a', 11)).write(line).event('ADDED', service('ns/c', 13))
    t.match(
      await b.log.next(),
      /^warn services: services at http.*: not what the API sends: .*; keeping the 1 that are known/,
    )
    await b.clock.waits(FIRST_BACKOFF_MS)
    t.notOk(b.reflector.get('ns/c'), 'what comes after it is not taken')
    b.clock.advance(FIRST_BACKOFF_MS)
    const watch = await b.api.next()
    t.equal(watch.query.resourceVersion, '11')
    watch.open().event('ADDED', service('ns/b', 12)).event('ADDED', service('ns/c', 13))
    await b.sink.hears('+ns/c@13')
    t.strictSame(b.sink.take(), ['listed', '+ns/a@11', '+ns/b@12', '+ns/c@13'])
  })
}

void t.test('a line that is malformed each time is gone around by a list, and told once', async t => {
  const b = await bench(t)
  const call = await syncByStream(b, '10', [])
  call.write('garbage\n')
  await b.clock.waits(FIRST_BACKOFF_MS)
  b.clock.advance(FIRST_BACKOFF_MS)
  const watch = await b.api.next()
  t.equal(watch.query.resourceVersion, '10')
  watch.open().write('garbage\n')
  await b.clock.waits(2 * FIRST_BACKOFF_MS)
  b.clock.advance(2 * FIRST_BACKOFF_MS)
  const list = await b.api.next()
  t.equal(list.query.sendInitialEvents, 'true')
  t.equal(b.log.lines.length, 1)
})

void t.test('half a line at the end of a stream is not taken, even when it is JSON', async t => {
  const b = await bench(t)
  const call = await syncByStream(b, '10', [])
  call.write(JSON.stringify({ type: 'ADDED', object: service('ns/a', 11) })).end()
  await b.clock.waits(FIRST_BACKOFF_MS)
  t.equal(b.reflector.size, 0)
  t.match(b.reflector.status.lastError, /cut off in the middle of a line/)
  b.clock.advance(FIRST_BACKOFF_MS)
  t.equal((await b.api.next()).query.resourceVersion, '10')
})

void t.test('a list that is cut off, or is none, changes nothing that is held but what it brought', async t => {
  const b = await bench(t)
  b.reflector.start()
  ;(await b.api.next()).refuseStreaming()
  const whole = JSON.stringify({ metadata: { resourceVersion: '5' }, items: [service('ns/a', 1), service('ns/b', 2)] })
  const cut = await b.api.next()
  cut.open().write(whole.slice(0, -30)).end()
  await b.clock.waits(FIRST_BACKOFF_MS)
  t.strictSame(b.sink.take(), ['+ns/a@1'])
  b.clock.advance(FIRST_BACKOFF_MS)
  const page = await b.api.next()
  page.open().write('<html>Sign in</html>').end()
  await b.clock.waits(2 * FIRST_BACKOFF_MS)
  b.clock.advance(2 * FIRST_BACKOFF_MS)
  ;(await b.api.next()).json(200, { kind: 'Whatever' })
  await b.clock.waits(4 * FIRST_BACKOFF_MS)
  t.match(b.reflector.status, { synced: false, errors: 3, lastError: /a list without resourceVersion/ })
  t.equal(b.reflector.size, 1)
})

void t.test('UTF-8 that two chunks share comes out whole', async t => {
  const b = await bench(t)
  const call = await syncByStream(b, '10', [])
  const bytes = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: service('ns/gr\u00fc\u00df', 11) })}\n`)
  for (const octet of bytes) call.write(Uint8Array.of(octet))
  await b.sink.hears('+ns/gr\u00fc\u00df@11')
  t.ok(b.reflector.get('ns/gr\u00fc\u00df'))
})

void t.test('an object without a name is left out and told once, and the others are not lost', async t => {
  const b = await bench(t)
  const call = await syncByStream(b, '10', [])
  call
    .event('ADDED', { metadata: { resourceVersion: '11' } })
    .event('MODIFIED', 'what?')
    .event('ADDED', service('ns/a', 13))
  await b.sink.hears('+ns/a@13')
  t.equal(b.reflector.status.errors, 2)
  t.strictSame(b.log.lines, ['warn services: the server sent an object without a name; it is left out'])
})

void t.test('a sink that throws is counted and logged, and hears of everything that follows', async t => {
  const b = await bench(t)
  const recorded = new RecordingSink<SlimService>()
  b.sink.onTold = line => {
    recorded.told.push(line)
    throw new Error('out of ink')
  }
  const call = await syncByStream(b, '10', [service('ns/a', 1)])
  call.event('MODIFIED', service('ns/a', 11)).event('DELETED', service('ns/a', 12))
  await b.sink.hears('-ns/a@11')
  t.strictSame(recorded.told, ['+ns/a@1', 'listed', '~ns/a@1>11', '-ns/a@11'])
  t.match(b.reflector.status, { errors: 4, connected: true, resourceVersion: '12' })
  t.match(b.log.lines, [/^error services: what was to take a change failed: Error: out of ink/])
})

void t.test('after stop() nothing is told, though lines lie in the buffer, and nothing is opened', async t => {
  const b = await bench(t)
  const call = await syncByStream(b, '10', [])
  let stopping: Promise<void> | undefined
  b.sink.onTold = () => {
    stopping = b.reflector.stop()
  }
  const lines = [11, 12, 13].map(
    version => `${JSON.stringify({ type: 'ADDED', object: service(`ns/${version}`, version) })}\n`,
  )
  call.write(lines.join(''))
  await b.sink.hears('+ns/11@11')
  await stopping
  await call.closed
  t.strictSame(b.sink.take(), ['listed', '+ns/11@11'])
  t.equal(b.reflector.status.connected, false)
  t.strictSame(b.clock.delays, [], 'no timer is left')
  t.equal(b.api.calls.length, 0)
})

void t.test('stop() during a list, a backoff or an unanswered request opens nothing more', async t => {
  for (const stage of ['request', 'list', 'backoff'] as const) {
    const b = await bench(t)
    b.reflector.start()
    const call = await b.api.next()
    if (stage === 'list') {
      call.open().event('ADDED', service('ns/a', 1))
      await b.sink.hears('+ns/a@1')
    }
    if (stage === 'backoff') {
      call.refuse(500, 'InternalError')
      await b.clock.waits(FIRST_BACKOFF_MS)
    }
    await b.reflector.stop()
    await call.closed
    t.strictSame(b.clock.delays, [], `${stage}: no timer is left`)
    t.equal(b.api.calls.length, 0, `${stage}: no request`)
    t.strictSame(b.log.lines.slice(1), [], `${stage}: stopping is no error`)
  }
})

void t.test(
  'an API that is away is one line when it goes and one when it is back, not one for each attempt',
  async t => {
    const b = await bench(t)
    const call = await syncByStream(b, '10', [service('ns/a', 1)])
    const { port } = b.api
    call.cut()
    await b.api.close()
    for (const waitMs of [400, 800, 1600, 3200]) {
      await b.clock.waits(waitMs)
      b.clock.advance(waitMs)
    }
    await b.clock.waits(6400)
    t.match(b.log.lines, [/^warn services: .*ECONNREFUSED.*; keeping the 1 that are known, trying again$/])
    t.equal(b.log.lines.length, 1)
    t.match(b.reflector.status, { connected: false, errors: 5, synced: true })
    t.equal(b.reflector.size, 1)
    const back = await new ScriptedApi().listen(port)
    t.teardown(() => back.close())
    b.clock.advance(6400)
    const watch = await back.next()
    t.equal(watch.query.resourceVersion, '10')
    watch.open()
    await b.clock.waits(1000)
    t.equal(b.log.lines.length, 1, 'a server that only opens is not back')
    b.clock.advance(1000)
    t.equal(b.log.lines.length, 2)
    t.equal(b.log.lines[1], 'info services: the API is back after 13 s')
    b.end = async () => {
      await b.reflector.stop()
    }
  },
)

void t.test('a refusal says who may not do what, and what to do', async t => {
  const b = await bench(t)
  b.reflector.start()
  ;(await b.api.next()).refuse(
    403,
    'Forbidden',
    'services is forbidden: User "system:serviceaccount:dns:kubezone" cannot watch resource "services"',
  )
  const line = await b.log.next()
  t.match(
    line,
    /watch services at http:\/\/127\.0\.0\.1:\d+: 403, not allowed: .*"system:serviceaccount:dns:kubezone".*: a ClusterRole must grant the verbs list and watch on services/,
  )
})

void t.test('what a person must put right is told once in an outage, though something else went before it', async t => {
  const b = await bench(t)
  b.reflector.start()
  for (const [waitMs, code] of [
    [400, 500],
    [800, 403],
    [1600, 503],
    [3200, 403],
  ] as const) {
    ;(await b.api.next()).refuse(code, 'Whatever')
    await b.clock.waits(waitMs)
    b.clock.advance(waitMs)
  }
  t.strictSame(
    b.log.lines.map(line => /: (\d+)/.exec(line)?.[1]),
    ['500', '403'],
  )
})

void t.test('a version that comes after a newer one in a watch is not believed: everything is listed anew', async t => {
  for (const [type, object, resourceVersion] of [
    ['MODIFIED', service('ns/a', 12), '12'],
    ['DELETED', service('ns/b', 12), '12'],
    ['BOOKMARK', { metadata: { resourceVersion: '9' } }, '9'],
  ] as const) {
    const b = await bench(t)
    const call = await syncByStream(b, '10', [service('ns/a', 1), service('ns/b', 2)])
    call.event('MODIFIED', service('ns/a', 13)).event(type, object)
    t.equal(await b.log.next(), `warn services: version ${resourceVersion} came after 13 in a watch: listing anew`)
    t.strictSame(b.sink.take(), ['+ns/a@1', '+ns/b@2', 'listed', '~ns/a@1>13'])
    await b.clock.waits(FIRST_BACKOFF_MS)
    b.clock.advance(FIRST_BACKOFF_MS)
    ;(await b.api.next()).open().event('ADDED', service('ns/a', 13)).endInitialEvents('14')
    await b.sink.hears('listed')
    t.strictSame(b.sink.take(), ['-ns/b@2', 'listed'])
  }
})

void t.test('versions that are no numbers are not compared', async t => {
  const b = await bench(t)
  const call = await syncByStream(b, 'b9', [])
  call.event('ADDED', service('ns/a', 'a1')).event('ADDED', service('ns/b', '7')).event('ADDED', service('ns/c', '07'))
  await b.sink.hears('+ns/c@07')
  t.equal(b.reflector.status.resourceVersion, '07')
})

void t.test('the status says what was heard when, how much, and how often the watch was opened anew', async t => {
  const b = await bench(t)
  const { status } = b.reflector
  const call = await syncByStream(b, '10', [service('ns/a', 1)])
  const listedBytes = status.receivedBytes
  t.ok(listedBytes > 100)
  t.ok(Number.isNaN(status.lastEventMs), 'what a list brings is no change')
  t.match(status, { reconnects: 0, lastBookmarkMs: b.clock.nowMs })
  b.clock.advance(5_000)
  const eventMs = b.clock.nowMs
  call.event('MODIFIED', service('ns/a', 11))
  await b.sink.hears('~ns/a@1>11')
  b.clock.advance(5_000)
  call.bookmark('12').end()
  const second = await b.api.next()
  t.match(status, { lastEventMs: eventMs, lastBookmarkMs: b.clock.nowMs, resourceVersion: '12', relists: 0 })
  second.open().event('ERROR', { code: 410 })
  await b.clock.waits(FIRST_BACKOFF_MS)
  t.match(status, { reconnects: 1, errors: 1, resourceVersion: '' })
  b.clock.advance(FIRST_BACKOFF_MS)
  ;(await b.api.next()).open().endInitialEvents('13')
  await b.sink.hears('listed', 2)
  t.match(status, { reconnects: 2, relists: 1, lastEventMs: eventMs })
  t.ok(status.receivedBytes > listedBytes)
})

void t.test('lastHeardMs follows events and bookmarks', async t => {
  const b = await bench(t)
  t.ok(Number.isNaN(b.reflector.status.lastHeardMs))
  const call = await syncByStream(b, '10', [])
  t.equal(b.reflector.status.lastHeardMs, b.clock.nowMs)
  b.clock.advance(30_000)
  call.event('ADDED', service('ns/a', 11))
  await b.sink.hears('+ns/a@11')
  t.equal(b.reflector.status.lastHeardMs, b.clock.nowMs)
})

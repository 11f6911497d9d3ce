// Runs before `npm start` and `npm test`, with whatever Node is there: installs what package-lock.json names, if it is missing or old.
import { spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync } from 'node:fs'

const LOCK = 'package-lock.json'
const DONE = 'node_modules/.kubezone-lock.json' // a copy of the lock file, written after an installation that went through

const read = file => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

if (read(LOCK) !== read(DONE)) {
  process.stderr.write('kubezone: installing dependencies (once; less than a minute) ...\n')
  const started = Date.now()
  // The platform's Node is among them, so npm's warning that the system's is old does not matter.
  // `install` and not `ci`: `ci` refuses a lock file in which a mirror lacked a package of some other platform.
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const run = spawnSync(npm, ['install', '--no-save', '--loglevel=error', '--no-progress'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (run.status !== 0) {
    process.stderr.write(
      'kubezone: npm install failed (see above). Is the npm registry reachable? Try again, or run: npm install\n',
    )
    process.exit(1)
  }
  copyFileSync(LOCK, DONE)
  process.stderr.write(`kubezone: installed in ${Math.round((Date.now() - started) / 1000)} s\n`)
}

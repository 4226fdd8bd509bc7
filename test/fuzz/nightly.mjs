/**
 * `npm run test:fuzz`: the decoder's fuzzer alone, over a million cases where TA_FUZZ_CASES doesn't say how many; arguments go to
 * vitest. The environment can't be set in package.json for every shell, so it is here.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const runner = fileURLToPath(new URL('../../bin/test.mjs', import.meta.url))
const { status } = spawnSync(process.execPath, [runner, '--project', 'unit', 'test/fuzz', ...process.argv.slice(2)], {
  stdio: 'inherit', env: { ...process.env, TA_FUZZ_CASES: process.env.TA_FUZZ_CASES ?? '1000000' },
})
process.exitCode = status ?? 1

#!/usr/bin/env node
/**
 * Makes a fresh clone ready to run, with Node >= 20 and npm alone. Each step is skipped in milliseconds when it is done.
 *   --with-broker       the local Kafka broker of `ta demo`, too; not needed, and skipped, when TA_KAFKA_BOOTSTRAP is set
 *   --with-test-broker  the same for the tests, which always bring their own
 */
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ensureBrokerJars } from './setup/broker-jars.mjs'
import { ensureKernel, ensurePackages } from './setup/js-packages.mjs'
import { ensureNativeClient } from './setup/native-client.mjs'
import { ensureNode, linkNode } from './setup/node-runtime.mjs'
import { SetupError, step } from './setup/run-tool.mjs'

const FLAGS = ['--with-broker', '--with-test-broker']
const EXIT_FAILED = 1
const EXIT_USAGE = 64

/** All steps in order. `withBroker` adds the local broker's jars. */
export async function setUp({ withBroker = false } = {}) {
  if (!['linux', 'darwin'].includes(process.platform)) {
    throw new SetupError(`torghut-ta runs on Linux and macOS, not on ${process.platform}: use a container or WSL.`)
  }
  let runtime
  await step('Node', async (doing) => {
    runtime = await ensureNode(doing)
    return runtime.line
  })
  await step('packages', (doing) => ensurePackages(runtime, doing))
  linkNode(runtime)
  await step('Kafka client', (doing) => ensureNativeClient(runtime, doing))
  await step('kernels', (doing) => ensureKernel(runtime, doing))
  if (withBroker) await step('local broker', (doing) => ensureBrokerJars(doing))
}

async function main(args) {
  const unknown = args.find((arg) => !FLAGS.includes(arg))
  if (unknown !== undefined) {
    process.stderr.write(`setup: unknown argument ${unknown}; known are ${FLAGS.join(', ')}\n`)
    return EXIT_USAGE
  }
  try {
    const withBroker = args.includes('--with-test-broker') || (args.includes('--with-broker') && !process.env.TA_KAFKA_BOOTSTRAP)
    await setUp({ withBroker })
    return 0
  } catch (error) {
    process.stderr.write(`setup: ${error instanceof SetupError ? error.message : error.stack}\n`)
    return EXIT_FAILED
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2))
}

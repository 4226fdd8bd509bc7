/** The jars of Apache Kafka itself, for `ta demo` and the tests: fetched by Maven into the cache. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder, digest, root } from './places.mjs'
import { SetupError, inPath, outputOf, publishFolder, readText, runTool, step, withLock } from './run-tool.mjs'
import { installCommand } from './system-packages.mjs'

const JAVA_MAJOR_MIN = 17
const pom = join(root, 'deploy/local-broker/pom.xml')

/** The broker's folder in the cache, one for each content of the pom: `libs/` has the jars. */
export const brokerFolder = (env = process.env) => join(cacheFolder(env), 'kafka', digest(readText(pom)))

/** `java` of JAVA_HOME, else of PATH. */
export function javaCommand(env = process.env) {
  const java = env.JAVA_HOME ? join(env.JAVA_HOME, 'bin/java') : undefined
  return java && existsSync(java) ? java : 'java'
}

/** Step: the jars. Resolves to the line's text; rejects with one sentence where Java or Maven are missing. */
export async function ensureBrokerJars(doing) {
  const folder = brokerFolder()
  if (existsSync(folder)) return 'cached'
  return withLock('kafka', doing, async () => {
    if (existsSync(folder)) return 'cached'
    const java = Number(/version "(?:1\.)?(\d+)/.exec(outputOf(javaCommand(), ['-version']) ?? '')?.[1])
    const missing = [...(java >= JAVA_MAJOR_MIN ? [] : ['java']), ...(inPath('mvn') ? [] : ['mvn'])]
    if (missing.length > 0) {
      const names = missing.map((need) => (need === 'java' ? `Java ${JAVA_MAJOR_MIN} or newer` : 'Maven')).join(' and ')
      throw new SetupError(`A local Kafka broker needs ${names}: run \`${installCommand(missing)}\`, then this again; `
        + 'or set TA_KAFKA_BOOTSTRAP to a broker you have.')
    }
    doing('fetching Apache Kafka')
    await publishFolder(folder, (temporary) => {
      const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${join(temporary, 'libs')}`]
      return runTool('fetching Apache Kafka', 'mvn', args, { cwd: temporary })
    })
    return 'fetched'
  })
}

/** Folder with the jars in `libs/`; fetches them, and says so, where set-up was run without `--with-broker`. */
export async function brokerJars() {
  const folder = brokerFolder()
  if (!existsSync(folder)) await step('local broker', ensureBrokerJars)
  return folder
}

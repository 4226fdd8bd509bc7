/** Tools and headers of the system that set-up can't install by itself, and the command that does. */
import { existsSync } from 'node:fs'
import { inPath } from './run-tool.mjs'

/** What each need is called by the package managers. */
const PACKAGES = {
  compiler: { 'apt-get': 'g++', dnf: 'gcc-c++', brew: 'gcc' },
  make: { 'apt-get': 'make', dnf: 'make', brew: 'make' },
  python3: { 'apt-get': 'python3', dnf: 'python3', brew: 'python3' },
  bash: { 'apt-get': 'bash', dnf: 'bash', brew: 'bash' },
  tar: { 'apt-get': 'tar', dnf: 'tar', brew: 'gnu-tar' },
  openssl: { 'apt-get': 'libssl-dev', dnf: 'openssl-devel', brew: 'openssl@3' },
  zlib: { 'apt-get': 'zlib1g-dev', dnf: 'zlib-devel', brew: 'zlib' },
  zstd: { 'apt-get': 'libzstd-dev', dnf: 'libzstd-devel', brew: 'zstd' },
  java: { 'apt-get': 'openjdk-17-jre-headless', dnf: 'java-17-openjdk-headless', brew: 'openjdk@17' },
  mvn: { 'apt-get': 'maven', dnf: 'maven', brew: 'maven' },
}

/** The command that installs what is named, e.g. `sudo apt-get install -y g++ make`. */
export function installCommand(needs, has = inPath, isRoot = process.getuid?.() === 0) {
  const manager = ['apt-get', 'dnf', 'brew'].find((name) => has(name)) ?? 'apt-get'
  const packages = needs.map((need) => PACKAGES[need][manager]).join(' ')
  if (manager === 'brew') return `brew install ${packages}`
  return `${isRoot ? '' : 'sudo '}${manager} install -y ${packages}`
}

const HEADERS = { openssl: 'openssl/ssl.h', zlib: 'zlib.h', zstd: 'zstd.h' }

/**
 * Which of the libraries that librdkafka uses have their headers here: `openssl` (TLS, SCRAM), `zlib` and `zstd` (gzip and
 * zstd records). Looked up by file, in well under a millisecond, as it is part of the cache's key at every start.
 */
export function librariesWithHeaders(env = process.env) {
  const folders = [
    '/usr/include', '/usr/local/include', '/opt/homebrew/include', '/opt/homebrew/opt/openssl@3/include',
    '/usr/local/opt/openssl@3/include', ...(env.CPATH ?? '').split(':').filter(Boolean),
  ]
  return Object.keys(HEADERS).filter((library) => folders.some((folder) => existsSync(`${folder}/${HEADERS[library]}`)))
}

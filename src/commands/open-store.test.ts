import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { readSettings } from '../settings/settings.ts'
import { FileStore } from '../store/file-store.ts'
import { S3Store } from '../store/s3-store.ts'
import { openStore } from './open-store.ts'

const settingsOf = (env: Record<string, string>) =>
  readSettings({ TA_KAFKA_BOOTSTRAP: 'localhost:9092', ...env }, { command: 'run' })

describe('openStore', () => {
  it('opens what TA_SNAPSHOT_URI names', async () => {
    expect(await openStore(settingsOf({}))).toBeNull()
    const folder = await openStore(settingsOf({ TA_SNAPSHOT_URI: 'file:///var/lib/torghut%20ta' }))
    expect(folder).toBeInstanceOf(FileStore)
    expect(folder?.place).toBe('file:///var/lib/torghut ta')
    const bucket = await openStore(settingsOf({ TA_SNAPSHOT_URI: 's3://bucket/a/prefix/', TA_S3_ENDPOINT: 'http://localhost:9000' }))
    expect(bucket).toBeInstanceOf(S3Store)
    expect(bucket?.place).toBe('s3://bucket/a/prefix at http://localhost:9000')
  })

  it('loads the S3 library for those alone who use it', () => {
    const program = `
      import { createRequire } from 'node:module'
      const { openStore } = await import(${JSON.stringify(new URL('./open-store.ts', import.meta.url).href)})
      const loaded = () => Object.keys(createRequire('/').cache).some((file) => file.includes('client-s3'))
      await openStore({ snapshotUri: 'file:///tmp/nowhere' })
      const before = loaded()
      const s3 = { s3Endpoint: '', s3Region: 'us-east-1', s3PathStyle: false, s3AccessKey: '', s3SecretKey: '' }
      await openStore({ snapshotUri: 's3://bucket', ...s3 })
      process.stdout.write(JSON.stringify([before, loaded()]))`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    expect(JSON.parse(output)).toEqual([false, true])
  })
})

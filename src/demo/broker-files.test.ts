import { describe, expect, it } from 'vitest'
import { metaProperties, serverProperties } from './broker-files.ts'

const parse = (text: string) => Object.fromEntries(text.trim().split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)))

describe('serverProperties', () => {
  it('makes one node that serves this host alone', () => {
    const properties = parse(serverProperties('/data', { broker: 1, controller: 2, sasl: undefined }, {}))
    expect(properties.listeners).toBe('PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2')
    expect(properties['advertised.listeners']).toBe('PLAINTEXT://127.0.0.1:1')
    expect(properties['controller.quorum.voters']).toBe('1@127.0.0.1:2')
    expect(properties['sasl.enabled.mechanisms']).toBeUndefined()
  })

  it('adds a SCRAM listener for its port, not advertised where there is none', () => {
    const properties = parse(serverProperties('/data', { broker: 1, controller: 2, sasl: 3 }, {}))
    expect(properties['advertised.listeners']).toBe('PLAINTEXT://127.0.0.1:1,SASL_PLAINTEXT://127.0.0.1:3')
    expect(properties['sasl.enabled.mechanisms']).toBe('SCRAM-SHA-512')
  })

  it('lets overrides win, and keeps a backslash', () => {
    const overrides = { 'auto.create.topics.enable': 'true' }
    const properties = parse(serverProperties('/a\\b', { broker: 1, controller: 2, sasl: undefined }, overrides))
    expect(properties['auto.create.topics.enable']).toBe('true')
    expect(properties['log.dirs']).toBe('/a\\\\b')
  })
})

describe('metaProperties', () => {
  it('names cluster and folder', () => {
    expect(parse(metaProperties('c', 'd'))).toEqual({ 'version': '1', 'node.id': '1', 'cluster.id': 'c', 'directory.id': 'd' })
  })
})

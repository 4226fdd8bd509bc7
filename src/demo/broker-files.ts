/** The files that a local broker is started with, as texts. Pure: local-broker.ts writes them. */

export interface BrokerPorts {
  broker: number
  controller: number
  /** Listener SASL_PLAINTEXT with SCRAM-SHA-512; undefined: none. */
  sasl: number | undefined
}

export const LOCAL_HOST = '127.0.0.1'

const SCRAM_LISTENER = 'listener.name.sasl_plaintext'

/** server.properties of one node that is broker and controller; `overrides` win over what is set here. */
export function serverProperties(logFolder: string, ports: BrokerPorts, overrides: Record<string, string>): string {
  const listeners = [`PLAINTEXT://${LOCAL_HOST}:${ports.broker}`]
  if (ports.sasl !== undefined) listeners.push(`SASL_PLAINTEXT://${LOCAL_HOST}:${ports.sasl}`)
  const properties: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@${LOCAL_HOST}:${ports.controller}`,
    'listeners': [...listeners, `CONTROLLER://${LOCAL_HOST}:${ports.controller}`].join(','),
    'advertised.listeners': listeners.join(','),
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': logFolder,
    'auto.create.topics.enable': 'false',
    // one node: Kafka's own topics can't have more replicas, and few partitions make the first use quick
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '5',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '5',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '1',
    'group.initial.rebalance.delay.ms': '0',
    // after a kill -9 the controller, which has died with the broker, waits this long before it lets the broker come back
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'log.cleaner.dedupe.buffer.size': '4194304', // 128 MiB by default, allocated at the start
  }
  if (ports.sasl !== undefined) {
    properties['sasl.enabled.mechanisms'] = 'SCRAM-SHA-512'
    properties[`${SCRAM_LISTENER}.scram-sha-512.sasl.jaas.config`] =
      'org.apache.kafka.common.security.scram.ScramLoginModule required;'
  }
  return Object.entries({ ...properties, ...overrides }).map(([name, value]) => `${name}=${escaped(value)}\n`).join('')
}

/** Java's properties format takes a backslash and a line's end in a value for its own. */
const escaped = (value: string) => value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')

/** meta.properties of a formatted log folder: the identity of cluster and folder, each 16 random bytes in base64url. */
export function metaProperties(clusterId: string, directoryId: string): string {
  return `version=1\nnode.id=1\ncluster.id=${clusterId}\ndirectory.id=${directoryId}\n`
}

/** Warnings and errors to the standard output, which local-broker.ts leads into the log file. */
export const LOG4J_PROPERTIES = `appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %c{1}: %m%n
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
logger.start.name=kafka.server.KafkaRaftServer
logger.start.level=INFO
`

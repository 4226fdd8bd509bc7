/**
 * What only the main thread can measure of itself: its event loop's lag, its heap, its garbage collection, and what keeps it
 * alive (prom-client's `nodejs_…`). `process_…` is the serving thread's part: it still answers when the main thread hangs.
 */
import { collectDefaultMetrics, Registry } from 'prom-client'
import { removeMetrics } from './metric-registry.ts'

/** Starts measuring this thread. Each call gives its values as JSON for MetricRegistry.setMainThread. */
export function measureThisThread(): () => Promise<string> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  removeMetrics(registry, (name) => !name.startsWith('nodejs_') || name === 'nodejs_version_info')
  return async () => JSON.stringify(await registry.getMetricsAsJSON())
}

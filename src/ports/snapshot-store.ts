/** Where snapshots lie: a folder or S3. Keys are relative, `/`-separated, and no key is a folder of another. */
export interface SnapshotStore {
  /** Human-readable place, without secrets. */
  readonly place: string
  put(key: string, bytes: Uint8Array): Promise<void>
  /** Writes only where nothing is: resolves to false when the key exists already (conditional put, `If-None-Match: *`). */
  putNew(key: string, bytes: Uint8Array): Promise<boolean>
  /** Rejects with StoreError `missing` when there is no such key. */
  get(key: string): Promise<Uint8Array>
  /** Keys below a prefix in UTF-8 order. */
  list(prefix: string): Promise<string[]>
  delete(keys: string[]): Promise<void>
}

export class StoreError extends Error {
  readonly kind: 'missing' | 'outside'
  /** The store knows its caller as nobody, or lets it do nothing: settings that can't work, until secrets or rights change. */
  readonly isRefusal: boolean
  constructor(kind: 'missing' | 'outside', detail: string, { isRefusal = false, ...options }: { cause?: unknown; isRefusal?: boolean } = {}) {
    super(detail, options)
    this.isRefusal = isRefusal
    this.name = 'StoreError'
    this.kind = kind
  }
}

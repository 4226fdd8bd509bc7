/** The status page: the tasks of this process, asked for every second. No file, no library, nothing from elsewhere. */
import { createHash } from 'node:crypto'

const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --soft: color-mix(in srgb,
  currentColor 62%, transparent);
  --good: #1a7f4b; --bad: #c0392b; }
@media (prefers-color-scheme: dark) { :root { --good: #4cc38a; --bad: #ff7b6b; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.25rem; margin: 0; } header { display: flex; gap: 1rem; align-items: baseline; flex-wrap: wrap; }
p { margin: .25rem 0 1.5rem; color: var(--soft); } .good { color: var(--good); } .bad { color: var(--bad); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .4rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); } th:nth-child(2), td:nth-child(2), th:last-child, td:last-child { text-align: left; }
td:last-child { white-space: normal; } .scroll { overflow-x: auto; } form { display: flex; gap: .5rem; }
input, button { font: inherit; padding: .35rem .6rem; } a { color: inherit; }
`

const STATUS_SCRIPT = `
const at = (id) => document.getElementById(id)
const show = (node, text, tone = '') => { node.textContent = text; node.className = tone }
const span = (ms) => ms === null ? '–' : ms < 1e4 ? Math.round(ms) + ' ms' : ms < 12e4 ? (ms / 1e3).toFixed(0) + ' s'
  : (ms / 6e4).toFixed(0) + ' min'
const cells = (task) => [task.task, task.state, task.epoch, task.records.toLocaleString(), task.symbols,
  span(task.watermarkLagMs),
  span(task.sourceLagMs), span(task.snapshotAgeMs), task.reason]
async function refresh() {
  const token = sessionStorage.getItem('token')
  try {
    const response = await fetch('status', { headers: token ? { authorization: 'Bearer ' + token } : {} })
    if (!response.ok) throw new Error('the answer was ' + response.status)
    const status = await response.json()
    const right = status.live.ok && status.ready.ok
    show(at('state'), right ? 'live' : status.live.reason || status.ready.reason, right ? 'good' : 'bad')
    show(at('build'), 'version ' + status.build.version + ', up ' + span(status.nowMs - status.startedMs))
    at('rows').replaceChildren(...status.tasks.map((task) => {
      const row = document.createElement('tr')
      row.append(...cells(task).map((text, column) => {
        const cell = document.createElement('td')
        show(cell, text, column === 1 ? (task.state === 'live' ? 'good' : 'bad') : '')
        return cell
      }))
      return row
    }))
    at('none').hidden = status.tasks.length > 0
  } catch (error) {
    show(at('state'), 'no answer: ' + error.message, 'bad')
  }
  setTimeout(refresh, 1000)
}
refresh()
`

const TOKEN_SCRIPT = `
document.forms[0].addEventListener('submit', async (event) => {
  event.preventDefault()
  const token = document.forms[0].token.value.trim()
  const response = await fetch(location.href, { headers: { authorization: 'Bearer ' + token } })
  if (!response.ok) { document.getElementById('state').textContent = 'That is not the token.'; return }
  sessionStorage.setItem('token', token)
  const page = await response.text()
  document.open(); document.write(page); document.close()
})
`

function page(body: string, script: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>torghut-ta</title><link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body>${body}<script>${script}</script></body></html>
`
}

/** The page of `/`. */
export const STATUS_PAGE = page(`
<header><h1>torghut-ta</h1><strong id="state" role="status">…</strong></header>
<p><span id="build"></span> · <a href="metrics">metrics</a> · <a href="status">status</a></p>
<div class="scroll"><table><thead><tr><th>task</th><th>state</th><th>epoch</th><th>records</th><th>symbols</th>
<th>watermark lag</th><th>source lag</th><th>snapshot age</th><th>what is wrong</th></tr></thead>
<tbody id="rows"></tbody></table></div>
<p id="none">No task is assigned to this instance.</p>
`, STATUS_SCRIPT)

/** Comes with a 401 to a browser: it can't send a bearer token by itself. The token stays in the tab. */
export const TOKEN_PAGE = page(`
<header><h1>torghut-ta</h1></header>
<p id="state" role="status">This page asks for the token (TA_HTTP_TOKEN).</p>
<form><input name="token" type="password" aria-label="token" autocomplete="current-password" autofocus>
<button>Open</button></form>
`, TOKEN_SCRIPT)

const hashed = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** Allows these scripts, this style, and calls home. The token page becomes the status page, so both are in it. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'", `script-src ${hashed(STATUS_SCRIPT)} ${hashed(TOKEN_SCRIPT)}`, `style-src ${hashed(STYLE)}`,
  "connect-src 'self'", 'img-src data:', "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
].join('; ')

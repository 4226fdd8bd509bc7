import { readCalendar } from '../market/calendar.ts'
import { WrongMarketFile } from '../market/market-file.ts'
import { readSaleConditions } from '../market/sale-conditions.ts'
import { WrongValue } from './kinds.ts'

/** A path to a usable trading calendar; throws WrongValue. */
export function checkCalendar(path: string): void {
  check(path, readCalendar)
}

/** A path to a usable table of sale conditions; throws WrongValue. */
export function checkSaleConditions(path: string): void {
  check(path, readSaleConditions)
}

function check(path: string, read: (path: string) => unknown): void {
  try {
    read(path)
  } catch (error) {
    if (!(error instanceof WrongMarketFile)) throw error
    throw new WrongValue(error.problem, error.right)
  }
}

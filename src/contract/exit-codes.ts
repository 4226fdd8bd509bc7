/** How `ta` ends (sysexits.h where it has a number for the case). */

export const EXIT_OK = 0
/** Wrong command, flag or argument, or a file that can't be read. */
export const EXIT_USAGE = 64
/** Something outside (broker, store) stays unreachable for a command that ends. */
export const EXIT_OUTSIDE = 69
/** An internal check failed: a bug, or an epoch that does not come out as recorded. */
export const EXIT_BUG = 70
/** A setting that can't work: wrong value, missing topic, unequal counts, occupied port. */
export const EXIT_SETTINGS = 78

/** Exit codes that a UserError can carry. */
export type UserExitCode = typeof EXIT_USAGE | typeof EXIT_OUTSIDE | typeof EXIT_BUG | typeof EXIT_SETTINGS

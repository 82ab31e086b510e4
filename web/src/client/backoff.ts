const FIRST_MS = 1_000;
const MOST_MS = 30_000;

/**
 * How long to wait after a number of failures in a row: twice as long each time, and by chance
 * (`random` is from 0 to 1) up to half less, so that those whom a server has lost at the same
 * moment do not all come back at the same moment.
 */
export function delayAfter(failures: number, random: number): number {
  const longest = Math.min(FIRST_MS * 2 ** (failures - 1), MOST_MS);
  return Math.round(longest * (1 - random / 2));
}

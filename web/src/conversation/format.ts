/** Times and sizes in the reader's language, as the reader's country writes them. */
import { locale } from "../shared/i18n";

const made = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat>();

function times(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale()} ${name}`;
  let format = made.get(key) as Intl.DateTimeFormat | undefined;
  if (!format) {
    format = new Intl.DateTimeFormat(locale(), options);
    made.set(key, format);
  }
  return format;
}

/** As `14:05`. */
export function clock(at: number): string {
  return times("clock", { timeStyle: "short" }).format(at);
}

/** As `Tuesday, 3 March 2026, 14:05`. */
export function wholeTime(at: number): string {
  return times("whole", { dateStyle: "full", timeStyle: "short" }).format(at);
}

/** As `Tuesday, 3 March`, with the year if it is not this one. */
export function dayName(at: number, now: number): string {
  const thisYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  const options: Intl.DateTimeFormatOptions = { weekday: "long", day: "numeric", month: "long" };
  return thisYear
    ? times("day", options).format(at)
    : times("day of a year", { ...options, year: "numeric" }).format(at);
}

/** As `340 kB`. */
export function byteSize(bytes: number): string {
  const [divisor, unit] =
    bytes < 1000 ? [1, "byte"] : bytes < 1_000_000 ? [1000, "kilobyte"] : [1_000_000, "megabyte"];
  const key = `${locale()} ${unit}`;
  let format = made.get(key) as Intl.NumberFormat | undefined;
  if (!format) {
    const digits = unit === "megabyte" ? 1 : 0;
    format = new Intl.NumberFormat(locale(), {
      style: "unit",
      unit,
      maximumFractionDigits: digits,
      unitDisplay: unit === "byte" ? "long" : "short",
    });
    made.set(key, format);
  }
  return format.format(bytes / divisor);
}

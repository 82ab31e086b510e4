/** Times as a person says them. `now` is an argument; the time zone is the reader's. */
import { clock } from "../conversation/format";
import { locale } from "../shared/i18n";
import { t } from "./texts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Whole days between two moments, by the calendar. */
export function daysBetween(earlier: number, later: number): number {
  return Math.round((midnight(later) - midnight(earlier)) / DAY);
}

function midnight(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}

/** For a list: the time today, the day this week, else the date. */
export function listTime(at: number, now: number): string {
  const days = daysBetween(at, now);
  if (days <= 0) {
    return clock(at);
  }
  if (days === 1) {
    return t().yesterday;
  }
  return days < 7 ? date(at, { weekday: "short" }) : date(at, { dateStyle: "short" });
}

/** When somebody was last online. */
export function lastSeen(at: number, now: number): string {
  const days = daysBetween(at, now);
  if (now - at < MINUTE) {
    return t().seenJustNow;
  }
  if (days <= 0) {
    return t().seenToday(clock(at));
  }
  if (days === 1) {
    return t().seenYesterday(clock(at));
  }
  return t().seenOn(date(at, { day: "numeric", month: "long" }));
}

/** How long until then: `in 5 minutes`. */
export function until(at: number, now: number): string {
  const [amount, unit] = distance(Math.max(0, at - now));
  return new Intl.RelativeTimeFormat(locale(), { numeric: "always" }).format(amount, unit);
}

/** In the largest unit of which there is about one at least. */
export function distance(ms: number): [number, "second" | "minute" | "hour" | "day"] {
  if (ms < MINUTE) {
    return [Math.ceil(ms / 1000), "second"];
  }
  if (ms < HOUR - MINUTE) {
    return [Math.ceil(ms / MINUTE), "minute"];
  }
  return ms < 2 * DAY ? [Math.round(ms / HOUR), "hour"] : [Math.round(ms / DAY), "day"];
}

function date(at: number, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(locale(), options).format(at);
}

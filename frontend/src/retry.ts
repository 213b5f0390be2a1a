import { useSyncExternalStore } from "react";
import { PageError } from "./page-error.ts";

/** The service has too many requests. `retryAfter` is its `Retry-After`, in milliseconds, or 0. */
export class Busy extends PageError {
  constructor(
    message: string,
    advice: string,
    detail?: string,
    readonly retryAfter = 0,
  ) {
    super(message, advice, detail);
  }
}

const PAUSES = [400, 1200, 3600]; // milliseconds; between half of it and all of it
const LONGEST_PAUSE = 20_000; // after which a person would rather be told

/**
 * Return what `request` returns, sent again up to three times while it throws Busy. Only for requests that change
 * nothing. `onBusy` is told when the wait begins and when it ends.
 */
export async function retried<T>(request: () => Promise<T>, onBusy: (busy: boolean) => void = count): Promise<T> {
  let busy = false;
  try {
    for (const pause of PAUSES) {
      try {
        return await request();
      } catch (error) {
        if (!(error instanceof Busy) || error.retryAfter > LONGEST_PAUSE) throw error;
        if (!busy) onBusy((busy = true));
        await passed(Math.max(error.retryAfter, pause * (0.5 + Math.random() / 2)));
      }
    }
    return await request();
  } finally {
    if (busy) onBusy(false);
  }
}

/** Return the milliseconds of a `Retry-After` in seconds; it may also be a date, which is treated as absent. */
export function retryAfterOf(headers: { get(name: string): string | null }): number {
  return Number(headers.get("Retry-After")) * 1000 || 0;
}

function passed(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

let waiting = 0; // requests
const listeners = new Set<() => void>();

function count(busy: boolean): void {
  waiting += busy ? 1 : -1;
  for (const changed of listeners) changed();
}

/** Return whether a request of this page waits for a busy service. */
export function useBusy(): boolean {
  return useSyncExternalStore(subscribe, () => waiting > 0);
}

function subscribe(changed: () => void): () => void {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

export const BUSY = "The service is busy. Trying again …";

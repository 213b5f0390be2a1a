import { Amplify } from "aws-amplify";
import { fetchAuthSession } from "aws-amplify/auth";
import { isNetworkError, needsSignIn, PageError, SessionEnded, TELL_ADMINISTRATOR } from "./page-error.ts";
import { Busy, retried, retryAfterOf } from "./retry.ts";
import { signInError } from "./sign-in-errors.ts";

const LONGEST_WAIT = 40_000; // AppSync ends a request after 30 seconds

/** The API returned an error, whose type `type` names. */
export class Refused extends PageError {
  constructor(
    readonly type: string,
    message: string,
    advice: string,
    detail?: string,
  ) {
    super(message, advice, detail);
  }
}

export type ResponseError = { message?: unknown; errorType?: unknown };
export type Response = { data: Record<string, unknown>; errors: ResponseError[] };

/**
 * Return the data of a response, with its errors if it is partial: a URL that could not be signed is null. A query is
 * sent again while the API is busy; a mutation is not.
 */
export function request(query: string, variables: Record<string, unknown>): Promise<Response> {
  const once = () => inTime(send(query, variables));
  return query.startsWith("query") ? retried(once) : once();
}

/** Send a request once. Amplify's own client would send it up to three times, also if it changes something. */
async function send(query: string, variables: Record<string, unknown>): Promise<Response> {
  const endpoint = Amplify.getConfig().API?.GraphQL?.endpoint ?? "";
  const headers = { "Content-Type": "application/json", ...(await credentials()) };
  const response = await fetch(endpoint, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const body: unknown = await response.json().catch(() => null); // null is not understood below
  const { data, errors } = (isObject(body) ? body : {}) as { data?: unknown; errors?: unknown };
  const found: ResponseError[] = Array.isArray(errors) ? errors.filter(isObject) : [];
  throwIfRefused(response, found[0]);
  if (isObject(data) && (!found[0] || Object.values(data).some(Boolean))) return { data, errors: found };
  throw found[0] ? refused(found[0]) : notUnderstood(response.ok ? "no data" : `HTTP ${response.status}`);
}

/** Return the headers that authorize a request. Throws SessionEnded or another PageError. */
async function credentials(): Promise<Record<string, string>> {
  const apiKey = Amplify.getConfig().API?.GraphQL?.apiKey;
  if (apiKey) return { "x-api-key": apiKey };
  const { tokens } = await fetchAuthSession().catch((error: Error) => {
    if (needsSignIn(error)) throw new SessionEnded();
    throw isNetworkError(error) ? error : signInError(error);
  });
  if (!tokens) throw new SessionEnded();
  return { Authorization: tokens.accessToken.toString() };
}

/** Throw the error for a response whose status says enough. */
function throwIfRefused({ status, headers }: globalThis.Response, error: ResponseError | undefined): void {
  const type = String(error?.errorType ?? "");
  if (status === 401 || type === "UnauthorizedException") {
    throw Amplify.getConfig().API?.GraphQL?.apiKey ? keyRefused(type, String(error?.message)) : new SessionEnded();
  }
  if (status === 429 || /Throttl|TooManyRequests|LimitExceeded/.test(type)) {
    const advice = "Wait a minute, then try again.";
    throw new Busy("The API received too many requests.", advice, type || `HTTP ${status}`, retryAfterOf(headers));
  }
  if (status < 500) return;
  const [message, advice, detail] = ["The API is not available.", "Try again in a few minutes.", `HTTP ${status}`];
  throw status === 503
    ? new Busy(message, advice, detail, retryAfterOf(headers))
    : new PageError(message, advice, detail);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function inTime<Value>(promise: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    const error = new PageError("The API did not respond in time.", "Check your connection, then try again.");
    timer = setTimeout(() => reject(error), LONGEST_WAIT);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function keyRefused(type: string, message: string): PageError {
  return new PageError(
    "The API does not accept this page's API key.",
    "The key may have expired. Send this to your administrator:",
    `${type}: ${message}`,
  );
}

export function refused({ errorType, message }: ResponseError): Refused {
  const type = typeof errorType === "string" ? errorType : "Error";
  if (type === "NotAllowed") {
    return new Refused(type, "You have no access to this file.", "Ask your administrator if you need it.");
  }
  const detail = `${type}: ${String(message ?? "no message").slice(0, 500)}`;
  return new Refused(type, "The API refused the request.", TELL_ADMINISTRATOR, detail);
}

/** Return the error for a response that is not GraphQL, such as the page of a proxy or of a network's sign-in. */
export function notUnderstood(detail?: string | number): PageError {
  return new PageError(
    "The API sent a response that this page does not understand.",
    "A proxy or the sign-in page of a network may have sent it instead. Check your connection, then try again.",
    detail ? String(detail) : undefined,
  );
}

import { Amplify } from "aws-amplify";
import { generateClient } from "aws-amplify/api";
import { asPageError, isNetworkError, needsSignIn, PageError, SessionEnded, TELL_ADMINISTRATOR } from "./page-error.ts";
import { Busy, retried } from "./retry.ts";
import { signInError } from "./sign-in-errors.ts";

const LONGEST_WAIT = 40_000; // AppSync ends a request after 30 seconds

const client = generateClient();

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

export type ResponseError = { message?: unknown; errorType?: unknown; originalError?: Error };
export type Response = { data: Record<string, unknown>; errors: ResponseError[] };

/**
 * Return the data of a response, with its errors if it is partial: a URL that could not be signed is null. A query is
 * sent again while the API is busy; a mutation is not.
 */
export function request(query: string, variables: Record<string, unknown>): Promise<Response> {
  return query.startsWith("query") ? retried(() => send(query, variables)) : send(query, variables);
}

async function send(query: string, variables: Record<string, unknown>): Promise<Response> {
  const sent = client.graphql<unknown>({ query, variables: variables as never }) as Promise<unknown>;
  const [response, thrown] = await inTime(sent).then(
    (received) => [received, null] as const,
    (error: unknown) => [error, error] as const,
  );
  const { data, errors } = (response ?? {}) as { data?: unknown; errors?: unknown };
  const found = Array.isArray(errors) ? errors.map((error): ResponseError => error ?? {}) : [];
  const isUsable = typeof data === "object" && data !== null && !Array.isArray(data);
  if (isUsable && (!thrown || Object.values(data).some(Boolean))) {
    return { data: data as Record<string, unknown>, errors: found };
  }
  if (!thrown || found[0] === undefined) throw thrown instanceof Error ? refusal(thrown) : notUnderstood("no data");
  throw found[0].originalError ? refusal(found[0].originalError) : refused(found[0]);
}

function inTime<Value>(promise: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    const error = new PageError("The API did not respond in time.", "Check your connection, then try again.");
    timer = setTimeout(() => reject(error), LONGEST_WAIT);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

type AmplifyError = Error & { underlyingError?: unknown; response?: { statusCode?: number } };

/** Translate Amplify's own error: there was no GraphQL response. */
function refusal(error: AmplifyError): PageError {
  if (needsSignIn(error.underlyingError)) return new SessionEnded();
  if (error.underlyingError instanceof PageError || error instanceof PageError) return asPageError(error);
  if (isNetworkError(error)) return asPageError(error);
  if (error.name === "NoValidAuthTokens") return new SessionEnded();
  const status = error.response?.statusCode;
  if (status === 401 || error.name === "UnauthorizedException")
    return usesApiKey() ? keyRefused(error) : new SessionEnded();
  if (status === 429 || /Throttl|TooManyRequests|LimitExceeded/.test(error.name)) {
    return new Busy("The API received too many requests.", "Wait a minute, then try again.", error.name);
  }
  if (status === 503) return new Busy("The API is not available.", "Try again in a few minutes.", "HTTP 503");
  if (status && status >= 500) {
    return new PageError("The API is not available.", "Try again in a few minutes.", `HTTP ${status}`);
  }
  // The name is UnknownError if the response was not one of AWS.
  if (error instanceof SyntaxError || error instanceof TypeError || error.name === "UnknownError")
    return notUnderstood(status && `HTTP ${status}`);
  if (!status && error.underlyingError instanceof Error) return signInError(error.underlyingError);
  return refused({ message: error.message, errorType: error.name });
}

function usesApiKey(): boolean {
  return Boolean(Amplify.getConfig().API?.GraphQL?.apiKey);
}

function keyRefused({ name, message }: Error): PageError {
  return new PageError(
    "The API does not accept this page's API key.",
    "The key may have expired. Send this to your administrator:",
    `${name}: ${message}`,
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

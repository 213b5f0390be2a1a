/** An error to show: `message` says what failed, `advice` what to do, and `detail` helps an administrator. */
export class PageError extends Error {
  override readonly name: string = "PageError";

  constructor(
    message: string,
    readonly advice: string,
    readonly detail?: string,
  ) {
    super(message);
  }
}

/** The session has expired or was revoked. */
export class SessionEnded extends PageError {
  constructor() {
    super("Your session has ended.", "Sign in again to return to this folder.");
  }
}

export const TELL_ADMINISTRATOR = "Try again. If the problem persists, send this to your administrator:";

/** Convert anything thrown to an error to show. */
export function asPageError(thrown: unknown): PageError {
  if (thrown instanceof PageError) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (isNetworkError(error)) return unreachable("The API");
  return new PageError("Something went wrong in this page.", "Reload the page.", `${error.name}: ${error.message}`);
}

/** Return whether only signing in again helps; other errors of Cognito may be temporary. */
export function needsSignIn(error: unknown): boolean {
  const names = /^(NotAuthorized|UserNotFound|TokenRevoked|PasswordResetRequired|UserNotConfirmed|RefreshTokenReuse)/;
  return error instanceof Error && names.test(error.name);
}

/** Return the error for a server that sent no response. */
export function unreachable(what: string): PageError {
  return new PageError(`${what} cannot be reached.`, "Check your connection, then try again.");
}

/** Return whether there was no response: `fetch` throws a TypeError, Amplify a NetworkError. */
export function isNetworkError(error: Error): boolean {
  return error.name === "NetworkError" || (error instanceof TypeError && /fetch|network/i.test(error.message));
}

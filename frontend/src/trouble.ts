/** What went wrong, for a person: `message` says what, `advice` what to do, `detail` is what to tell an administrator. */
export class Trouble extends Error {
  override readonly name = "Trouble";

  constructor(
    message: string,
    readonly advice: string,
    readonly detail?: string,
  ) {
    super(message);
  }
}

/** Nobody is signed in any more. */
export class SessionEnded extends Trouble {
  constructor() {
    super("Your session has ended.", "Sign in again to go on where you were.");
  }
}

/** Whatever was thrown, as something that can be shown. */
export function asTrouble(thrown: unknown): Trouble {
  if (thrown instanceof Trouble) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (isNetworkError(error)) return unreachable("The files' service");
  return new Trouble("Something went wrong in this page.", "Reload the page.", `${error.name}: ${error.message}`);
}

/** Whether Cognito says with it that only a new sign-in helps; what else it says may pass. */
export function needsSignIn(error: unknown): boolean {
  const names = /^(NotAuthorized|UserNotFound|TokenRevoked|PasswordResetRequired|UserNotConfirmed|RefreshTokenReuse)/;
  return error instanceof Error && names.test(error.name);
}

/** A `Trouble` for something that gave no answer at all. */
export function unreachable(what: string): Trouble {
  return new Trouble(`${what} cannot be reached.`, "Check your connection, then try again.");
}

/** Whether it says that there was no answer: `fetch` throws a TypeError, Amplify names it. */
export function isNetworkError(error: Error): boolean {
  return error.name === "NetworkError" || (error instanceof TypeError && /fetch|network/i.test(error.message));
}

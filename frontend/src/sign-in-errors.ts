import type { SignInOutput } from "aws-amplify/auth";
import { isNetworkError, PageError, TELL_ADMINISTRATOR, unreachable } from "./page-error.ts";

/** The steps of the sign-in were too far apart, so it starts again. */
export class TooLate extends PageError {
  constructor() {
    super("The sign-in took too long.", "Start again with your e-mail address and the password you used.");
  }
}

const ASK = "Ask your administrator to";
const SECOND_FACTOR = [
  "Your account requires a second factor, which this page does not support yet.",
  `${ASK} turn it off for your account.`,
] as const;
const RESET = [
  "Your password was reset.",
  `This page cannot set a new one. ${ASK} give you a temporary password.`,
] as const;
const UNCONFIRMED = ["Your account is not confirmed yet.", `${ASK} confirm it.`] as const;
const UNSUPPORTED = ["This page does not support this way of signing in.", "Send this to your administrator:"] as const;
const TOO_MANY = ["Too many attempts.", "Wait 15 minutes, then try again."] as const;
// One message for both, so that nobody can find out who has an account.
const WRONG = ["Wrong e-mail address or password.", "Check both, and their capital letters, then try again."] as const;
const UNAVAILABLE = ["The sign-in service is not available.", "Check your connection, then try again."] as const;
const FAILED = [
  "Signing in failed.",
  "Reload the page and try again. If the problem persists, send this to your administrator:",
] as const;
const MISCONFIGURED = [
  "This page is not set up correctly for signing in.",
  "Send this to your administrator:",
] as const;

/** The steps of a sign-in that this page cannot do, and what the user can do instead. */
const STEPS: Partial<Record<SignInOutput["nextStep"]["signInStep"], readonly [string, string]>> = {
  CONFIRM_SIGN_IN_WITH_EMAIL_CODE: SECOND_FACTOR,
  CONFIRM_SIGN_IN_WITH_SMS_CODE: SECOND_FACTOR,
  CONFIRM_SIGN_IN_WITH_TOTP_CODE: SECOND_FACTOR,
  CONTINUE_SIGN_IN_WITH_EMAIL_SETUP: SECOND_FACTOR,
  CONTINUE_SIGN_IN_WITH_MFA_SELECTION: SECOND_FACTOR,
  CONTINUE_SIGN_IN_WITH_MFA_SETUP_SELECTION: SECOND_FACTOR,
  CONTINUE_SIGN_IN_WITH_TOTP_SETUP: SECOND_FACTOR,
  CONFIRM_SIGN_UP: UNCONFIRMED,
  RESET_PASSWORD: RESET,
};

/** Return the error for a step that this page cannot do. */
export function unsupportedStep(step: SignInOutput["nextStep"]["signInStep"]): PageError {
  return explained(STEPS[step] ?? UNSUPPORTED, step);
}

/**
 * What Cognito's exceptions mean.
 * https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RespondToAuthChallenge.html
 */
const BY_NAME: Record<string, readonly [string, string]> = {
  LimitExceededException: TOO_MANY,
  TooManyFailedAttemptsException: TOO_MANY,
  PasswordResetRequiredException: RESET,
  UserNotConfirmedException: UNCONFIRMED,
  UserNotFoundException: WRONG,
  PasswordHistoryPolicyViolationException: ["You have used this password before.", "Choose another one."],
  TooManyRequestsException: ["The sign-in service is busy.", "Wait a minute, then try again."],
  InternalErrorException: ["The sign-in service has failed.", "Try again in a few minutes."],
  ForbiddenException: ["The sign-in service refused the request.", TELL_ADMINISTRATOR],
  UserLambdaValidationException: ["Your organization does not allow this sign-in.", "Send this to your administrator:"],
  UserAlreadyAuthenticatedException: ["You are signed in already.", "Reload the page."],
  InvalidParameterException: MISCONFIGURED,
  InvalidUserPoolConfigurationException: MISCONFIGURED,
  ResourceNotFoundException: MISCONFIGURED,
  InvalidLambdaResponseException: MISCONFIGURED,
  UnexpectedLambdaException: MISCONFIGURED,
  MFAMethodNotFoundException: SECOND_FACTOR,
  SoftwareTokenMFANotFoundException: SECOND_FACTOR,
};

/** Cognito uses one exception for these, and only its message tells them apart. */
const BY_MESSAGE: [RegExp, readonly [string, string]][] = [
  [/temporary password has expired/i, ["Your temporary password has expired.", `${ASK} send you a new one.`]],
  [/disabled/i, ["Your account is disabled.", `${ASK} enable it.`]],
  [/attempts exceeded/i, TOO_MANY],
  [/not confirmed/i, UNCONFIRMED],
  [/reset required/i, RESET],
  [/secret hash|client.*(secret|not enabled)/i, MISCONFIGURED],
];
/** Translate what a sign-in threw; unknown exceptions are shown by name. */
export function signInError(thrown: unknown): PageError {
  if (thrown instanceof PageError) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { name, message } = error;
  const detail = `${name}: ${message}`;
  if (isNetworkError(error)) return unreachable("The sign-in service");
  if (name.startsWith("EmptySignIn") || name.startsWith("EmptyChallenge"))
    return new PageError("Fill in every field.", "");
  if (name === "InvalidPasswordException")
    return new PageError("This password does not meet the requirements.", message);
  // A page of a proxy, or of a network's sign-in.
  if (error instanceof SyntaxError || name === "UnknownError") return explained(UNAVAILABLE, detail);
  if (name !== "NotAuthorizedException") return explained(BY_NAME[name] ?? FAILED, detail);
  if (/session/i.test(message)) return new TooLate();
  return explained(BY_MESSAGE.find(([pattern]) => pattern.test(message))?.[1] ?? WRONG, detail);
}

/** Advice that ends with a colon is followed by the detail. */
function explained([message, advice]: readonly [string, string], detail: string): PageError {
  return advice.endsWith(":") ? new PageError(message, advice, detail) : new PageError(message, advice);
}

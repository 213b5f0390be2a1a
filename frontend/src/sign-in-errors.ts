import type { SignInOutput } from "aws-amplify/auth";
import { isNetworkError, PageError, TELL_ADMINISTRATOR, unreachable } from "./page-error.ts";

/** The sign-in cannot go on from the step that it had reached. */
export class StartAgain extends PageError {}

const ASK = "Ask your administrator to";
const NO_FACTOR = [
  "Your account requires a second factor that this page cannot set up.",
  `${ASK} allow an authenticator app.`,
] as const;
const LOST_FACTOR = ["The second factor of your account is not set up.", `${ASK} reset it.`] as const;
const UNCONFIRMED = ["Your account is not confirmed yet.", `${ASK} confirm it.`] as const;
const UNSUPPORTED = ["This page does not support this way of signing in.", "Send this to your administrator:"] as const;
const TOO_MANY = ["Too many attempts.", "Wait 15 minutes, then try again."] as const;
const TOO_MANY_CODES = ["Too many attempts.", "Wait an hour, then try again."] as const; // codes are limited by the hour
const WRONG_CODE = [
  "Wrong code.",
  "Use the newest code, then try again. An authenticator app needs the right time on its device.",
] as const;
const EXPIRED_CODE = [
  "This code has expired, or there is a newer one.",
  "Use the newest code, or get a new one.",
] as const;
const USED_CODE = ["This code was used before.", "Wait until your authenticator app shows the next one."] as const;
const TOO_LATE = [
  "The sign-in took too long or was interrupted.",
  "Start again with your e-mail address and the password you used.",
] as const;
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

/** Return the error for a step that this page cannot do. */
export function unsupportedStep(step: SignInOutput["nextStep"]["signInStep"]): PageError {
  return explained(step === "CONFIRM_SIGN_UP" ? UNCONFIRMED : UNSUPPORTED, step);
}

/**
 * What Cognito's exceptions mean.
 * https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RespondToAuthChallenge.html
 */
const BY_NAME: Record<string, readonly [string, string]> = {
  LimitExceededException: TOO_MANY_CODES,
  TooManyFailedAttemptsException: TOO_MANY_CODES,
  CodeMismatchException: WRONG_CODE,
  EnableSoftwareTokenMFAException: WRONG_CODE,
  ExpiredCodeException: EXPIRED_CODE,
  CodeDeliveryFailureException: [
    "The code could not be sent.",
    "Try again in a few minutes. If the problem persists, send this to your administrator:",
  ],
  UserNotConfirmedException: UNCONFIRMED,
  NotAuthorizedException: WRONG,
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
  MFAMethodNotFoundException: LOST_FACTOR,
  SoftwareTokenMFANotFoundException: LOST_FACTOR,
};

/** One exception has several meanings, and only its message tells them apart. */
const BY_MESSAGE: Record<string, [RegExp, readonly [string, string]][]> = {
  NotAuthorizedException: [
    [/temporary password has expired/i, ["Your temporary password has expired.", `${ASK} send you a new one.`]],
    [/disabled/i, ["Your account is disabled.", `${ASK} enable it.`]],
    [/attempts exceeded/i, TOO_MANY],
    [/not confirmed/i, UNCONFIRMED],
    [
      /cannot be reset in the current state/i,
      [
        "Your password cannot be reset before your first sign-in.",
        "Sign in with your temporary password. If it has expired, ask your administrator to send you a new one.",
      ],
    ],
    [/secret hash|client.*(secret|not enabled)/i, MISCONFIGURED],
  ],
  ExpiredCodeException: [[/already been used/i, USED_CODE]],
  InvalidParameterException: [
    [/'(userCode|confirmationCode)' failed/i, WRONG_CODE],
    [/'username' failed/i, WRONG],
    [/'password' failed/i, ["This password cannot be used.", "It must not start or end with a space."]],
    [
      /no registered|verified email/i,
      ["No code can be sent: your account has no verified e-mail address.", `${ASK} set a new password for you.`],
    ],
  ],
  // Of Amplify, for challenges that it does not know
  SignInException: [
    [/cannot initiate mfa setup/i, NO_FACTOR],
    [/[A-Z_]{4,} challengeName/, UNSUPPORTED],
  ],
};

/** Translate what a sign-in threw; unknown exceptions are shown by name. */
export function signInError(thrown: unknown): PageError {
  if (thrown instanceof PageError) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { name, message } = error;
  const detail = `${name}: ${message}`;
  if (isNetworkError(error)) return unreachable("The sign-in service");
  if (name.startsWith("Empty")) return new PageError("Fill in every field.", "");
  if (name === "InvalidPasswordException")
    return new PageError("This password does not meet the requirements.", message);
  // A page of a proxy, or of a network's sign-in.
  if (error instanceof SyntaxError || name === "UnknownError") return explained(UNAVAILABLE, detail);
  // The session of the sign-in has expired or was used; Amplify has none after a reload.
  if (/session/i.test(message) && /^(NotAuthorized|SignIn)Exception$/.test(name)) return new StartAgain(...TOO_LATE);
  const byMessage = BY_MESSAGE[name]?.find(([pattern]) => pattern.test(message))?.[1];
  return explained(byMessage ?? BY_NAME[name] ?? FAILED, detail);
}

/** Advice that ends with a colon is followed by the detail. */
function explained([message, advice]: readonly [string, string], detail: string): PageError {
  return advice.endsWith(":") ? new PageError(message, advice, detail) : new PageError(message, advice);
}

import { confirmResetPassword, confirmSignIn, resetPassword, type SignInOutput, signIn } from "aws-amplify/auth";
import { PageError } from "./page-error.ts";
import { StartAgain, unsupportedStep } from "./sign-in-errors.ts";
import { containsSignature } from "./signed-url.ts";

export type Factor = "TOTP" | "SMS" | "EMAIL";
/** What the form shows. `missing`: attributes that the user pool requires; `destination`: masked, where a code went. */
export type Step =
  | { name: "password" }
  | { name: "new password"; missing: string[] }
  | { name: "code"; factor: Factor; destination?: string | undefined }
  | { name: "choose factor"; factors: Factor[] }
  | { name: "set up app"; secret: string }
  | { name: "set up e-mail" }
  | { name: "forgot password" }
  | { name: "reset password"; destination?: string | undefined; resent?: boolean };

/** Submit the form of a step. Returns the next step, or null if the user is signed in. */
export async function submitStep(step: Step, form: FormData): Promise<Step | null> {
  const typed = (name: string) => String(form.get(name) ?? ""); // passwords are sent as typed
  const username = typed("username").trim();
  if (containsSignature(username)) throw new PageError("This is a link, not an e-mail address.", "Try again.");
  switch (step.name) {
    case "password":
      return stepAfter(await signIn({ username, password: typed("password") }));
    case "new password": {
      const userAttributes = Object.fromEntries(step.missing.map((name) => [name, typed(`attribute ${name}`).trim()]));
      return stepAfter(await confirmSignIn({ challengeResponse: typed("new-password"), options: { userAttributes } }));
    }
    case "code":
    case "set up app":
      return stepAfter(await confirmSignIn({ challengeResponse: codeOf(typed("code")) }));
    case "choose factor":
      return stepAfter(await confirmSignIn({ challengeResponse: typed("factor") }));
    case "set up e-mail":
      return stepAfter(await confirmSignIn({ challengeResponse: addressOf(typed("address")) }));
    case "forgot password":
      return await sendCode(username);
    case "reset password": {
      const password = typed("new-password");
      const confirmationCode = codeOf(typed("code"));
      await confirmResetPassword({ username, confirmationCode, newPassword: password });
      const signedIn = signIn({ username, password }).catch(() => {
        throw new StartAgain("Your new password is set.", "Sign in with it.");
      });
      return stepAfter(await signedIn);
    }
  }
}

/** Send a code with which the user can set a new password. Returns the step that needs it. */
export async function sendCode(username: string): Promise<Step> {
  const { nextStep } = await resetPassword({ username });
  return { name: "reset password", destination: nextStep.codeDeliveryDetails.destination };
}

/** Return the step that a response requires, or null if the user is signed in. Throws PageError for one not supported. */
export function stepAfter({ nextStep }: SignInOutput): Step | null {
  switch (nextStep.signInStep) {
    case "DONE":
      return null;
    case "CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED":
      return { name: "new password", missing: nextStep.missingAttributes ?? [] };
    case "CONFIRM_SIGN_IN_WITH_TOTP_CODE":
      return { name: "code", factor: "TOTP" };
    case "CONFIRM_SIGN_IN_WITH_SMS_CODE":
      return { name: "code", factor: "SMS", destination: nextStep.codeDeliveryDetails?.destination };
    case "CONFIRM_SIGN_IN_WITH_EMAIL_CODE":
      return { name: "code", factor: "EMAIL", destination: nextStep.codeDeliveryDetails?.destination };
    case "CONTINUE_SIGN_IN_WITH_MFA_SELECTION":
    case "CONTINUE_SIGN_IN_WITH_MFA_SETUP_SELECTION":
      return { name: "choose factor", factors: nextStep.allowedMFATypes ?? [] };
    case "CONTINUE_SIGN_IN_WITH_TOTP_SETUP":
      return { name: "set up app", secret: nextStep.totpSetupDetails.sharedSecret };
    case "CONTINUE_SIGN_IN_WITH_EMAIL_SETUP":
      return { name: "set up e-mail" };
    case "RESET_PASSWORD":
      return { name: "reset password" };
    default:
      throw unsupportedStep(nextStep.signInStep);
  }
}

/** Return a code without the spaces and hyphens with which apps and messages group its digits. */
function codeOf(typed: string): string {
  const code = typed.replace(/[\s-]/g, "");
  if (!/^\d*$/.test(code)) throw new PageError("This is not a code.", "A code has only digits. Try again.");
  return code;
}

function addressOf(typed: string): string {
  const address = typed.trim();
  if (address && !address.includes("@")) throw new PageError("This is not an e-mail address.", "Try again.");
  return address;
}

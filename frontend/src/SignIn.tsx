import { confirmSignIn, type SignInOutput, signIn } from "aws-amplify/auth";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import type { Config } from "./config.ts";
import { currentUser } from "./session.ts";
import { asPageError, PageError } from "./page-error.ts";

type Step = "password" | "new password";
type Props = { config: Config; notice: string; onSignedIn: (name: string) => void };

/** Signs in by SRP, which never sends the password; sets a new one if Cognito requires it. */
export default function SignIn({ config, notice, onSignedIn }: Props) {
  const [step, setStep] = useState<Step>("password");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<PageError | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const { DemoUser, DemoPassword } = config;

  // A new step or a new problem moves the focus to the first empty field
  useEffect(
    () => form.current?.querySelector<HTMLInputElement>("input:not([readonly]):placeholder-shown")?.focus(),
    [step, problem],
  );

  async function submitStep(send: () => Promise<SignInOutput>) {
    setBusy(true);
    setProblem(null);
    try {
      const { isSignedIn, nextStep } = await send();
      if (isSignedIn) onSignedIn((await currentUser()) ?? "");
      else setStep(stepOf(nextStep.signInStep));
    } catch (thrown) {
      form.current?.querySelectorAll<HTMLInputElement>("input[type=password], #code").forEach((input) => {
        input.value = "";
      });
      setProblem(explained(thrown));
    } finally {
      setBusy(false);
    }
  }

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const typed = new FormData(event.currentTarget);
    const value = (name: string) => String(typed.get(name) ?? "");
    if (step === "password") {
      void submitStep(() => signIn({ username: value("username").trim(), password: value("password") }));
    } else {
      void submitStep(() => confirmSignIn({ challengeResponse: value("answer").trim() }));
    }
  }

  return (
    <main className="alone">
      <form className="sign-in" ref={form} onSubmit={submit} aria-labelledby="title" noValidate>
        <img src="./icon.svg" alt="" width="56" height="56" />
        <h1 id="title">Private files</h1>
        <p>{TITLES[step]}</p>
        {notice && step === "password" && !problem && (
          <p className="notice" role="status">
            {notice}
          </p>
        )}
        {problem && (
          <p className="problem" role="alert" id="problem">
            {problem.message} {problem.advice} {problem.detail && <code>{problem.detail}</code>}
          </p>
        )}
        {step === "password" && (
          <>
            <Field label="E-mail address">
              <input name="username" type="email" autoComplete="username" required placeholder=" " />
            </Field>
            <Field label="Password">
              <input
                name="password"
                type="password"
                autoComplete="current-password"
                required
                placeholder=" "
                aria-invalid={problem !== null}
                aria-describedby={problem ? "problem" : undefined}
              />
            </Field>
          </>
        )}
        {step === "new password" && (
          <Field label="New password" hint="At least 12 characters: upper and lower case, a digit and a symbol.">
            <input
              name="answer"
              type="password"
              autoComplete="new-password"
              required
              placeholder=" "
              aria-invalid={problem !== null}
            />
          </Field>
        )}
        <button type="submit" className="main" disabled={busy}>
          {busy ? "Signing in …" : step === "new password" ? "Set password" : "Sign in"}
        </button>
        {DemoUser && DemoPassword && step === "password" && (
          <button
            type="button"
            disabled={busy}
            onClick={() => submitStep(() => signIn({ username: DemoUser, password: DemoPassword }))}
          >
            Sign in as {DemoUser}
          </button>
        )}
      </form>
    </main>
  );
}

const TITLES: Record<Step, string> = {
  password: "Sign in to see your files.",
  "new password": "This is your first sign-in: choose a new password.",
};

function stepOf(next: SignInOutput["nextStep"]["signInStep"]): Step {
  if (next === "CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED") return "new password";
  throw new PageError("This page does not support this sign-in step.", "Send this to your administrator:", next);
}

/** Translate Cognito's exceptions; others are shown by name. */
function explained(thrown: unknown): PageError {
  const name = thrown instanceof Error ? thrown.name : "";
  const message = thrown instanceof Error ? thrown.message : "";
  // One message for both, so that nobody can find out who has an account.
  if (name === "UserNotFoundException" || (name === "NotAuthorizedException" && !/expired|session/i.test(message))) {
    return new PageError("Wrong e-mail address or password.", "Try again.");
  }
  if (name.startsWith("EmptySignIn") || name.startsWith("EmptyChallenge"))
    return new PageError("Fill in every field.", "");
  if (name === "InvalidPasswordException")
    return new PageError("This password does not meet the requirements.", message);
  if (name === "LimitExceededException" || name === "TooManyRequestsException") {
    return new PageError("Too many attempts.", "Wait a few minutes, then try again.");
  }
  const error = asPageError(thrown);
  return error.detail ? new PageError("Signing in failed.", "Reload the page, and try again.", error.detail) : error;
}

function Field({ label, hint, children }: { label: string; hint?: string; children: ReactNode }) {
  return (
    <label>
      <span>{label}</span>
      {children}
      {hint && <small>{hint}</small>}
    </label>
  );
}

import { confirmSignIn, type SignInOutput, signIn } from "aws-amplify/auth";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import type { Config } from "./config.ts";
import { PageError } from "./page-error.ts";
import { currentUser } from "./session.ts";
import { signInError, TooLate, unsupportedStep } from "./sign-in-errors.ts";
import { containsSignature } from "./signed-url.ts";
import { shown } from "./wording.ts";

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
      const error = signInError(thrown);
      if (error instanceof TooLate) setStep("password");
      setProblem(error);
    } finally {
      setBusy(false);
    }
  }

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const typed = new FormData(event.currentTarget);
    const value = (name: string) => String(typed.get(name) ?? "");
    if (step === "password") {
      void submitStep(() => {
        const username = value("username").trim();
        if (containsSignature(username)) throw new PageError("This is a link, not an e-mail address.", "Try again.");
        return signIn({ username, password: value("password") });
      });
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
            {problem.message} {problem.advice} {problem.detail && <code>{shown(problem.detail)}</code>}
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
  throw unsupportedStep(next);
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
